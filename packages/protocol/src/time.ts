import Type from 'typebox';

/** A moment as it comes in: ISO 8601 with an offset, or epoch milliseconds. */
export const Moment = Type.Union(
  [
    Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d(:?\\d\\d)?)$' }),
    Type.Integer({ minimum: 0, maximum: 253402300799999 }),
  ],
  { description: 'ISO 8601 with an offset, or epoch milliseconds', title: 'Moment' },
);

/** A moment as it goes out: ISO 8601, UTC, milliseconds. */
export const IsoTime = Type.String({ format: 'date-time', description: 'ISO 8601, UTC', title: 'IsoTime' });

const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):?(\d\d)?)$/;

/**
 * Epoch milliseconds of an incoming moment, or NaN when it is none. A time without an offset is refused:
 * guessing a zone would move a whole track by hours.
 */
export function parseMoment(value: string | number): number {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : Number.NaN;
  const m = ISO.exec(value);
  if (m === null) return Number.NaN;
  const [year, month, day, hour, minute, second] = [Number(m[1]), Number(m[2]), Number(m[3]), Number(m[4]), Number(m[5]), Number(m[6])];
  // Date.UTC takes the years 0 to 99 for 1900 to 1999, and nothing before 1970 can be said anyway.
  if (year < 1969 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return Number.NaN;
  if (day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return Number.NaN;
  const millis = m[7] === undefined ? 0 : Number(m[7].slice(0, 3).padEnd(3, '0'));
  const offset = m[8] === undefined ? 0 : (m[8] === '-' ? -1 : 1) * (Number(m[9]) * 60 + Number(m[10] ?? 0)) * 60_000;
  const at = Date.UTC(year, month - 1, day, hour, minute, second, millis) - offset;
  return at >= 0 ? at : Number.NaN;
}

let prefixes = new Map<number, string>();
const MOST_PREFIXES = 8_192;
const MILLIS = Array.from({ length: 1000 }, (_, i) => `${String(i).padStart(3, '0')}Z`);

/**
 * Epoch milliseconds as ISO 8601, UTC. Live times fall into few seconds, so the part up to the second is kept:
 * formatting dates was a twentieth of the work of a whole fix.
 */
export function isoTime(at: number): string {
  const second = Math.floor(at / 1000);
  let prefix = prefixes.get(second);
  if (prefix === undefined) {
    prefix = new Date(second * 1000).toISOString().slice(0, -4);
    if (prefixes.size >= MOST_PREFIXES) prefixes = new Map();
    prefixes.set(second, prefix);
  }
  return prefix + MILLIS[Math.floor(at - second * 1000)];
}
