import type { TripView } from '@waycast/protocol';
import { useEffect, useRef } from 'react';
import { Icon } from '../app/icons.tsx';
import { useLive, useServices } from '../app/services.ts';
import { VehicleGlyph } from '../app/vehicle-glyph.tsx';
import { useNow } from '../live/clock.ts';
import { LOOK_LABELS, type Look, lookOf } from '../live/fleet.ts';
import { useSelected, useStore } from '../live/store.ts';
import type { TripDetail } from '../live/trip-detail.ts';
import { formatDistance, formatMinutes } from './format.ts';
import { PositionLine } from './position-line.tsx';
import { isOpen, KIND_LABELS, nextStop } from './status.ts';
import { StatusPill } from './status-pill.tsx';
import { StopList, secondsLeft } from './stop-list.tsx';
import { Timeline } from './timeline.tsx';

interface Props {
  following: boolean;
  onFollow: (follow: boolean) => void;
}

/** One trip: who drives it, where it goes, what happened, when it will be there. */
export function TripPanel({ following, onFollow }: Props) {
  const live = useLive();
  const { route } = useServices();
  const detail = useStore(live.trip.detail);
  const back = useRef<HTMLButtonElement>(null);

  useEffect(() => back.current?.focus({ preventScroll: true }), []);

  return (
    <article className="trip-panel" data-testid="trip-panel" data-trip-id={detail?.id} data-status={detail?.trip?.status}>
      <div className="trip-nav">
        <button type="button" className="button quiet" ref={back} onClick={() => route.go({ trip: null, driver: null })}>
          <Icon name="back" />
          All trips
        </button>
        {detail?.trip?.driverId != null && detail.phase === 'ready' && (
          <button type="button" className="button toggle" aria-pressed={following} onClick={() => onFollow(!following)}>
            <Icon name="follow" />
            {following ? 'Following' : 'Follow'}
          </button>
        )}
      </div>
      {detail === null || detail.phase === 'loading' ? <p className="waiting">Reading the trip…</p> : <Body detail={detail} />}
    </article>
  );
}

function Body({ detail }: { detail: TripDetail }) {
  const now = useNow();
  if (detail.phase === 'missing') {
    return (
      <div className="empty">
        <p>There is no trip with this id here.</p>
        <code>{detail.id}</code>
      </div>
    );
  }
  if (detail.trip === null) return <p className="waiting">The trip could not be read. Trying again by itself.</p>;
  return (
    <>
      <TripHead trip={detail.trip} />
      <DriverLine detail={detail} trip={detail.trip} now={now} />
      <Facts detail={detail} trip={detail.trip} now={now} />
      <h3>Stops</h3>
      <StopList detail={detail} trip={detail.trip} now={now} />
      <h3>What happened</h3>
      <Timeline events={detail.events} trip={detail.trip} now={now} />
    </>
  );
}

function TripHead({ trip }: { trip: TripView }) {
  return (
    <header className="trip-head">
      <p className="trip-kind">
        <Icon name={trip.kind} size={18} />
        {KIND_LABELS[trip.kind]}
        {trip.labels.map((label) => (
          <span key={label} className="label">
            {label}
          </span>
        ))}
      </p>
      <h2>{trip.id}</h2>
      <StatusPill status={trip.status} />
    </header>
  );
}

function DriverLine({ detail, trip, now }: { detail: TripDetail; trip: TripView; now: number }) {
  const { route } = useServices();
  const { driverId } = trip;
  const look = useSelected(useLive().fleet, (fleet): Look => {
    const vehicle = driverId === null ? undefined : fleet.vehicles.get(driverId);
    return vehicle === undefined ? 'silent' : lookOf(vehicle);
  });
  if (driverId === null) return <p className="driver-line none">No driver yet</p>;
  const about = [detail.driver?.vehicle, detail.driver?.plate].filter(Boolean).join(' · ');
  return (
    <div className="driver-line">
      <button type="button" className="driver-open" onClick={() => route.go({ driver: driverId })}>
        <VehicleGlyph look={look} size={28} />
        <span>
          <strong>{trip.driverName ?? detail.driver?.name ?? driverId}</strong>
          <span className="faint">{about === '' ? LOOK_LABELS[look] : `${LOOK_LABELS[look]} · ${about}`}</span>
        </span>
      </button>
      {detail.location !== null && <PositionLine location={detail.location} now={now} />}
    </div>
  );
}

function Facts({ detail, trip, now }: { detail: TripDetail; trip: TripView; now: number }) {
  const since = trip.startedAt === null ? null : (trip.duration ?? (now - Date.parse(trip.startedAt)) / 1000);
  const next = isOpen(trip.status) ? nextStop(trip) : null;
  const left = next === null ? null : secondsLeft(detail, next, now);
  return (
    <dl className="facts">
      {next !== null && (
        <div>
          <dt>Next stop</dt>
          <dd data-testid="next-stop">{left === null ? 'unknown' : formatMinutes(left)}</dd>
        </div>
      )}
      <div>
        <dt>Distance</dt>
        <dd data-testid="trip-distance">{formatDistance(detail.distance)}</dd>
      </div>
      <div>
        <dt>Under way</dt>
        <dd>{since === null ? 'not started' : formatMinutes(since)}</dd>
      </div>
    </dl>
  );
}
