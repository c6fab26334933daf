import type { FleetRow } from '../../hub/delivery.ts';
import type { Primary } from './primary.ts';

/** Everybody who was online when last stored whole, where they were then. */
export async function readFleet(primary: Primary): Promise<FleetRow[]> {
  return await primary.rows<FleetRow>(
    `SELECT driver_id AS driver, name, vehicle, status, stale, lat, lng, speed, bearing, captured_at AS at, heard_at AS "heardAt",
       trips, labels FROM driver_locations WHERE online AND lat IS NOT NULL`,
  );
}
