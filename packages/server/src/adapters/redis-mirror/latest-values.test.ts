import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Latest, LatestValues } from './latest-values.ts';

const latest = (key: string, value: number, until = 1_000): Latest => ({ key, value: String(value), until });

it('of every key the newest value is written last, however writes fail, overlap and arrive all the same [P11]', () => {
  const key = fc.constantFrom('a', 'b', 'c');
  const step = fc.oneof(
    fc.record({ what: fc.constant('put' as const), key }),
    // What is said to have failed may have been done.
    fc.record({ what: fc.constant('take' as const), count: fc.integer({ min: 1, max: 3 }), arrives: fc.boolean(), isDone: fc.boolean() }),
    fc.record({ what: fc.constant('settle' as const), which: fc.nat({ max: 3 }) }),
    fc.record({ what: fc.constant('retry' as const), count: fc.integer({ min: 1, max: 3 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const values = new LatestValues(100);
      const written = new Map<string, string>();
      const newest = new Map<string, string>();
      const flights: { taken: readonly Latest[]; hasArrived: boolean }[] = [];
      const land = (flight: (typeof flights)[number] | undefined): void => {
        for (const one of flight?.taken ?? []) values.settle(one, flight?.hasArrived ?? false);
      };
      for (const [n, one] of steps.entries()) {
        if (one.what === 'put') {
          values.put(latest(one.key, n));
          newest.set(one.key, String(n));
        } else if (one.what === 'take') {
          const taken = values.take(one.count, 0);
          if (one.arrives || one.isDone) for (const { key, value } of taken) written.set(key, value);
          flights.push({ taken, hasArrived: one.arrives });
        } else if (one.what === 'settle') land(flights.splice(one.which, 1)[0]);
        else values.retry(one.count);
        expect(values.size).toBeLessThanOrEqual(9);
      }
      for (const flight of flights) land(flight);
      values.retry(100);
      for (const one of values.take(100, 0)) {
        written.set(one.key, one.value);
        values.settle(one, true);
      }
      expect(written).toEqual(newest);
      expect(values.size).toBe(0);
    }),
  );
});

it('what would have ended meanwhile is not written', () => {
  const values = new LatestValues(10);
  values.put(latest('a', 1, 500));
  values.put(latest('b', 2, 501));
  expect(values.take(10, 500)).toEqual([latest('b', 2, 501)]);
  expect(values.size).toBe(1);
});

it('never has more keys than its limit: those given longest ago are left out', () => {
  const values = new LatestValues(3);
  for (const [n, key] of ['a', 'b', 'c', 'a', 'd'].entries()) values.put(latest(key, n));
  expect(values.leftOut).toBe(1);
  expect(values.take(10, 0).map(({ key }) => key)).toEqual(['c', 'a', 'd']);
  values.put(latest('e', 5));
  expect(values.size).toBe(3);
});
