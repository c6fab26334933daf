import { isoTime } from '@waycast/protocol';
import type { Published } from '../../core/effects.ts';

/** What other services find in Redis. `ttl` in s. */
export interface DriverMirror {
  readonly kind: 'set';
  readonly key: string;
  readonly value: string;
  readonly ttl: number;
}

const KEPT_S = 300;

/** Where a driver is, in the words of the flat form; speed in km/h. Nothing for messages of anything but a driver's own feed [P11]. */
export function driverMirror(published: Published): readonly DriverMirror[] {
  if (published.type !== 'location' || !published.feed.startsWith('driver:')) return NOTHING;
  const { driverId, fix } = published;
  const { lat, lng, bearing: heading, speed, accuracy, at } = fix;
  const value = JSON.stringify({ driverId, lat, lng, heading, speed, accuracy, timestamp: isoTime(at) });
  return [{ kind: 'set', key: `driver_location_${driverId}`, value, ttl: KEPT_S }];
}

const NOTHING: readonly DriverMirror[] = [];
