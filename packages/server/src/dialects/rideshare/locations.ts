import { isoTime } from '@waycast/protocol';
import { secondsFor } from '../../core/eta.ts';
import type { Fix } from '../../core/fix.ts';
import { haversine } from '../../core/geo.ts';
import type { CurrentLocation, HistoryLocation, LocationUpdate } from './messages.ts';

/** Degrees; null for a ride that goes nowhere yet. */
export type Destination = { readonly lat: number; readonly lng: number } | null;

const NO_WAY = { eta_seconds: null, distance_remaining_km: null, estimated_arrival_time: null };

/** The straight way that is left from a fix, as seen at `now` (epoch ms) [R9]. */
function remainingWay({ lat, lng, speed }: Fix, destination: Destination, now: number) {
  if (destination === null) return NO_WAY;
  const meters = haversine(lat, lng, destination.lat, destination.lng);
  const seconds = secondsFor('ride', meters, speed);
  return {
    eta_seconds: seconds,
    distance_remaining_km: Math.round(meters / 10) / 100,
    estimated_arrival_time: isoTime(now + seconds * 1_000),
  };
}

/** A fix as its ride's passengers hear of it; `now` is its receipt. */
export function locationUpdate(driverId: string, fix: Fix, destination: Destination, now: number): LocationUpdate {
  const { lat, lng, speed, bearing, at } = fix;
  return {
    type: 'location_update',
    driver_id: driverId,
    lat,
    lng,
    speed,
    bearing,
    timestamp: isoTime(at),
    ...remainingWay(fix, destination, now),
  };
}

/** The last fix of a ride as it is told to who comes later. */
export function currentLocation(driverId: string, fix: Fix, destination: Destination, now: number): CurrentLocation {
  return { ...historyLocation(driverId, fix), ...remainingWay(fix, destination, now) };
}

export function historyLocation(driverId: string, { lat, lng, speed, bearing, accuracy, at }: Fix): HistoryLocation {
  return { driver_id: driverId, lat, lng, speed, bearing, accuracy, timestamp: isoTime(at) };
}
