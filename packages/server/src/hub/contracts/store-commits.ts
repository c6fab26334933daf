import { describe, expect, it } from 'vitest';
import { CursorMoved } from '../cursor-moved.ts';
import { PARTITIONS } from '../ports.ts';
import { places, type StorePlace } from './place.ts';
import { asStored, changedEvent, commitOf, driverAt, fixAt, history, numbered, outboxEntry, resumed, row, sampleTrip } from './samples.ts';

/** What a store must hold of a commit. */
export function commitsContract(name: string, make: () => StorePlace): void {
  const { place, open } = places(make);

  describe(`${name} commits`, () => {
    it('everything it is given, and has it after closing and opening again [A1, A6]', async () => {
      const at = place();
      const store = await open(at);
      const trip = sampleTrip('t', { driverId: 'd' });
      const rows = [row(1, 1), numbered(2, 2, 7, { suspect: 'teleport' })];
      const events = [changedEvent('t', 1)];
      const outbox = [outboxEntry(trip)];
      const driver = driverAt('d', 2);
      const cursors = [{ partition: 5, from: 0, to: 2 }];
      expect(await store.commit(commitOf({ rows, events, outbox, trips: [trip], snapshots: [driver], cursors }))).toMatchObject({
        duplicates: [],
      });
      const check = async (one: typeof store) => {
        expect((await history(one, 'd', 10)).map(asStored)).toEqual(rows.map(asStored));
        expect(await one.events('t')).toEqual(events);
        expect(await one.trip('t')).toEqual(trip);
        expect(await resumed(one)).toEqual({ cursors: new Array(PARTITIONS).fill(0).with(5, 2), outbox, awake: ['d'] });
        expect(await one.load(['d'])).toMatchObject([{ id: 'd', snapshot: { position: 2 }, rows: [] }]);
      };
      await check(store);
      await store.close();
      await check(await open(at));
    });

    it('all or nothing: what cannot be done whole is not done at all [A6]', async () => {
      const store = await open();
      await store.commit(commitOf({ rows: [row(1, 1)], cursors: [{ partition: 0, from: 0, to: 1 }] }));
      const more = commitOf({
        rows: [row(2, 2), row(3, 3, { driverId: 'new' })],
        events: [changedEvent('t', 2)],
        outbox: [outboxEntry(sampleTrip('t'))],
        trips: [sampleTrip('t')],
        snapshots: [driverAt('d', 2)],
        cursors: [
          { partition: 1, from: 0, to: 1 },
          { partition: 0, from: 7, to: 8 },
        ],
      });
      await expect(store.commit(more)).rejects.toThrow(/partition 0/);
      expect((await history(store, 'd', 10)).map(({ fix }) => fix.at)).toEqual([fixAt(1).at]);
      expect(await store.load(['d', 'new'])).toMatchObject([{ id: 'd', snapshot: null }]);
      expect(await store.events('t')).toEqual([]);
      expect(await store.trip('t')).toBeUndefined();
      expect(await resumed(store)).toEqual({ cursors: new Array(PARTITIONS).fill(0).with(0, 1), outbox: [], awake: [] });
    });

    it('moves a cursor only from where it is: somebody else owns the partition otherwise [P2]', async () => {
      const store = await open();
      await store.commit(commitOf({ cursors: [{ partition: 3, from: 0, to: 4 }] }));
      await store.commit(commitOf({ cursors: [{ partition: 3, from: 4, to: 6 }] }));
      const late = store.commit(commitOf({ cursors: [{ partition: 3, from: 4, to: 7 }] }));
      await expect(late).rejects.toThrow(CursorMoved);
      await expect(late).rejects.toMatchObject({ partitions: [3] });
    });

    it('moves a cursor that was never moved only from 0 [P2]', async () => {
      const store = await open();
      await expect(store.commit(commitOf({ cursors: [{ partition: 3, from: 4, to: 7 }] }))).rejects.toThrow(/partition 3/);
    });

    it('in the order they were given, without waiting for one another [A6]', async () => {
      const store = await open();
      const done: number[] = [];
      await Promise.all(
        [1, 2, 3, 4, 5].map(async (n) => {
          await store.commit(commitOf({ rows: [row(n, n)], cursors: [{ partition: 0, from: n - 1, to: n }] }));
          done.push(n);
        }),
      );
      expect(done).toEqual([1, 2, 3, 4, 5]);
    });

    it('what it was given when it was called, whatever happens to it afterwards', async () => {
      const store = await open();
      const driver = driverAt('d', 1);
      const trip = sampleTrip('t');
      const committed = store.commit(commitOf({ trips: [trip], snapshots: [driver] }));
      driver.position = 99;
      trip.status = 'CANCELLED';
      await committed;
      expect(await store.load(['d'])).toMatchObject([{ snapshot: { position: 1 } }]);
      expect(await store.trip('t')).toMatchObject({ status: 'PENDING' });
    });

    it('nothing, when there is nothing', async () => {
      expect(await (await open()).commit(commitOf())).toMatchObject({ duplicates: [] });
    });
  });
}
