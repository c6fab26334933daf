import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Published } from '../../core/effects.ts';
import type { Clock, Hot } from '../ports.ts';
import { ManualClock } from './manual-clock.ts';
import { driverAt, happening, location, T0 } from './samples.ts';

/** How many messages of a feed are held [O2]. */
const HELD = 300;

export function hotContract(name: string, make: (clock: Clock) => Promise<Hot>): void {
  const feed = 'driver:d';
  /** A feed that is held and had these messages. */
  async function held(from: number, to: number, epoch = 'e'): Promise<Hot> {
    const hot = await make(new ManualClock());
    hot.hold(feed);
    for (let seq = from; seq <= to; seq++) hot.append(seq % 7 === 0 ? happening(feed, epoch, seq) : location(feed, epoch, seq));
    return hot;
  }
  const numbers = (found: readonly Published[] | null) => found?.map(({ seq }) => seq) ?? null;

  describe(`${name} is hot`, () => {
    it('knows the drivers it was given, as they are now, until they are dropped [D1]', async () => {
      const hot = await make(new ManualClock());
      const driver = driverAt('d', 1);
      hot.put(driver);
      hot.put(driverAt('e', 1));
      driver.available = false;
      expect(await hot.driver('d')).toMatchObject({ id: 'd', available: false });
      hot.drop('d');
      expect(await hot.driver('d')).toBeUndefined();
      expect(await hot.driver('e')).toMatchObject({ id: 'e' });
      hot.drop('nobody');
    });

    it('answers exactly what followed, whole and in order [O2, O3]', async () => {
      const hot = await held(1, 20);
      const gap = await hot.since(feed, 'e', 4);
      expect(gap).toEqual(
        Array.from({ length: 16 }, (_, i) => ((i + 5) % 7 === 0 ? happening(feed, 'e', i + 5) : location(feed, 'e', i + 5))),
      );
      expect(await hot.since(feed, 'e', 20)).toEqual([]);
      expect(numbers(await hot.since(feed, 'e', 0))).toHaveLength(20);
    });

    it('cannot tell of another epoch, of numbers to come, or of feeds nobody held [O1, O2]', async () => {
      const hot = await held(1, 20);
      expect(await hot.since(feed, 'other', 4)).toBeNull();
      expect(await hot.since(feed, 'e', 21)).toBeNull();
      expect(await hot.since('driver:x', 'e', 1)).toBeNull();
      hot.append(location('driver:x', 'e', 1));
      expect(await hot.since('driver:x', 'e', 0)).toBeNull();
    });

    it('tells nothing from before it was held [O2]', async () => {
      const hot = await held(50, 60);
      expect(numbers(await hot.since(feed, 'e', 49))).toHaveLength(11);
      expect(await hot.since(feed, 'e', 48)).toBeNull();
    });

    it('tells where feeds stand, in the order asked; null where nothing is kept [O4]', async () => {
      const hot = await held(1, 20);
      hot.hold('trip:t');
      hot.append(location('trip:t', 'f', 7));
      hot.hold('trip:quiet');
      expect(await hot.heads(['driver:x', feed, 'trip:quiet', 'trip:t'])).toEqual([
        null,
        { epoch: 'e', seq: 20 },
        null,
        { epoch: 'f', seq: 7 },
      ]);
      expect(await hot.heads([])).toEqual([]);
    });

    it(`holds the last ${HELD} messages, not one more [O2]`, async () => {
      const hot = await held(1, 1000);
      expect(numbers(await hot.since(feed, 'e', 1000 - HELD))).toEqual(Array.from({ length: HELD }, (_, i) => 1000 - HELD + 1 + i));
      expect(await hot.since(feed, 'e', 1000 - HELD - 1)).toBeNull();
    });

    it('a new life of the counter begins anew: nothing of the old one is taken for it [O1]', async () => {
      const hot = await held(1, 20);
      for (let seq = 1; seq <= 5; seq++) hot.append(location(feed, 'f', seq));
      expect(await hot.since(feed, 'e', 18)).toBeNull();
      expect(numbers(await hot.since(feed, 'f', 3))).toEqual([4, 5]);
      expect(numbers(await hot.since(feed, 'f', 0))).toEqual([1, 2, 3, 4, 5]);
    });

    it('keeps a feed while anybody holds it, and a while after [O2]', async () => {
      const clock = new ManualClock();
      const hot = await make(clock);
      hot.hold(feed);
      hot.hold(feed);
      hot.append(location(feed, 'e', 1));
      hot.release(feed);
      clock.pass(3_600_000);
      hot.append(location(feed, 'e', 2));
      expect(numbers(await hot.since(feed, 'e', 0))).toEqual([1, 2]);
      hot.release(feed);
      clock.pass(60_000);
      hot.append(location(feed, 'e', 3));
      expect(numbers(await hot.since(feed, 'e', 0))).toEqual([1, 2, 3]);
      hot.hold(feed);
      clock.pass(3_600_000);
      expect(numbers(await hot.since(feed, 'e', 0))).toEqual([1, 2, 3]);
      hot.release(feed);
      clock.pass(3_600_000);
      expect(await hot.since(feed, 'e', 0)).toBeNull();
    });

    it('keeps nothing of a driver that is erased, nor of its feed, and goes on with whoever comes after [I11]', async () => {
      const hot = await held(1, 20);
      hot.hold('trip:t');
      hot.append(location('trip:t', 'f', 7));
      hot.put(driverAt('d', 1));
      expect(await hot.driver('d')).toMatchObject({ id: 'd' });
      hot.erase('d');
      expect(await hot.driver('d')).toBeUndefined();
      expect(await hot.since(feed, 'e', 18)).toBeNull();
      expect(await hot.heads([feed, 'trip:t'])).toEqual([null, { epoch: 'f', seq: 7 }]);
      hot.clear('trip:t');
      expect(await hot.heads(['trip:t'])).toEqual([null]);
      hot.put(driverAt('d', 2));
      for (const seq of [1, 2]) hot.append(location(feed, 'g', seq));
      expect(numbers(await hot.since(feed, 'g', 1))).toEqual([2]);
      expect(await hot.driver('d')).toMatchObject({ position: 2 });
    });

    it('has nothing left of a feed whose driver is to be gone, and keeps whoever came after [I11, I14]', async () => {
      const hot = await held(1, 20);
      hot.put(driverAt('d', 1));
      hot.erase('d');
      expect(await hot.wipe('d', T0)).toBe(true);
      expect(await hot.since(feed, 'e', 18)).toBeNull();
      expect(await hot.wipe('nobody-here', T0)).toBe(true);
      hot.put(driverAt('d', 2));
      expect(await hot.wipe('d', T0)).toBe(false);
      expect(await hot.driver('d')).toMatchObject({ position: 2 });
    });

    it('releasing what is not held is nothing', async () => {
      const hot = await make(new ManualClock());
      hot.release('driver:x');
      hot.hold('driver:x');
      hot.append(location('driver:x', 'e', 1));
      expect(numbers(await hot.since('driver:x', 'e', 0))).toEqual([1]);
    });

    it('is the same as a list of everything, cut to its last messages [O2, O3]', async () => {
      const life = fc.record({ count: fc.integer({ min: 1, max: 700 }), events: fc.integer({ min: 2, max: 9 }) });
      await fc.assert(
        fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 3 }), fc.nat(), fc.nat(), async (lives, which, where) => {
          const hot = await make(new ManualClock());
          hot.hold(feed);
          const all: Published[] = [];
          lives.forEach(({ count, events }, n) => {
            for (let seq = 1; seq <= count; seq++) {
              const one = seq % events === 0 ? happening(feed, `e${n}`, seq) : location(feed, `e${n}`, seq);
              all.push(one);
              hot.append(one);
            }
          });
          const epoch = `e${which % lives.length}`;
          const current = all.filter((one) => one.epoch === `e${lives.length - 1}`);
          const seq = where % (current.length + 2);
          const missing = current.length - seq;
          const gap = epoch !== `e${lives.length - 1}` || missing < 0 || missing > HELD ? null : current.slice(seq);
          expect(await hot.since(feed, epoch, seq)).toEqual(gap);
        }),
        { numRuns: 60 },
      );
    });
  });
}
