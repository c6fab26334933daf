import { Icon } from '../app/icons.tsx';
import { useLive, useServices } from '../app/services.ts';
import { VehicleGlyph } from '../app/vehicle-glyph.tsx';
import { useNow } from '../live/clock.ts';
import { LOOK_LABELS, lookOf } from '../live/fleet.ts';
import { useSelected, useStore } from '../live/store.ts';
import { formatAge, formatBearing, formatSpeed, shortId } from '../trips/format.ts';
import { PositionLine } from '../trips/position-line.tsx';

interface Props {
  following: boolean;
  onFollow: (follow: boolean) => void;
}

/** The driver behind a vehicle that was clicked. */
export function DriverCard({ following, onFollow }: Props) {
  const live = useLive();
  const { route } = useServices();
  const { driver: id, trip: openedTrip } = useStore(route.state);
  const detail = useStore(live.driver.detail);
  const vehicle = useSelected(live.fleet, (fleet) => (id === null ? undefined : fleet.vehicles.get(id)));
  const now = useNow();
  if (id === null) return null;
  const driver = detail?.id === id ? detail.driver : null;
  const own = detail?.id === id ? detail.location : null;
  const location = own !== null && (vehicle === undefined || own.timestamp >= vehicle.timestamp) ? own : (vehicle ?? null);
  const look = vehicle === undefined ? 'silent' : lookOf(vehicle);
  const trips = vehicle?.trips ?? driver?.trips ?? [];
  const about = [driver?.vehicle, driver?.plate].filter(Boolean).join(' · ');

  return (
    <section className="driver-card" data-testid="driver-card" data-driver-id={id} aria-label={`Driver ${id}`}>
      <header>
        <VehicleGlyph look={look} size={34} />
        <div>
          <h2>{driver?.name ?? id}</h2>
          <p className="faint">
            {LOOK_LABELS[look]}
            {about !== '' && ` · ${about}`}
            {driver?.name != null && ` · ${shortId(id)}`}
          </p>
        </div>
        <button type="button" className="button icon-only quiet" onClick={() => route.go({ driver: null })} aria-label="Close">
          <Icon name="close" />
        </button>
      </header>
      {detail?.missing && vehicle === undefined && <p className="faint">Nobody has heard of this driver.</p>}
      {location !== null && (
        <>
          <dl className="facts">
            <div>
              <dt>Speed</dt>
              <dd>{formatSpeed(location.speed)}</dd>
            </div>
            <div>
              <dt>Heading</dt>
              <dd>{formatBearing(location.bearing)}</dd>
            </div>
            <div>
              <dt>Last seen</dt>
              <dd>{formatAge(now - Date.parse(location.timestamp))}</dd>
            </div>
          </dl>
          <PositionLine location={location} now={null} />
        </>
      )}
      <div className="driver-trips">
        {trips
          .filter((trip) => trip !== openedTrip)
          .map((trip) => (
            <button key={trip} type="button" className="button" onClick={() => route.go({ trip, driver: null })} title={trip}>
              Open trip {shortId(trip)}
            </button>
          ))}
        <button type="button" className="button toggle" aria-pressed={following} onClick={() => onFollow(!following)}>
          <Icon name="follow" />
          {following ? 'Following' : 'Follow'}
        </button>
      </div>
    </section>
  );
}
