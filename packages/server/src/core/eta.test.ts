import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { etasOf, planOf, secondsFor } from './eta.ts';
import { stopsFrom } from './stops.ts';
import { at, stop, T0 } from './testing/samples.ts';

describe('secondsFor', () => {
  it.each([
    ['ride', 1009, 36, 120],
    ['ride', 1011, 36, 121],
    ['ride', 1041, 36, 124],
    ['ride', 10_001, 0, 1080],
    ['ride', 10_001, null, 1080],
    ['ride', 5, 36, 0],
    ['delivery', 10_004, 90, 1200],
    ['delivery', 10_009, 90, 1201],
    ['delivery', 1, null, 60],
    ['delivery', 508, 5, 60],
    ['delivery', 509, 5, 61],
  ] as const)('%s of %d m at %s km/h: %d s [E1, E2]', (kind, metres, speed, seconds) => {
    expect(secondsFor(kind, metres, speed)).toBe(seconds);
  });

  it('truncates exactly, whatever floats do: whole metres at whole km/h [E1]', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_000_000 }), fc.integer({ min: 1, max: 400 }), (metres, speed) => {
        const bare = Number((BigInt(metres) * 36n) / (BigInt(speed) * 10n));
        expect(secondsFor('ride', metres, speed)).toBe(bare + Math.floor(bare / 5));
      }),
      { numRuns: 2_000 },
    );
  });

  it('truncates exactly, whatever floats do: whole metres of a delivery [E2]', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_000_000 }), (metres) => {
        expect(secondsFor('delivery', metres, 99)).toBe(Math.max(60, Number((BigInt(metres) * 36n) / 300n)));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('etas [E3]', () => {
  it('goes straight to the next stop and on from stop to stop, in list order', () => {
    const stops = stopsFrom([stop('A', 'pickup', 2000), stop('B', 'dropoff', 500), stop('C', 'dropoff', 3500)]);
    const found = etasOf(planOf('delivery', stops), at(0), T0 + 5000);
    expect(found.map(({ stopId, distance }) => [stopId, distance])).toEqual([
      ['A', 2000],
      ['B', 3500],
      ['C', 6500],
    ]);
    // The distances are not whole; told rounded, but truncated to seconds as they are.
    expect(found.map(({ seconds }) => seconds)).toEqual([expect.closeTo(240, -0.3), expect.closeTo(420, -0.3), expect.closeTo(780, -0.3)]);
    for (const { seconds, at: when } of found) expect(when).toBe(T0 + 5000 + seconds * 1000);
  });

  it('leaves out stops that have arrived and those that do not count [G7]', () => {
    const stops = stopsFrom([
      stop('A', 'pickup', 1000),
      stop('X', 'pickup', 90_000, { bookingStatus: 'pending' }),
      stop('Y', 'pickup', 90_000, { bookingStatus: 'rejected' }),
      stop('Z', 'pickup', 90_000, { bookingStatus: 'cancelled' }),
      stop('B', 'dropoff', 3000, { bookingStatus: 'approved' }),
      stop('C', 'dropoff', 5000, { bookingStatus: 'completed' }),
    ]);
    Object.assign(stops[0] ?? {}, { arrivedAt: T0 });
    expect(etasOf(planOf('ride', stops), at(0), T0).map(({ stopId, distance }) => [stopId, distance])).toEqual([
      ['B', 3000],
      ['C', 5000],
    ]);
  });

  it('has nothing to say without stops', () => {
    expect(etasOf(planOf('ride', []), at(0), T0)).toEqual([]);
  });
});
