import { parseMoment } from '@waycast/protocol';

const STAMP = /^(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d:\d\d)(:\d\d)?(?:[.,](\d+))? ?(Z|[+-]\d\d(?::?\d\d)?)?$/i;
const NUMBER = /^\d+(\.\d+)?$/;
const OFFSET = /^(?:Z|UTC|([+-])(\d\d?)(?::?(\d\d))?)$/i;
/** epoch s of 1973: a smaller number is a count of something else */
const SMALLEST = 100_000_000;
/** from here on a number counts ms */
const MILLIS = 100_000_000_000;

/** `+02:00`, `-0530`, `+2`, `Z` as ISO 8601 writes it. @throws RangeError for anything else */
export function readOffset(text: string): string {
  const m = OFFSET.exec(text.trim());
  const [hours, minutes] = [Number(m?.[2] ?? 0), Number(m?.[3] ?? 0)];
  if (m === null || hours > 14 || minutes > 59) throw new RangeError(`'${text}' is no offset from UTC, as +02:00 is`);
  return m[1] === undefined ? 'Z' : `${m[1]}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
}

/** Epoch ms of a time in a file: ISO 8601 or epoch s or ms; NaN for anything else. `offset` is for times without one. */
export function readTime(text: string, offset: string): number {
  const value = text.trim();
  if (NUMBER.test(value)) {
    const number = Number(value);
    if (number < SMALLEST) return Number.NaN;
    return parseMoment(Math.round(number < MILLIS ? number * 1000 : number));
  }
  const m = STAMP.exec(value);
  if (m === null) return Number.NaN;
  const fraction = m[6] === undefined ? '' : `.${m[6].slice(0, 9)}`;
  return parseMoment(`${m[1]}-${m[2]}-${m[3]}T${m[4]}${m[5] ?? ':00'}${fraction}${(m[7] ?? offset).toUpperCase()}`);
}
