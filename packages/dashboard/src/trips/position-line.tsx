import type { Location } from '@waycast/protocol';
import { formatAge, formatCoordinates, formatSpeed } from './format.ts';

type Shown = Pick<Location, 'lat' | 'lng' | 'timestamp' | 'speed'>;

/** Where the vehicle was last heard of, in numbers that can be copied; with its speed and age unless `now` is null. */
export function PositionLine({ location, now }: { location: Shown; now: number | null }) {
  return (
    <p className="position" data-testid="position" data-lat={location.lat} data-lng={location.lng} data-timestamp={location.timestamp}>
      <span className="coordinates">{formatCoordinates(location.lat, location.lng)}</span>
      {now !== null && location.speed !== null && <span>{formatSpeed(location.speed)}</span>}
      {now !== null && <span className="faint">{formatAge(now - Date.parse(location.timestamp))}</span>}
    </p>
  );
}
