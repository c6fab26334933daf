import type { DriverSnapshot } from '../../core/driver.ts';
import type { FixRow } from '../../core/effects.ts';
import { fixRowOf, type HistoryFix } from '../../core/kept-fix.ts';
import { type Page, splitCursor } from '../../hub/page.ts';
import type { StoredDriver } from '../../hub/storage-ports.ts';
import { COLUMNS, HISTORY, type HistoryRow, listed } from './fixes.ts';
import type { Primary } from './primary.ts';

/** Clocks of processes differ: what was received so long before a driver's tail began may still be part of it. */
const CLOCKS_MS = 600_000;

interface DriverRow {
  readonly n: number;
  readonly id: string;
  readonly state: DriverSnapshot | null;
  readonly position: number | null;
  readonly since: number | null;
  readonly received: number | null;
}

/** Drivers as they were stored; of each what came after its snapshot, in the order it was applied. */
export async function loadDrivers(primary: Primary, ids: readonly string[]): Promise<StoredDriver[]> {
  const drivers = await primary.rows<DriverRow>(LOAD, [ids]);
  const behind = drivers.filter(({ since, position }) => since !== null && since > (position ?? 0));
  const rows = new Map<number, FixRow[]>(behind.map(({ n }) => [n, []]));
  if (behind.length > 0) {
    const names = new Map(behind.map(({ n, id }) => [n, id]));
    const found = await primary.rows<HistoryRow & { driver: number }>(TAILS, [
      listed(behind.map(({ n }) => n)),
      listed(behind.map(({ position }) => position ?? 0)),
      listed(behind.map(({ received }) => (received ?? 0) - CLOCKS_MS)),
    ]);
    for (const row of found) rows.get(row.driver)?.push(fixRowOf(row, names.get(row.driver) ?? '', row.position));
  }
  return drivers.map(({ n, id, state, position }) => {
    const damage = state === null && position !== null ? 'its snapshot is null' : undefined;
    return { id, snapshot: state, rows: rows.get(n) ?? [], damage };
  });
}

/** Fixes of a driver by capture, ties by receipt [F12]. */
export async function readLocations(
  records: Primary,
  driverId: string,
  from: number,
  to: number,
  limit: number,
  cursor: string | null,
): Promise<Page<HistoryFix>> {
  const [at, id] = cursor === null ? [from, '-1'] : splitCursor(cursor);
  const rows = await records.rows<HistoryRow>(
    `SELECT ${COLUMNS} FROM ${HISTORY} WHERE h.driver = (SELECT n FROM driver WHERE id = $1) AND (h.at, h.id) > ($2::bigint, $3::bigint)
     AND h.at <= $4 ORDER BY h.at, h.id LIMIT $5`,
    [driverId, at, id, to, limit + 1],
  );
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  const items = rows.slice(0, limit).map((row) => fixRowOf(row, driverId, row.position));
  return { items, cursor: last === undefined ? null : `${last.at}~${last.id}` };
}

export async function readLocationsBefore(
  records: Primary,
  driverId: string,
  at: number,
  limit: number,
  since: number,
): Promise<HistoryFix[]> {
  const rows = await records.rows<HistoryRow>(
    `SELECT ${COLUMNS} FROM ${HISTORY} WHERE h.driver = (SELECT n FROM driver WHERE id = $1) AND h.at >= $2 AND h.at < $3
     ORDER BY h.at DESC, h.id DESC LIMIT $4`,
    [driverId, since, at, limit],
  );
  return rows.reverse().map((row) => fixRowOf(row, driverId, row.position));
}

/** Only those the store has ever heard of: a number alone may be left of a commit that failed. */
const LOAD = `SELECT d.n, d.id, s.state, s.position, t.since, t.received FROM driver d
  LEFT JOIN driver_snapshot s ON s.driver = d.n LEFT JOIN driver_tail t ON t.driver = d.n
  WHERE d.id = ANY ($1::text[]) AND (s.driver IS NOT NULL OR t.driver IS NOT NULL)`;
const TAILS = `SELECT h.* FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS g (driver, position, received)
  CROSS JOIN LATERAL (
    SELECT h.driver, ${COLUMNS} FROM ${HISTORY} WHERE h.driver = g.driver AND h.received >= g.received AND h.position > g.position OFFSET 0
  ) h ORDER BY h.position`;
