import { type Driver, driverStatus, snapshotOf } from '../../core/driver.ts';
import { partitionOf } from '../../hub/partition.ts';
import { jsonOf } from './json-of.ts';

/** A driver to be stored whole, as it was when that was asked. */
export interface WholeDriver {
  readonly id: string;
  readonly position: number;
  /** To be JSON, with the driver's number. */
  readonly record: object;
}

export function wholeDriver(driver: Driver): WholeDriver {
  const { id, position, latest } = driver;
  const record = {
    id,
    partition: partitionOf(id),
    position,
    online: driver.online,
    // Told apart from what changes later: its members are the driver's own.
    state: jsonOf(snapshotOf(driver)),
    lat: latest?.lat ?? null,
    lng: latest?.lng ?? null,
    speed: latest?.speed ?? null,
    bearing: latest?.bearing ?? null,
    accuracy: latest?.accuracy ?? null,
    altitude: latest?.altitude ?? null,
    captured_at: latest?.at ?? null,
    heard_at: driver.lastSeenAt ?? latest?.at ?? null,
    status: driverStatus(driver),
    stale: driver.stale,
    name: driver.profile.name,
    vehicle: driver.profile.vehicle,
    labels: driver.trips.flatMap(({ trip }) => trip.labels),
    trips: driver.trips.map(({ trip }) => trip.id),
  };
  return { id, position, record };
}

const PLACE = 'lat, lng, speed, bearing, accuracy, altitude, captured_at, heard_at, status, online, stale, name, vehicle, labels, trips';

/** Drivers as `STORE_WHOLE` reads them; `numberOf`: of a driver, by its id. */
export function wholeRecords(drivers: readonly WholeDriver[], numberOf: (id: string) => number): string {
  return jsonOf(drivers.map(({ id, record }) => ({ n: numberOf(id), ...record })));
}

/** Keeps drivers ($1) whole, for their owners and for everybody else. */
export const STORE_WHOLE = `WITH g AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json) AS g (n int, id text, partition smallint, position bigint, state text, lat float8, lng float8,
      speed float8, bearing float8, accuracy float8, altitude float8, captured_at bigint, heard_at bigint, status text, online boolean,
      stale boolean, name text, vehicle text, labels text[], trips text[])
  ), snapshots AS (
    INSERT INTO driver_snapshot (driver, partition, position, online, state) SELECT n, partition, position, online, state::json FROM g
    ON CONFLICT (driver) DO UPDATE SET position = excluded.position, online = excluded.online, state = excluded.state
  )
  INSERT INTO driver_locations (driver_id, location, ${PLACE})
  SELECT id, CASE WHEN lat IS NOT NULL THEN ST_SetSRID(ST_MakePoint(lng, lat), 4326)::geography END, ${PLACE} FROM g
  ON CONFLICT (driver_id) DO UPDATE SET location = excluded.location,
    ${PLACE.split(', ')
      .map((column) => `${column} = excluded.${column}`)
      .join(', ')}`;

/** Notes since when drivers have rows their snapshots lack ($1 drivers, $2 positions, $3 receipts), unless that is noted already. */
export const NOTE_TAILS = `INSERT INTO driver_tail (driver, since, received)
  SELECT g.driver, g.since, g.received FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS g (driver, since, received)
  LEFT JOIN driver_tail t ON t.driver = g.driver LEFT JOIN driver_snapshot s ON s.driver = g.driver
  WHERE t.driver IS NULL OR t.since <= s.position
  ON CONFLICT (driver) DO UPDATE SET since = excluded.since, received = excluded.received`;
