import { acknowledged, identityOf } from './acknowledged.ts';
import type { Ack, Attempt } from './journal.ts';
import { matching } from './matching.ts';
import { type HistoryRow, ms, type Violation } from './observed.ts';
import { bearingUnits, units } from './quantise.ts';

interface Content {
  readonly lat: number;
  readonly lng: number;
  readonly speed?: number | null | undefined;
  readonly bearing?: number | null | undefined;
  readonly accuracy?: number | null | undefined;
  readonly altitude?: number | null | undefined;
}

const hundredths = (value: number | null | undefined): number | null => (typeof value === 'number' ? units(value, 100) : null);

/** What of a fix must come back, after F1; `at` null stands for "its receipt". */
function contentKey(driver: string, at: number | null, fix: Content): string {
  const bearing = typeof fix.bearing === 'number' ? bearingUnits(fix.bearing) : null;
  const place = [units(fix.lat, 1e7), units(fix.lng, 1e7)];
  return JSON.stringify([driver, at, ...place, hundredths(fix.speed), bearing, hundredths(fix.accuracy), hundredths(fix.altitude)]);
}

function tell(driver: string, at: string | number | null, fix: Content): string {
  const when = at === null ? 'captured when received' : `captured ${new Date(ms(at)).toISOString()}`;
  const { speed = null, bearing = null, accuracy = null, altitude = null } = fix;
  return `${driver} ${fix.lat},${fix.lng} ${when} (speed ${speed}, bearing ${bearing}, accuracy ${accuracy}, altitude ${altitude})`;
}

/**
 * I1. History does not tell numbers, so rows are paired with the identities that could have made them, each identity
 * with one row at most: an acknowledged identity without a row is lost; a row without an identity is one too many.
 */
export function checkStored(attempts: readonly Attempt[], acks: readonly Ack[], history: readonly HistoryRow[]): Violation[] {
  const rowsOf = new Map<string, number[]>();
  const add = (key: string, row: number): void => {
    const rows = rowsOf.get(key);
    if (rows === undefined) rowsOf.set(key, [row]);
    else rows.push(row);
  };
  history.forEach((row, i) => {
    add(contentKey(row.driver, ms(row.timestamp), row), i);
    if (ms(row.timestamp) === ms(row.receivedAt)) add(contentKey(row.driver, null, row), i);
  });
  const { identities: acked, violations } = acknowledged(attempts, acks);
  const sends = [...Map.groupBy(attempts, identityOf)];
  const identities = [...sends.filter(([id]) => acked.has(id)), ...sends.filter(([id]) => !acked.has(id))];
  const edges = identities.map(([, same]) => {
    const contents = new Set(same.map((attempt) => contentKey(attempt.driver, attempt.fix.at, attempt.fix)));
    return [...new Set([...contents].flatMap((key) => rowsOf.get(key) ?? []))];
  });
  const rowOf = matching(edges);
  identities.forEach(([id, [attempt]], i) => {
    if (attempt === undefined || rowOf[i] !== -1 || !acked.has(id)) return;
    const number = attempt.seq === undefined ? '' : `, stream ${attempt.stream} seq ${attempt.seq}`;
    const what = tell(attempt.driver, attempt.fix.at, attempt.fix);
    violations.push({ rule: 'I1', code: 'lost', message: `acknowledged as stored, not in history: ${what}${number}` });
  });
  return [...violations, ...tooMany(history, new Set(rowOf), new Set(edges.flat()), attempts)];
}

function tooMany(history: readonly HistoryRow[], used: Set<number>, fitting: Set<number>, attempts: readonly Attempt[]): Violation[] {
  const place = (driver: string, at: number, fix: Content): string =>
    JSON.stringify([driver, at, units(fix.lat, 1e7), units(fix.lng, 1e7)]);
  const places = new Set(attempts.map(({ driver, fix }) => place(driver, fix.at ?? Number.NaN, fix)));
  return history.flatMap((row, i): Violation[] => {
    if (used.has(i)) return [];
    const what = tell(row.driver, row.timestamp, row);
    if (fitting.has(i)) return [{ rule: 'I1', code: 'twice', message: `more often in history than it was sent: ${what}` }];
    if (places.has(place(row.driver, ms(row.timestamp), row)))
      return [{ rule: 'I1', code: 'altered', message: `in history with other content than was sent: ${what}` }];
    return [{ rule: 'I1', code: 'never-attempted', message: `in history, never sent: ${what}` }];
  });
}
