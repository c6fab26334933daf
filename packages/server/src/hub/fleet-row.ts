import { driverStatus, type SeenDriver } from '../core/driver.ts';
import type { FleetRow } from './delivery.ts';

const NO_NAMES: readonly string[] = [];

/** A driver as the whole-fleet feed tells it; null for one that is offline, or has no position yet. */
export function fleetRowOf(driver: SeenDriver): FleetRow | null {
  const { latest } = driver;
  if (latest === null || !driver.online) return null;
  return {
    driver: driver.id,
    name: driver.profile.name,
    vehicle: driver.profile.vehicle,
    status: driverStatus(driver),
    stale: driver.stale,
    lat: latest.lat,
    lng: latest.lng,
    speed: latest.speed,
    bearing: latest.bearing,
    at: latest.at,
    heardAt: driver.lastSeenAt ?? latest.at,
    trips: driver.trips.length === 0 ? NO_NAMES : driver.trips.map((active) => active.trip.id),
    labels: driver.trips.length === 0 ? NO_NAMES : driver.trips.flatMap((active) => active.trip.labels),
  };
}
