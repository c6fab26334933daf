import fc from 'fast-check';
import { type ArchivedFix, byPlace, DAY_MS } from '../ports.ts';

/** A day far in the past, counted since 1970. */
export const DAY = 20_000;

/** The nth of a driver on a day, a second after the one before, with nothing that may be missing. */
export function fix(driver: string, n: number, day = DAY): ArchivedFix {
  const at = day * DAY_MS + n * 1_000;
  const unknown = { speed: null, bearing: null, accuracy: null, altitude: null };
  return { driver, at, id: n, lat: 445_000_000 + n, lng: 113_000_000, ...unknown, suspect: 0, received: at + 500, stream: null, seq: null };
}

const text = (letters: string, most: number) => fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: most });
const hundredths = (least: number, most: number) => fc.option(fc.integer({ min: least, max: most }), { nil: null, freq: 3 });

/** A fix received on the day, captured whenever. */
export function fixOn(day: number): fc.Arbitrary<ArchivedFix> {
  return fc.record({
    driver: text('abZ09_.:-', 4),
    at: fc.oneof(
      fc.integer({ min: (day - 1) * DAY_MS, max: (day + 1) * DAY_MS }),
      fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2200, 0, 1) }),
    ),
    id: fc.integer({ min: 0, max: 2 ** 44 }),
    lat: fc.integer({ min: -900_000_000, max: 900_000_000 }),
    lng: fc.integer({ min: -1_800_000_000, max: 1_800_000_000 }),
    speed: hundredths(0, 100_000_00),
    bearing: hundredths(0, 35_999),
    accuracy: hundredths(0, 2_000_000_000),
    altitude: hundredths(-2_000_000, 1_000_000_000),
    suspect: fc.integer({ min: 0, max: 2 }),
    received: fc.integer({ min: day * DAY_MS, max: (day + 1) * DAY_MS - 1 }),
    stream: fc.option(text('abcdef0123', 12), { nil: null }),
    seq: fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { nil: null }),
  });
}

/** Rows of a day in the order of an archive, each place once. */
export function fixesOn(day: number, most = 60): fc.Arbitrary<ArchivedFix[]> {
  return fc
    .uniqueArray(fixOn(day), { minLength: 1, maxLength: most, selector: ({ driver, at, id }) => `${driver} ${at} ${id}` })
    .map((rows) => rows.sort(byPlace));
}
