import { isoTime } from '@waycast/protocol';
import type { Published } from '../../core/effects.ts';
import type { MirrorSet } from '../../hub/mirror-write.ts';

const KEPT_S = 300;

/** Where a driver is, in the words of the flat form; speed in km/h. Nothing for messages of anything but a driver's own feed [P11]. */
export function driverMirror(published: Published): readonly MirrorSet[] {
  if (published.type !== 'location' || !published.feed.startsWith('driver:')) return NOTHING;
  const { driverId, fix } = published;
  const { lat, lng, bearing: heading, speed, accuracy, at } = fix;
  const value = JSON.stringify({ driverId, lat, lng, heading, speed, accuracy, timestamp: isoTime(at) });
  return [{ kind: 'set', key: `driver_location_${driverId}`, value, ttl: KEPT_S }];
}

const NOTHING: readonly MirrorSet[] = [];
