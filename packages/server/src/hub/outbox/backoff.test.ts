import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retryDelay } from './backoff.ts';

describe('the wait before the next try [W9]', () => {
  it('is 5 s, doubling up to an hour', () => {
    const waits = Array.from({ length: 13 }, (_, n) => retryDelay(n + 1, 0) / 1000);
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]);
  });

  it('is shorter by up to a quarter, by chance, and never shorter than the one before could be', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failures, chance) => {
          const whole = retryDelay(failures, 0);
          const wait = retryDelay(failures, chance);
          expect(wait).toBeGreaterThanOrEqual(whole * 0.75 - 1);
          expect(wait).toBeLessThanOrEqual(whole);
          expect(whole).toBeLessThanOrEqual(3_600_000);
          expect(retryDelay(failures + 1, 0)).toBeGreaterThanOrEqual(whole);
        },
      ),
    );
  });
});
