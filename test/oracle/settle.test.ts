import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quantise } from './quantise.ts';
import { settle } from './settle.ts';
import { bundledTrack, shuffled, withTrouble } from './tracks.ts';

const fix = { lat: 44.5, lng: 11.3, at: 1000, receivedAt: 2000 };

describe('quantise [F1]', () => {
  it('keeps 1e-7 degree and hundredths', () => {
    const kept = quantise({
      ...fix,
      lat: 44.12345678,
      lng: -11.98765432,
      speed: 12.345678,
      bearing: 1.239,
      accuracy: 50.004,
      altitude: -3.456,
    });
    expect(kept).toMatchObject({ lat: 44.1234568, lng: -11.9876543, speed: 12.35, bearing: 1.24, accuracy: 50, altitude: -3.46 });
    expect(quantise(fix)).toMatchObject({ speed: null, bearing: null, accuracy: null, altitude: null });
  });

  it('has no -0 and no bearing of 360', () => {
    const kept = quantise({ ...fix, lat: -1e-9, lng: -0, bearing: 359.996 });
    expect([kept.lat, kept.lng, kept.bearing].map((value) => Object.is(value, 0))).toEqual([true, true, true]);
  });

  it('changes nothing the second time, and nothing by more than half a step', () => {
    const place = fc.double({ min: -180, max: 180, noNaN: true });
    fc.assert(
      fc.property(place, place, place, (lat, lng, altitude) => {
        const once = quantise({ ...fix, lat: lat / 2, lng, altitude });
        expect(quantise(once)).toEqual(once);
        expect(Math.abs(once.lng - lng)).toBeLessThanOrEqual(0.5001e-7);
      }),
    );
  });
});

describe('settle [F9]', () => {
  it('stores the same number once and refuses it with other content; the first received wins', () => {
    const first = { ...fix, stream: 's', seq: 1 };
    const { stored, duplicates, conflicts } = settle([
      { ...first, lat: 45, receivedAt: 5000 },
      { ...first, receivedAt: 3000 },
      first,
      { ...first, lat: 44.500000001, receivedAt: 4000 },
    ]);
    expect(stored).toEqual([quantise(first)]);
    expect(duplicates.map((one) => one.receivedAt)).toEqual([3000, 4000]);
    expect(conflicts.map((one) => one.lat)).toEqual([45]);
  });

  it('knows an unnumbered one by capture and place alone', () => {
    const { stored, duplicates } = settle([fix, { ...fix, speed: 9, receivedAt: 2001 }, { ...fix, at: 1001 }, { ...fix, lat: 44.6 }]);
    expect(stored).toHaveLength(3);
    expect(duplicates).toHaveLength(1);
  });

  it('takes the same place and time under two numbers, two streams, or no number, for several fixes', () => {
    const same = [fix, { ...fix, stream: 'a', seq: 1 }, { ...fix, stream: 'a', seq: 2 }, { ...fix, stream: 'b', seq: 1 }];
    expect(settle(same).stored).toHaveLength(4);
  });

  it('undoes the doubles and conflicts of a troubled track, in whatever order it is listed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), (seed) => {
        const { fixes, planted } = withTrouble(bundledTrack(4), seed);
        const settled = settle(shuffled(fixes, seed));
        expect([settled.duplicates.length, settled.conflicts.length]).toEqual([planted.double, planted.conflict]);
        expect(settled).toEqual(settle(fixes));
      }),
      { numRuns: 20 },
    );
  });
});
