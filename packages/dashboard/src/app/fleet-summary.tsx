import { useMemo } from 'react';
import { countLooks, LOOK_LABELS, type Look } from '../live/fleet.ts';
import { useStore } from '../live/store.ts';
import { useLive } from './services.ts';
import { VehicleGlyph } from './vehicle-glyph.tsx';

const LOOKS: Look[] = ['on-trip', 'online', 'busy', 'silent'];

/** How many vehicles there are and what they do; also the key to the map's signs. */
export function FleetSummary() {
  const fleet = useStore(useLive().fleet);
  const counts = useMemo(() => countLooks(fleet), [fleet]);
  return (
    <section className="fleet" aria-label="Fleet">
      <p className="fleet-total">
        <strong data-testid="vehicle-count">{fleet.vehicles.size}</strong> {fleet.vehicles.size === 1 ? 'vehicle' : 'vehicles'}
      </p>
      <ul className="fleet-looks">
        {LOOKS.map((look) => (
          <li key={look} data-look={look}>
            <VehicleGlyph look={look} />
            <span className="fleet-count">{counts[look]}</span>
            <span className="fleet-label">{LOOK_LABELS[look]}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
