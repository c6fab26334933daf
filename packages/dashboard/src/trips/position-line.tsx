import type { Location } from '@waycast/protocol';
import { formatAge, formatCoordinates } from './format.ts';

/** Where the vehicle was last heard of, in numbers that can be copied; with its age unless `now` is null. */
export function PositionLine({ location, now }: { location: Pick<Location, 'lat' | 'lng' | 'timestamp'>; now: number | null }) {
  return (
    <p className="position" data-testid="position" data-lat={location.lat} data-lng={location.lng} data-timestamp={location.timestamp}>
      <span className="coordinates">{formatCoordinates(location.lat, location.lng)}</span>
      {now !== null && <span className="faint">{formatAge(now - Date.parse(location.timestamp))}</span>}
    </p>
  );
}
