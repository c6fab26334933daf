import fc from 'fast-check';
import { expect, test } from 'vitest';
import { driverIds } from './driver-ids.ts';
import { schedule } from './schedule.ts';
import { shuffledOrder } from './shuffle.ts';
import type { Track } from './track.ts';

const rest = { lat: 0, lng: 0, speed: null, bearing: null, accuracy: null, altitude: null };
const track = (times: number[]): Track => ({ id: 't', points: times.map((at) => ({ ...rest, at })) });

test('points are due as they were, so many times faster', () => {
  const plan = (speed: number | 'max') => {
    const { due } = schedule(track([5_000, 6_000, 9_000]), { speed });
    return [due(0), due(1), due(2)];
  };
  expect(plan(1)).toEqual([0, 1_000, 4_000]);
  expect(plan(10)).toEqual([0, 100, 400]);
  expect(plan('max')).toEqual([0, 0, 0]);
});

test('times stay, or move so that the track starts now', () => {
  const original = schedule(track([5_000, 6_000]), { speed: 1 });
  expect([original.point(0).at, original.point(1).at]).toEqual([5_000, 6_000]);
  const moved = schedule(track([5_000, 6_000]), { speed: 1, shiftTo: 1_000_000 });
  expect([moved.point(0).at, moved.point(1).at]).toEqual([1_000_000, 1_001_000]);
});

test('moved times are never ahead of their sending, at any speed, and keep their distances', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 30 }),
      fc.oneof(fc.constant('max' as const), fc.double({ min: 0.1, max: 1_000, noNaN: true })),
      fc.integer({ min: 100_000_000, max: 200_000_000 }),
      (times, speed, now) => {
        times.sort((a, b) => a - b);
        const plan = schedule(track(times), { speed, shiftTo: now });
        for (let i = 0; i < plan.count; i++) {
          // Slower than life its times run ahead; that is what was asked for.
          if (speed === 'max' || speed >= 1) expect(plan.point(i).at).toBeLessThanOrEqual(now + plan.due(i) + 1);
          expect(plan.point(i).at - plan.point(0).at).toBe((times[i] ?? 0) - (times[0] ?? 0));
        }
      },
    ),
  );
});

test('a shuffled order has everything once, and the same seed the same order', () => {
  const order = [...shuffledOrder(500, 3)];
  expect(order).toEqual([...shuffledOrder(500, 3)]);
  expect(order).not.toEqual([...shuffledOrder(500, 4)]);
  expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, i) => i));
  const plan = schedule(track([1, 2, 3, 4, 5, 6, 7, 8]), { speed: 1, shuffle: 1 });
  const ats = Array.from({ length: 8 }, (_, i) => plan.point(i).at);
  expect(ats).not.toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(ats.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

test('driver ids fit the contract and stay apart', () => {
  expect(driverIds(['1', 'Ring & back', 'Ring / back', 'x'.repeat(90), 'x'.repeat(91)], 'replay-')).toEqual([
    'replay-1',
    'replay-Ring-back',
    'replay-Ring-back-2',
    `replay-${'x'.repeat(57)}`,
    `replay-${'x'.repeat(55)}-2`,
  ]);
  expect(driverIds(['ü'], '')).toEqual(['-']);
});
