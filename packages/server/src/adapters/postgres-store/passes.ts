import { type Box, boxAround, millimetres } from '../../core/around.ts';
import { EARTH_RADIUS } from '../../core/geo.ts';
import type { PassList, PassSearch } from '../../hub/storage-ports.ts';
import { NOT_ERASED } from './erased-id.ts';
import type { Primary } from './primary.ts';

/** So long PostgreSQL may look, ms: less than the connection waits, so that nothing is looked for that nobody wants any more. */
const PATIENCE_MS = 20_000;

interface PassRow {
  readonly driver: string;
  readonly first: number;
  readonly last: number;
  readonly fixes: number;
  readonly nearest: readonly [mm: number, at: number, id: number, lat: number, lng: number];
}

/**
 * Who passed a place, nearest first [Q].
 * @throws WaycastError `storage_unavailable`, also when there is too much to look through
 */
export async function readPasses(records: Primary, search: PassSearch, limit: number, patienceMs = PATIENCE_MS): Promise<PassList> {
  const { lat, lng, radius, from, to, drivers } = search;
  const { south, north, spans } = boxAround(search);
  const values = [lat, lng, millimetres(radius), from, to, south, north, ...edgesOf(spans), limit + 1];
  const rows = await records.transaction(async (client) => {
    await client.query(`SET LOCAL statement_timeout = ${patienceMs}; ${WAY}`);
    if (drivers === null) return (await client.query<PassRow>(passesOf(OF_EVERYBODY), values)).rows;
    return (await client.query<PassRow>(passesOf(OF_DRIVERS), [...values, drivers])).rows;
  });
  const items = rows.slice(0, limit).map(({ nearest: [mm, at, , y, x], ...pass }) => ({
    ...pass,
    nearest: { lat: y / 1e7, lng: x / 1e7, at, distance: mm / 1_000 },
  }));
  return { items, isComplete: rows.length <= limit };
}

/** Always two spans: the same one again does no harm. */
function edgesOf(spans: Box['spans']): readonly number[] {
  const [one = [0, -1], other = one] = spans;
  return [...one, ...other];
}

/**
 * Estimates are poor where late fixes lie among the others: the index of the time is always the way, and drivers are
 * gathered without sorting their fixes. Other processes of PostgreSQL take longer to begin than most searches take.
 */
const WAY = 'SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL max_parallel_workers_per_gather = 0';
/** As location_history_captured has it; by `at` alone all of location_history_track would be walked through. */
const OF_EVERYBODY = '(h.at + 0) BETWEEN $4 AND $5';
const OF_DRIVERS = 'h.at BETWEEN $4 AND $5 AND h.driver = ANY (ARRAY(SELECT n FROM driver WHERE id = ANY ($13::text[])))';
const RADIANS = `(pi() / 180)`;
const LAT = 'h.lat / 1e7::float8';
const LNG = 'h.lng / 1e7::float8';
/** F3, in millimetres (millimetres() in core/around.ts). */
const MM = `floor(2 * ${EARTH_RADIUS}::float8 * asin(sqrt(least(1,
    sin((${LAT} - $1) * ${RADIANS} * 0.5) ^ 2 + cos($1 * ${RADIANS}) * cos(${LAT} * ${RADIANS}) * sin((${LNG} - $2) * ${RADIANS} * 0.5) ^ 2
  ))) * 1000 + 0.5)`;

/**
 * The time by BRIN, then the box by plain numbers, then the circle by PostGIS, on its own sphere and so a little wider;
 * what is left is decided by the rule itself. Suspect ones are left out. Of equally near fixes the earlier, then the one received first [Q2].
 */
function passesOf(captured: string): string {
  return `SELECT d.id AS driver, p.first, p.last, p.fixes, p.nearest FROM (
    SELECT driver, min(at) AS first, max(at) AS last, count(*)::int AS fixes, min(ARRAY[mm, at, id, lat, lng]) AS nearest
    FROM (
      SELECT h.driver, h.at, h.id, h.lat, h.lng, ${MM} AS mm FROM location_history h
      WHERE ${captured} AND h.suspect = 0 AND h.lat BETWEEN $6 AND $7 AND (h.lng BETWEEN $8 AND $9 OR h.lng BETWEEN $10 AND $11)
        AND ST_DWithin(ST_MakePoint(${LNG}, ${LAT})::geography, ST_MakePoint($2, $1)::geography, $3::float8 * 1.00001e-3 + 0.1, false)
      OFFSET 0
    ) h WHERE mm <= $3 GROUP BY driver
  ) p JOIN driver d ON d.n = p.driver AND ${NOT_ERASED} ORDER BY p.nearest[1], d.id LIMIT $12`;
}
