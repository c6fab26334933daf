import { useMemo } from 'react';
import { useLive, useServices } from '../app/services.ts';
import { VehicleGlyph } from '../app/vehicle-glyph.tsx';
import { LOOK_LABELS, lookOf } from '../live/fleet.ts';
import { useStore } from '../live/store.ts';
import { formatSpeed } from './format.ts';

const MOST = 20;

/** Vehicles that fit the search, so that those without a trip can be found, and opened without a mouse. */
export function VehicleMatches({ text }: { text: string }) {
  const { vehicles } = useStore(useLive().fleet);
  const { route } = useServices();
  const wanted = text.trim().toLowerCase();
  const found = useMemo(
    () =>
      wanted === '' ? [] : [...vehicles.values()].filter(({ driver, name }) => `${driver} ${name ?? ''}`.toLowerCase().includes(wanted)),
    [vehicles, wanted],
  );
  if (found.length === 0) return null;
  return (
    <section aria-label="Vehicles found">
      <h2 className="trips-heading">Vehicles{found.length > MOST && ` (${MOST} of ${found.length})`}</h2>
      <ul className="trip-rows">
        {found.slice(0, MOST).map((vehicle) => (
          <li key={vehicle.driver}>
            <button
              type="button"
              className="trip-row"
              data-testid="vehicle-row"
              data-driver-id={vehicle.driver}
              onClick={() => route.go({ driver: vehicle.driver })}
            >
              <span className="kind">
                <VehicleGlyph look={lookOf(vehicle)} size={24} />
              </span>
              <span className="trip-row-main">
                <span className="trip-row-driver">{vehicle.name ?? vehicle.driver}</span>
                <span className="trip-row-id">{LOOK_LABELS[lookOf(vehicle)]}</span>
              </span>
              <span className="trip-row-side trip-row-stops">{formatSpeed(vehicle.speed)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
