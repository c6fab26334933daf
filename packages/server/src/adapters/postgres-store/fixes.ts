import type { Client } from 'pg';
import type { FixRow } from '../../core/effects.ts';
import { type KeptFix, suspectNumber } from '../../core/kept-fix.ts';
import { copyIn } from './copy-in.ts';
import type { Names } from './names.ts';

/** As COPY writes it. */
const NULL = '\\N';

/** A fix as it lies in location_history. */
export interface HistoryRow extends KeptFix {
  readonly position: number;
}

/** Fixes `h` with their streams `s`: said to be of the same driver, so that nobody looks through the streams of all for those of one. */
export const HISTORY = 'location_history h LEFT JOIN stream s ON s.n = h.stream AND s.driver = h.driver';

/** What is read of a fix of `HISTORY`. */
export const COLUMNS = `h.at, h.id, h.lat, h.lng, h.speed, h.bearing, h.accuracy, h.altitude, h.suspect, h.received,
  s.id AS stream, h.seq, h.position`;

const COPY = `COPY location_history
  (driver, stream, at, lat, lng, speed, bearing, accuracy, altitude, suspect, received, seq, position) FROM STDIN`;

/** Adds rows to history, in their order. By COPY: half as quick again as arrays are. */
export function insertFixes(client: Client, rows: readonly FixRow[], names: Names): Promise<void> {
  let lines = '';
  for (const row of rows) {
    const { fix } = row;
    const driver = names.driver(row.driverId);
    lines += `${driver}\t${names.stream(driver, row.stream)}\t${fix.at}\t${Math.round(fix.lat * 1e7)}\t${Math.round(fix.lng * 1e7)}\t${hundredths(fix.speed)}\t${hundredths(fix.bearing)}\t${hundredths(fix.accuracy)}\t${hundredths(fix.altitude)}\t${suspectNumber(row.suspect)}\t${row.receivedAt}\t${row.seq ?? NULL}\t${row.position}\n`;
  }
  return copyIn(client, COPY, lines);
}

/** Which of the unsure rows, by index, are in history, or earlier among these rows, already [F9, F10]. */
export async function knownFixes(client: Client, rows: readonly FixRow[], names: Names): Promise<number[]> {
  const stored = await knownInHistory(client, rows, names);
  const drivers = new Set(rows.filter(({ unsure }) => unsure).map(({ driverId }) => driverId));
  const seen = new Set<string>();
  const known: number[] = [];
  rows.forEach((row, index) => {
    if (!drivers.has(row.driverId)) return;
    if (row.unsure && (stored.has(index) || seen.has(keyOf(row)))) known.push(index);
    else for (const key of [contentKey(row), keyOf(row)]) seen.add(key);
  });
  return known;
}

/** Everything is looked for under its number, or under its content without one. */
async function knownInHistory(client: Client, rows: readonly FixRow[], names: Names): Promise<Set<number>> {
  const unsure = rows.map((row, index) => ({ row, index, driver: names.driver(row.driverId) })).filter(({ row }) => row.unsure);
  const values = [
    listed(unsure.map(({ index }) => index)),
    listed(unsure.map(({ driver }) => driver)),
    listed(unsure.map(({ row }) => row.fix.at)),
    listed(unsure.map(({ row }) => Math.round(row.fix.lat * 1e7))),
    listed(unsure.map(({ row }) => Math.round(row.fix.lng * 1e7))),
    listed(unsure.map(({ row, driver }) => names.stream(driver, row.stream))),
    listed(unsure.map(({ row }) => row.seq)),
  ];
  const { rows: found } = await client.query<{ i: number }>({ name: 'known', text: KNOWN, values });
  return new Set(found.map(({ i }) => i));
}

const KNOWN = `SELECT g.i FROM unnest($1::int[], $2::int[], $3::bigint[], $4::int[], $5::int[], $6::int[], $7::bigint[])
    AS g (i, driver, at, lat, lng, stream, seq)
  WHERE CASE WHEN g.seq IS NULL
    THEN EXISTS (SELECT 1 FROM location_history h WHERE h.driver = g.driver AND h.at = g.at AND h.lat = g.lat AND h.lng = g.lng)
    ELSE EXISTS (SELECT 1 FROM location_history h WHERE h.driver = g.driver AND h.at = g.at AND h.stream = g.stream AND h.seq = g.seq) END`;

/** An array of numbers as PostgreSQL writes it. */
export function listed(numbers: readonly (number | null)[]): string {
  // `join` would leave nulls empty.
  return `{${numbers.map((n) => n ?? 'NULL').join(',')}}`;
}

function keyOf(row: FixRow): string {
  return row.seq === null ? contentKey(row) : `${row.driverId}/${row.fix.at}#${row.stream}:${row.seq}`;
}

function contentKey({ driverId, fix }: FixRow): string {
  return `${driverId}/${fix.at}/${Math.round(fix.lat * 1e7)}/${Math.round(fix.lng * 1e7)}`;
}

function hundredths(value: number | null): number | string {
  return value === null ? NULL : Math.round(value * 100);
}
