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
  return [{ kind: 'set', key: keyOf(driverId), value, ttl: KEPT_S }];
}

/** What there is of a driver. */
export function driverKeys(driverId: string): readonly string[] {
  return [keyOf(driverId)];
}

function keyOf(driverId: string): string {
  return `driver_location_${driverId}`;
}

const NOTHING: readonly MirrorSet[] = [];
