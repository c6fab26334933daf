import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from './contracts/manual-clock.ts';
import { Limits } from './limits.ts';

function limits(perSecond: number, burst: number) {
  const clock = new ManualClock();
  return { clock, limits: new Limits({ perSecond, burst }, clock) };
}

describe('a limit [L1, L2]', () => {
  it('gives the burst at once, then what the rate gives', () => {
    const { clock, limits: all } = limits(1, 10);
    for (let n = 0; n < 10; n++) expect(all.take('d')).toBe(0);
    expect(all.take('d')).toBe(1);
    clock.pass(1000);
    expect(all.take('d')).toBe(0);
    expect(all.take('d')).toBeGreaterThan(0);
  });

  it('lets somebody who keeps exactly to the rate go on for ever', () => {
    const { clock, limits: all } = limits(1 / 0.3, 1);
    for (let n = 0; n < 5_000; n++) {
      expect(all.take('d')).toBe(0);
      clock.pass(300);
    }
  });

  it('tells how long to wait, and keeps its word', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.05, max: 300, noNaN: true }),
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 40 }),
        (rate, burst, counts) => {
          const { clock, limits: all } = limits(rate, burst);
          for (const count of counts) {
            const wait = all.take('d', count);
            if (wait === 0) continue;
            expect(wait).toBeGreaterThanOrEqual(0.1);
            clock.pass(Math.ceil(wait * 1000));
            expect(all.take('d', count)).toBe(0);
          }
        },
      ),
    );
  });

  it('never gives more than the burst and what the rate has given since', () => {
    const step = fc.record({ wait: fc.integer({ min: 0, max: 3_000 }), count: fc.integer({ min: 1, max: 5 }) });
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 20, noNaN: true }),
        fc.integer({ min: 5, max: 20 }),
        fc.array(step, { maxLength: 200, size: 'max' }),
        (rate, burst, steps) => {
          const { clock, limits: all } = limits(rate, burst);
          const start = clock.now();
          let given = 0;
          for (const { wait, count } of steps) {
            clock.pass(wait);
            if (all.take('d', count) === 0) given += count;
            // A hundredth of slack is promised, once.
            expect(given).toBeLessThanOrEqual(burst + ((clock.now() - start) / 1000) * rate + 0.011);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('gives no more in the long run to somebody a hair too fast', () => {
    const { clock, limits: all } = limits(1, 10);
    let given = 0;
    for (let n = 0; n < 10_000; n++) {
      clock.pass(991);
      if (all.take('d') === 0) given++;
    }
    expect(given).toBeLessThanOrEqual(10 + 9_910);
  });

  it('takes nothing when it refuses', () => {
    const { limits: all } = limits(1, 10);
    expect(all.take('d', 8)).toBe(0);
    expect(all.take('d', 5)).toBeGreaterThan(0);
    expect(all.take('d', 2)).toBe(0);
  });

  it('is kept for each key by itself', () => {
    const { limits: all } = limits(1, 1);
    expect(all.take('d')).toBe(0);
    expect(all.take('e')).toBe(0);
    expect(all.take('d')).toBeGreaterThan(0);
  });

  it('is off at an infinite rate', () => {
    const { limits: all } = limits(Number.POSITIVE_INFINITY, 1);
    for (let n = 0; n < 1_000; n++) expect(all.take('d', 1_000)).toBe(0);
  });

  it('drains nobody when the clock is set back', () => {
    const { clock, limits: all } = limits(1, 10);
    all.take('d', 5);
    clock.set(clock.now() - 3_600_000);
    expect(all.take('d', 5)).toBe(0);
  });

  it('forgets who has been quiet, to nobody’s harm or gain', () => {
    const { clock, limits: all } = limits(0.1, 10);
    all.take('d', 10);
    clock.pass(60_000);
    expect(all.take('d', 7)).toBeGreaterThan(0);
    expect(all.take('d', 6)).toBe(0);
    clock.pass(600_000);
    expect(all.take('d', 10)).toBe(0);
    expect(all.take('d')).toBeGreaterThan(0);
    all.close();
    all.close();
  });
});
