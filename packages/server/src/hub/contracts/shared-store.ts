import { describe, expect, it } from 'vitest';
import { CursorMoved } from '../cursor-moved.ts';
import { places, type SharedPlace } from './place.ts';
import { changedEvent, commitOf, creation, driverAt, history, resumed, row, sampleTrip, T0 } from './samples.ts';

/** What a store must hold besides that several processes have open. */
export function sharedStoreContract(name: string, make: () => SharedPlace): void {
  const { place, open } = places(make);
  const two = async () => {
    const at = place();
    return { at, mine: await open(at), yours: await open(at) };
  };
  const deaths = (taken: readonly { deaths: number }[]) => taken.map((one) => one.deaths);

  describe(`${name} between processes`, () => {
    it('a partition is its last taker’s: a commit of the one before stores nothing, of no partition [P2]', async () => {
      const { mine, yours } = await two();
      await mine.take([3, 4]);
      await mine.commit(commitOf({ cursors: [{ partition: 3, from: 0, to: 1 }] }));
      expect(await yours.take([3])).toMatchObject([{ partition: 3, position: 1 }]);
      const late = mine.commit(
        commitOf({
          rows: [row(1, 1)],
          events: [changedEvent('t', 1)],
          snapshots: [driverAt('d', 1)],
          cursors: [
            { partition: 3, from: 1, to: 2 },
            { partition: 4, from: 0, to: 1 },
          ],
        }),
      );
      await expect(late).rejects.toThrow(CursorMoved);
      await expect(late).rejects.toMatchObject({ partitions: [3] });
      expect(await history(yours, 'd', 10)).toEqual([]);
      expect(await yours.events('t')).toEqual([]);
      expect(await yours.load(['d'])).toEqual([]);
      expect(mine.health()).toEqual({ ok: true, problem: null });
      await mine.commit(commitOf({ cursors: [{ partition: 4, from: 0, to: 1 }] }));
      await yours.commit(commitOf({ cursors: [{ partition: 3, from: 1, to: 2 }] }));
      expect(await mine.still([3, 4])).toMatchObject([{ partition: 4, position: 1 }]);
    });

    it('a driver is stored whole only by the owner of its partition [P2]', async () => {
      const { mine, yours } = await two();
      const all = (await resumed(mine)).cursors.map((_, partition) => partition);
      await mine.commit(commitOf({ snapshots: [driverAt('d', 1)] }));
      await yours.take(all);
      await expect(mine.commit(commitOf({ snapshots: [driverAt('d', 2)] }))).rejects.toThrow(CursorMoved);
      expect(await yours.load(['d'])).toMatchObject([{ snapshot: { position: 1 } }]);
    });

    it('taking waits for a commit under way, or comes before it: never in between [P2]', async () => {
      const { mine, yours } = await two();
      await mine.take([3]);
      for (let n = 0, at = 0; n < 20; n++) {
        const rows = Array.from({ length: 50 }, (_, i) => row(at + i + 1, at + i));
        const committed = mine.commit(commitOf({ rows, cursors: [{ partition: 3, from: at, to: at + 50 }] })).then(
          () => true,
          () => false,
        );
        const [taken] = await yours.take([3]);
        expect(taken?.position).toBe((await committed) ? at + 50 : at);
        at = taken?.position ?? 0;
        expect(await history(yours, 'd', 5_000)).toHaveLength(at);
        await mine.take([3]);
      }
    });

    it('counts takes without a release since the cursor last moved [P6]', async () => {
      const { mine, yours } = await two();
      expect(deaths(await mine.take([1]))).toEqual([0]);
      expect(deaths(await yours.take([1]))).toEqual([1]);
      expect(deaths(await mine.take([1]))).toEqual([2]);
      // Taking what is one's own is no death.
      expect(deaths(await mine.take([1]))).toEqual([2]);
      await mine.commit(commitOf({ cursors: [{ partition: 1, from: 0, to: 1 }] }));
      expect(deaths(await yours.take([1]))).toEqual([0]);
      await yours.release([1]);
      expect(deaths(await mine.take([1]))).toEqual([0]);
      // Only the owner can release.
      await yours.release([1]);
      expect(deaths(await yours.take([1]))).toEqual([1]);
    });

    it('loads what another one stored, whole and since, however often owners change [A6]', async () => {
      const { mine, yours } = await two();
      const positions = async () => (await mine.load(['d']))[0]?.rows.map(({ position }) => position);
      await mine.commit(commitOf({ rows: [row(1, 1)] }));
      await yours.commit(commitOf({ rows: [row(2, 36_000)] }));
      expect(await positions()).toEqual([1, 2]);
      await yours.take([0]);
      await yours.commit(commitOf({ snapshots: [driverAt('d', 2)] }));
      await mine.take([0]);
      await mine.commit(commitOf({ rows: [row(3, 3)] }));
      expect(await positions()).toEqual([3]);
    });

    it('of many that change a trip at once, exactly one does; of one order likewise [T4, T11]', async () => {
      const at = place();
      const stores = await Promise.all([open(at), open(at), open(at)]);
      const order = { id: 'o-1', phone: null };
      const delivery = (id: string) => sampleTrip(id, { kind: 'delivery', status: 'ASSIGNED', order });
      const wins = async (change: (n: number) => Parameters<(typeof stores)[0]['changeTrip']>[0]) =>
        (await Promise.all(Array.from({ length: 12 }, (_, n) => stores[n % 3]?.changeTrip(change(n))))).filter(Boolean).length;
      expect(await wins((n) => creation(sampleTrip('t', { digest: `${n}` })))).toBe(1);
      expect(await wins((n) => ({ ...creation(sampleTrip('t', { revision: 2, digest: `${n}` })), expected: 1 }))).toBe(1);
      expect(await wins((n) => creation(delivery(`d${n}`), { soleSince: T0 - 1 }))).toBe(1);
    });

    it('an event of two at once is recorded once [G8]', async () => {
      const { mine, yours } = await two();
      await Promise.all(
        Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? mine : yours).commit(commitOf({ events: [changedEvent('t', n >> 1)] }))),
      );
      expect(await mine.events('t')).toHaveLength(5);
    });
  });
}
