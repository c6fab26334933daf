import { describe, expect, it } from 'vitest';
import { partitionOf } from '../partition.ts';
import { fill, places, type StorePlace } from './place.ts';
import { ALL_PARTITIONS, commitOf, driverAt, row, sampleTrip, T0 } from './samples.ts';

/** What a store must hold of drivers, for whoever loads them. */
export function driversContract(name: string, make: () => StorePlace): void {
  const { place, open } = places(make);

  describe(`${name} loads`, () => {
    it('only drivers it has ever heard of', async () => {
      const store = await open();
      await store.commit(commitOf({ rows: [row(1, 1)], snapshots: [driverAt('e', 4)] }));
      expect((await store.load(['d', 'e', 'nobody'])).map(({ id }) => id).sort()).toEqual(['d', 'e']);
    });

    it('the last snapshot, and the rows stored after it by position [A6]', async () => {
      const store = await open();
      await store.commit(commitOf({ rows: [row(1, 1), row(2, 2)], snapshots: [driverAt('d', 2, { available: false })] }));
      await store.commit(commitOf({ rows: [row(3, 3), row(4, -3), row(4, 4, { driverId: 'e' }), row(5, 5)] }));
      const [loaded] = await store.load(['d']);
      expect(loaded?.snapshot).toMatchObject({ position: 2, available: false });
      expect(loaded?.rows.map(({ position, fix }) => [position, (fix.at - T0) / 1000])).toEqual([
        [3, 3],
        [4, -3],
        [5, 5],
      ]);
      await store.commit(commitOf({ snapshots: [driverAt('d', 4)] }));
      expect((await store.load(['d']))[0]?.rows.map(({ position }) => position)).toEqual([5]);
    });

    it('those that can be read, and of another one why it cannot [P6]', async () => {
      const at = place();
      const store = await open(at);
      await store.commit(commitOf({ rows: [row(2, 2)], snapshots: [driverAt('d', 1), driverAt('e', 1)] }));
      await at.spoil('d');
      const loaded = await store.load(['d', 'e']);
      expect(loaded.find(({ id }) => id === 'd')).toMatchObject({ snapshot: null, damage: expect.stringMatching(/^its snapshot /) });
      expect(loaded.find(({ id }) => id === 'e')).toMatchObject({ snapshot: { position: 1 }, damage: undefined });
    });

    it('nothing twice of what it was not given twice: duplicates are not among the rows [F9]', async () => {
      const store = await open();
      await store.commit(commitOf({ rows: [row(1, 1)] }));
      await store.commit(commitOf({ rows: [row(2, 1, { unsure: true })] }));
      expect((await store.load(['d']))[0]?.rows.map(({ position }) => position)).toEqual([1]);
    });

    it('all rows since the snapshot, however long ago and however many others came since [A6]', async () => {
      const at = place();
      const store = await open(at);
      await store.commit(commitOf({ rows: [row(1, 1), row(2, 2)] }));
      await fill(store, at, false);
      // Between commits the store does what it does by itself: time for all of it, and more.
      for (let n = 0; n < 40; n++) {
        await store.commit(commitOf());
        expect((await store.load(['d']))[0]?.rows.map(({ position }) => position)).toEqual([1, 2]);
      }
    });

    it('who has to be in memory: who was online, of the partitions asked for [D2]', async () => {
      const store = await open();
      await store.commit(commitOf({ snapshots: [driverAt('d', 1), driverAt('e', 1), driverAt('f', 1)] }));
      await store.commit(commitOf({ snapshots: [driverAt('d', 2, { online: false })] }));
      expect([...(await store.awake(ALL_PARTITIONS))].sort()).toEqual(['e', 'f']);
      expect(partitionOf('e')).not.toBe(partitionOf('f'));
      expect(await store.awake([partitionOf('e')])).toEqual(['e']);
      expect(await store.awake([])).toEqual([]);
    });

    it('and who has an open trip that will end by itself, for as long as it has [T10]', async () => {
      const store = await open();
      const trips = [
        sampleTrip('ends', { driverId: 'd', expiresAt: T0 + 60_000 }),
        sampleTrip('ends too', { driverId: 'd', expiresAt: T0 + 90_000 }),
        sampleTrip('endless', { driverId: 'e' }),
        sampleTrip('over', { driverId: 'f', status: 'COMPLETED', expiresAt: T0 + 60_000 }),
        sampleTrip('nobodys', { expiresAt: T0 + 60_000 }),
      ];
      const snapshots = ['d', 'e', 'f'].map((id) => driverAt(id, 1, { online: false }));
      await store.commit(commitOf({ trips, snapshots }));
      expect(await store.awake(ALL_PARTITIONS)).toEqual(['d']);
      expect(await store.awake([partitionOf('d')])).toEqual(['d']);
      expect(await store.awake([partitionOf('e')])).toEqual([]);
      await store.commit(commitOf({ snapshots: [driverAt('d', 2)] }));
      expect(await store.awake(ALL_PARTITIONS)).toEqual(['d']);
      const over = trips.slice(0, 2).map((trip) => ({ ...trip, revision: 2, status: 'CANCELLED' as const }));
      await store.commit(commitOf({ trips: over, snapshots: [driverAt('d', 3, { online: false })] }));
      expect(await store.awake(ALL_PARTITIONS)).toEqual([]);
    });
  });
}
