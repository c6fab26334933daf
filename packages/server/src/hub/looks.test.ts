import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from './contracts/manual-clock.ts';
import { Looks } from './looks.ts';

function looking(fails: () => boolean = () => false) {
  const clock = new ManualClock();
  const begun = clock.now();
  const looked: { feed: string; after: number }[] = [];
  const warnings: string[] = [];
  const looks = new Looks({
    clock,
    look: async (feed) => {
      if (fails()) throw new Error('away');
      looked.push({ feed, after: clock.now() - begun });
    },
    warn: (message) => void warnings.push(message),
  });
  /** Turns the clock by ticks, so that what begins in one ends before the next. */
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.pass(100);
      await new Promise(setImmediate);
    }
  };
  return { looks, looked, warnings, pass };
}

describe('looks at feeds of which something may have been missed [P7]', () => {
  it('come after each of the waits, a tick late at most, and then no more', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 4 }), async (waits) => {
        const { looks, looked, pass } = looking();
        looks.plan('trip:t', waits as [number, ...number[]]);
        await pass(10_000);
        expect(looked).toHaveLength(waits.length);
        let before = 0;
        for (const [n, { after }] of looked.entries()) {
          expect(after - before).toBeGreaterThanOrEqual(waits[n] as number);
          expect(after - before).toBeLessThanOrEqual((waits[n] as number) + 100);
          before = after;
        }
      }),
      { numRuns: 50 },
    );
  });

  it('that fail are tried again every second until one succeeds, with one line for all of a tick', async () => {
    let away = true;
    const { looks, looked, warnings, pass } = looking(() => away);
    for (let n = 0; n < 5; n++) looks.plan(`trip:${n}`, [0]);
    await pass(3_000);
    expect(looked).toEqual([]);
    expect(warnings.length).toBeGreaterThan(1);
    expect(warnings.length).toBeLessThan(5);
    away = false;
    await pass(1_500);
    expect(looked.map(({ feed }) => feed).sort()).toEqual([0, 1, 2, 3, 4].map((n) => `trip:${n}`));
  });

  it('of thousands are spread: no more than a hundred at once', async () => {
    const { looks, looked, pass } = looking();
    for (let n = 0; n < 950; n++) looks.plan(`trip:${n}`, [0]);
    await pass(100);
    expect(looked).toHaveLength(100);
    await pass(1_000);
    expect(looked).toHaveLength(950);
  });

  it('end when nobody is there any more', async () => {
    const { looks, looked, pass } = looking();
    looks.plan('trip:t', [500]);
    looks.drop('trip:t');
    looks.plan('trip:u', [500]);
    looks.close();
    await pass(2_000);
    expect(looked).toEqual([]);
  });
});
