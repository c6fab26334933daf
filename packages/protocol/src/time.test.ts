import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isoTime, parseMoment } from './time.ts';

const LAST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const pad = (value: number, length = 2) => String(value).padStart(length, '0');

describe('parseMoment [F2]', () => {
  it('agrees with Date for every valid moment with an offset', () => {
    const parts = fc.record({
      at: fc.integer({ min: 0, max: LAST }),
      digits: fc.integer({ min: 0, max: 3 }),
      minutes: fc.integer({ min: -14 * 60, max: 14 * 60 }),
      separator: fc.constantFrom('T', ' '),
      colon: fc.constantFrom(':', ''),
      zulu: fc.boolean(),
    });
    fc.assert(
      fc.property(parts, ({ at, digits, minutes, separator, colon, zulu }) => {
        const shifted = new Date(at + (zulu ? 0 : minutes * 60_000));
        if (shifted.getTime() < 0 || shifted.getTime() > LAST) return;
        const text = shifted.toISOString();
        const fraction = digits === 0 ? '' : text.slice(19, 20 + digits);
        const sign = minutes < 0 ? '-' : '+';
        const offset = zulu ? 'Z' : `${sign}${pad(Math.trunc(Math.abs(minutes) / 60))}${colon}${pad(Math.abs(minutes) % 60)}`;
        const standard = `${text.slice(0, 19)}${fraction}${zulu ? 'Z' : offset.replace(/^(...):?/, '$1:')}`;
        expect(parseMoment(`${text.slice(0, 10)}${separator}${text.slice(11, 19)}${fraction}${offset}`)).toBe(Date.parse(standard));
      }),
      { numRuns: 1_000 },
    );
  });

  it('cuts off what is finer than a ms, as Date does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999 }), fc.integer({ min: 1, max: 9 }), (nanos, digits) => {
        const text = `2026-03-01T11:00:00.${pad(nanos, 9).slice(0, digits)}Z`;
        expect(parseMoment(text)).toBe(Date.parse(text));
      }),
      { numRuns: 1_000 },
    );
    expect(parseMoment('2026-03-01T11:00:00.999999999Z')).toBe(Date.parse('2026-03-01T11:00:00.999Z'));
  });

  it('takes hours alone for an offset', () => {
    expect(parseMoment('2026-03-01T11:00:00+02')).toBe(Date.UTC(2026, 2, 1, 9));
  });

  it.each([
    '2026-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:60:00Z',
    '2026-01-01T00:00:60Z',
    '2026-01-01T00:00:00',
    '2026-01-01',
    '2026-01-01T00:00Z',
    '2026-01-01T00:00:00.Z',
    '1969-12-31T23:59:59Z',
    '1970-01-01T00:00:00+00:01',
    ' 2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00Z\n',
    '',
    '1767225600000',
  ])('refuses %j', (text) => {
    expect(parseMoment(text)).toBeNaN();
  });

  it.each(['0000-01-01T00:00:00Z', '0070-01-01T00:00:00Z', '0099-12-31T00:00:00Z'])(
    'takes %s for the year it says, before 1970',
    (text) => {
      expect(parseMoment(text)).toBeNaN();
    },
  );

  it('knows leap years', () => {
    expect(parseMoment('2024-02-29T00:00:00Z')).toBe(Date.UTC(2024, 1, 29));
    expect(parseMoment('2000-02-29T00:00:00Z')).toBe(Date.UTC(2000, 1, 29));
    expect(parseMoment('2100-02-29T00:00:00Z')).toBeNaN();
  });

  it('takes epoch ms as they are, and nothing else for a number', () => {
    expect([0, 1, LAST].map(parseMoment)).toEqual([0, 1, LAST]);
    for (const value of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) expect(parseMoment(value)).toBeNaN();
  });
});

describe('isoTime', () => {
  it('is what Date says, for any moment, in any order', () => {
    const near = fc.integer({ min: 0, max: 5_000 }).map((ms) => Date.UTC(2026, 0, 1) + ms);
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer({ min: 0, max: LAST }), near), { maxLength: 50 }), (all) => {
        expect(all.map(isoTime)).toEqual(all.map((at) => new Date(at).toISOString()));
      }),
    );
  });

  it('still is after more seconds than it remembers', () => {
    for (let second = 0; second < 20_000; second++) isoTime(second * 1000);
    expect([0, 1, 999, 19_999_999].map(isoTime)).toEqual([0, 1, 999, 19_999_999].map((at) => new Date(at).toISOString()));
  });

  it('comes back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LAST }), (at) => {
        expect(parseMoment(isoTime(at))).toBe(at);
      }),
    );
  });
});
