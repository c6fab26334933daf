import type { FixInput } from '@waycast/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixFrom } from './fix.ts';

const NOW = Date.UTC(2026, 2, 1, 12);
const maybe = (min: number, max: number, maxExcluded = false) =>
  fc.option(fc.double({ min, max, maxExcluded, noNaN: true, noDefaultInfinity: true }), { nil: null });
const input: fc.Arbitrary<FixInput> = fc.record({
  lat: fc.double({ min: -90, max: 90, noNaN: true }),
  lng: fc.double({ min: -180, max: 180, noNaN: true }),
  speed: maybe(0, 100_000),
  bearing: maybe(0, 360, true),
  accuracy: maybe(0, 10_000_000),
  altitude: maybe(-20_000, 10_000_000),
});

describe('fixFrom [F1]', () => {
  it('keeps coordinates at 1e-7 degree, the rest at 0.01', () => {
    const sent = { lat: 44.123_456_78, lng: -11.987_654_32, speed: 33.336, bearing: 359.994, accuracy: 4.994, altitude: -12.346 };
    expect(fixFrom(sent, NOW)).toEqual({
      lat: 44.123_456_8,
      lng: -11.987_654_3,
      at: NOW,
      speed: 33.34,
      bearing: 359.99,
      accuracy: 4.99,
      altitude: -12.35,
    });
  });

  it('rounds a bearing just under 360 to north', () => {
    expect(fixFrom({ lat: 0, lng: 0, bearing: 359.996 }, NOW).bearing).toBe(0);
  });

  it('takes what is absent and what is null for unknown', () => {
    const unknown = { speed: null, bearing: null, accuracy: null, altitude: null };
    expect(fixFrom({ lat: 1, lng: 2 }, NOW)).toEqual({ lat: 1, lng: 2, at: NOW, ...unknown });
    expect(fixFrom({ lat: 1, lng: 2, ...unknown }, NOW)).toEqual(fixFrom({ lat: 1, lng: 2 }, NOW));
  });

  it('moves nothing by more than half a unit, and stays within what a fix may be', () => {
    fc.assert(
      fc.property(input, (sent) => {
        const kept = fixFrom(sent, NOW);
        expect(Math.abs(kept.lat - sent.lat)).toBeLessThanOrEqual(0.5e-7 + 1e-12);
        expect(Math.abs(kept.lng - sent.lng)).toBeLessThanOrEqual(0.5e-7 + 1e-12);
        expect(Math.abs(kept.lat)).toBeLessThanOrEqual(90);
        expect(Math.abs(kept.lng)).toBeLessThanOrEqual(180);
        for (const member of ['speed', 'accuracy', 'altitude'] as const) {
          if (typeof sent[member] === 'number') expect(Math.abs((kept[member] as number) - sent[member])).toBeLessThanOrEqual(0.005 + 1e-8);
          else expect(kept[member]).toBeNull();
        }
        if (kept.bearing !== null) expect(kept.bearing).toBeLessThan(360);
      }),
    );
  });

  it('happens once: rounded again it is the same', () => {
    fc.assert(
      fc.property(input, (sent) => {
        const once = fixFrom(sent, NOW);
        const { at, ...members } = once;
        expect(fixFrom({ ...members, timestamp: at }, NOW + 5)).toEqual(once);
      }),
    );
  });

  it('gives whole units: what the store packs into integers comes out the same', () => {
    fc.assert(
      fc.property(input, (sent) => {
        const { lat, lng, speed } = fixFrom(sent, NOW);
        expect(Math.round(lat * 1e7) / 1e7).toBe(lat);
        expect(Math.round(lng * 1e7) / 1e7).toBe(lng);
        if (speed !== null) expect(Math.round(speed * 100) / 100).toBe(speed);
      }),
    );
  });
});

describe('the time of a fix [F2]', () => {
  it.each([
    ['2026-03-01T11:00:00Z', Date.UTC(2026, 2, 1, 11)],
    ['2026-03-01T12:30:00+01:30', Date.UTC(2026, 2, 1, 11)],
    ['2026-03-01 11:00:00.250Z', Date.UTC(2026, 2, 1, 11) + 250],
    [1_700_000_000_123, 1_700_000_000_123],
  ])('%s', (timestamp, at) => {
    expect(fixFrom({ lat: 0, lng: 0, timestamp }, NOW).at).toBe(at);
  });

  it.each(['2026-02-30T11:00:00Z', '2026-03-01T11:00:00', '2026-03-01T24:00:00Z', 'yesterday'])('refuses %s by its name', (timestamp) => {
    expect(() => fixFrom({ lat: 0, lng: 0, timestamp }, NOW)).toThrow(
      expect.objectContaining({ code: 'invalid_fix', field: '/timestamp' }),
    );
  });
});
