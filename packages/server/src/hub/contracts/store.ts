import { describe, expect, it } from 'vitest';
import { CursorMoved } from '../cursor-moved.ts';
import { partitionOf } from '../partition.ts';
import { PARTITIONS } from '../ports.ts';
import { places, type StorePlace } from './place.ts';
import {
  ALL_PARTITIONS,
  asStored,
  changedEvent,
  commitOf,
  creation,
  driverAt,
  fixAt,
  history,
  numbered,
  outboxEntry,
  resumed,
  row,
  sampleTrip,
  T0,
} from './samples.ts';
import { storeAgainstModel } from './store-model.ts';

export function storeContract(name: string, make: () => StorePlace): void {
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
        expect(await resumed(one)).toEqual({ cursors: new Array(PARTITIONS).fill(0).with(5, 2), outbox, online: ['d'] });
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
      expect(await resumed(store)).toEqual({ cursors: new Array(PARTITIONS).fill(0).with(0, 1), outbox: [], online: [] });
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

  describe(`${name} knows fixes it has`, () => {
    /** Unsure rows and what they are: 1, 3 and 4 are known. */
    const first = [row(1, 1), numbered(2, 2, 7), numbered(3, 3, 8)];
    const again = [
      row(10, 50, { unsure: true }),
      row(11, 1, { unsure: true }),
      row(12, 1, { unsure: true, fix: fixAt(1, 1) }),
      numbered(13, 2, 7, { unsure: true }),
      row(14, 3, { unsure: true }),
      numbered(15, 2, 9, { unsure: true }),
      row(16, 1, { unsure: true, driverId: 'other' }),
      numbered(17, 2, 7, { unsure: true, stream: 'another' }),
    ];
    const stored = [1, 1, 2, 2, 2, 3, 50];

    it('that lie where commits land, numbered and not [F9, F10]', async () => {
      const store = await open();
      await store.commit(commitOf({ rows: first }));
      expect((await store.commit(commitOf({ rows: again }))).duplicates).toEqual([1, 3, 4]);
      expect((await history(store, 'd', 100)).map(({ fix }) => (fix.at - T0) / 1000)).toEqual(stored);
      expect(await history(store, 'other', 100)).toHaveLength(1);
    });

    it('that have been moved since [F10]', async () => {
      const at = place();
      const store = await open(at);
      await store.commit(commitOf({ rows: first, snapshots: [driverAt('d', 3)] }));
      await fill(store, at);
      expect((await store.commit(commitOf({ rows: again }))).duplicates).toEqual([1, 3, 4]);
      expect((await history(store, 'd', 100)).map(({ fix }) => (fix.at - T0) / 1000)).toEqual(stored);
    });

    it('that were stored before it was opened [F10, A6]', async () => {
      const at = place();
      const store = await open(at);
      await store.commit(commitOf({ rows: first }));
      await store.close();
      expect((await (await open(at)).commit(commitOf({ rows: again }))).duplicates).toEqual([1, 3, 4]);
    });

    it('that come in the same commit [F9, F10]', async () => {
      const store = await open();
      const rows = [
        row(1, 1),
        row(2, 1, { unsure: true }),
        numbered(3, 2, 7),
        numbered(4, 2, 7, { unsure: true }),
        row(5, 9, { unsure: true }),
        row(6, 9, { unsure: true }),
      ];
      expect((await store.commit(commitOf({ rows }))).duplicates).toEqual([1, 3, 5]);
      expect(await history(store, 'd', 100)).toHaveLength(3);
    });

    it('and takes those that are sure for what they are, without looking', async () => {
      const store = await open();
      await store.commit(commitOf({ rows: first }));
      expect((await store.commit(commitOf({ rows: [row(4, 1)] }))).duplicates).toEqual([]);
      expect(await history(store, 'd', 100)).toHaveLength(4);
    });
  });

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

    it('who was online, of the partitions asked for [D2]', async () => {
      const store = await open();
      await store.commit(commitOf({ snapshots: [driverAt('d', 1), driverAt('e', 1), driverAt('f', 1)] }));
      await store.commit(commitOf({ snapshots: [driverAt('d', 2, { online: false })] }));
      expect([...(await store.online(ALL_PARTITIONS))].sort()).toEqual(['e', 'f']);
      expect(partitionOf('e')).not.toBe(partitionOf('f'));
      expect(await store.online([partitionOf('e')])).toEqual(['e']);
      expect(await store.online([])).toEqual([]);
    });
  });

  describe(`${name} keeps`, () => {
    it('an event once, however often it is decided [G8]', async () => {
      const store = await open();
      await store.commit(commitOf({ events: [changedEvent('t', 1), changedEvent('t', 1)] }));
      await store.commit(commitOf({ events: [changedEvent('t', 1, T0 + 999), changedEvent('t', 2)] }));
      await store.changeTrip(creation(sampleTrip('t'), { events: [changedEvent('t', 2)] }));
      expect(await store.events('t')).toEqual([changedEvent('t', 1), changedEvent('t', 2)]);
    });

    it('an outbox entry until it has had its effect, in order, a repeat once [T7]', async () => {
      const store = await open();
      const entries = ['a', 'b', 'c'].map((id) => outboxEntry(sampleTrip(id, { driverId: 'd' })));
      await store.commit(commitOf({ outbox: entries }));
      await store.commit(commitOf({ outbox: entries.slice(1, 2), outboxDone: [entries[0]?.id ?? '', 'never heard of'] }));
      expect((await resumed(store)).outbox).toEqual(entries.slice(1));
    });

    it('the newer revision of a trip, whichever comes last [T7]', async () => {
      const store = await open();
      await store.commit(commitOf({ trips: [sampleTrip('t', { revision: 5, status: 'EN_ROUTE' })] }));
      await store.commit(commitOf({ trips: [sampleTrip('t', { revision: 4 })] }));
      expect(await store.trip('t')).toMatchObject({ revision: 5, status: 'EN_ROUTE' });
    });

    it('nothing of a trip that was removed [T6]', async () => {
      const store = await open();
      await store.commit(commitOf({ trips: [sampleTrip('t')], events: [changedEvent('t', 1)] }));
      await store.commit(commitOf({ removedTrips: ['t'] }));
      expect(await store.trip('t')).toBeUndefined();
      expect(await store.events('t')).toEqual([]);
      expect((await store.trips({ label: 'taxi' }, 10, null)).items).toEqual([]);
    });
  });

  describe(`${name} changes a trip`, () => {
    it('only while no other open one, created later than told, brings its order [T11]', async () => {
      const store = await open();
      const order = { id: 'o-1', phone: null };
      const trip = (id: string, more: object = {}) => sampleTrip(id, { kind: 'delivery', status: 'ASSIGNED', order, ...more });
      expect(await store.changeTrip(creation(trip('a'), { soleSince: T0 - 1 }))).toBe(true);
      expect(await store.changeTrip(creation(trip('b'), { soleSince: T0 - 1, events: [changedEvent('b', 1)] }))).toBe(false);
      expect(await store.trip('b')).toBeUndefined();
      expect(await store.events('b')).toEqual([]);
      // Another order, one that is over, and one that is too old do not count.
      expect(await store.changeTrip(creation(trip('c', { order: { id: 'o-2', phone: null } }), { soleSince: T0 - 1 }))).toBe(true);
      expect(await store.changeTrip(creation(trip('d'), { soleSince: T0 }))).toBe(true);
      for (const id of ['a', 'd']) await store.commit(commitOf({ trips: [trip(id, { status: 'DELIVERED', revision: 2 })] }));
      expect(await store.changeTrip(creation(trip('e'), { soleSince: T0 - 1 }))).toBe(true);
      expect((await store.trips({ orderId: 'o-1', open: true, createdAfter: T0 - 1 }, 10, null)).items.map(({ id }) => id)).toEqual(['e']);
    });

    it('only if it is at the revision expected, 0 for not there; then with its events and outbox [T4, T7]', async () => {
      const store = await open();
      const trip = sampleTrip('t', { driverId: 'd' });
      expect(await store.changeTrip(creation(trip, { events: [changedEvent('t', 1)], outbox: [outboxEntry(trip)] }))).toBe(true);
      const other = creation(sampleTrip('t', { labels: ['other'] }), {
        events: [changedEvent('t', 9)],
        outbox: [outboxEntry(sampleTrip('u'))],
      });
      expect(await store.changeTrip(other)).toBe(false);
      expect(await store.changeTrip({ ...other, expected: 2 })).toBe(false);
      expect(await store.trip('t')).toEqual(trip);
      expect(await store.events('t')).toHaveLength(1);
      expect((await resumed(store)).outbox).toHaveLength(1);
      expect(await store.changeTrip({ ...other, expected: 1, trip: sampleTrip('t', { revision: 2, labels: ['other'] }) })).toBe(true);
      expect(await store.trip('t')).toMatchObject({ revision: 2, labels: ['other'] });
      expect(await store.events('t')).toHaveLength(2);
    });

    it('of many at once exactly one wins [T4]', async () => {
      const store = await open();
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, n) => store.changeTrip(creation(sampleTrip('t', { digest: `${n}` })))),
      );
      expect(answers.filter(Boolean)).toHaveLength(1);
      expect(await store.trip('t')).toMatchObject({ digest: `${answers.indexOf(true)}` });
    });

    it('removes it by its revision, and then it may be created again [T6]', async () => {
      const store = await open();
      const change = creation(sampleTrip('t'));
      await store.changeTrip(change);
      expect(await store.changeTrip({ ...change, expected: 4, remove: true })).toBe(false);
      expect(await store.changeTrip({ ...change, expected: 1, remove: true })).toBe(true);
      expect(await store.trip('t')).toBeUndefined();
      expect(await store.changeTrip(change)).toBe(true);
    });
  });

  describe(`${name} closes`, () => {
    it('after everything asked before, and twice is safe [A6]', async () => {
      const at = place();
      const store = await open(at);
      const committed = store.commit(commitOf({ rows: [row(1, 1)] }));
      await Promise.all([store.close(), store.close()]);
      await committed;
      await store.close();
      expect(await history(await open(at), 'd', 10)).toHaveLength(1);
    });

    it('also after a commit was refused for good [A8]', async () => {
      const at = place();
      const store = await open(at);
      await store.commit(commitOf({ cursors: [{ partition: 0, from: 0, to: 5 }] }));
      await expect(store.commit(commitOf({ cursors: [{ partition: 0, from: 0, to: 1 }] }))).rejects.toThrow();
      await store.close();
      expect((await resumed(await open(at))).cursors[0]).toBe(5);
    }, 5_000);
  });

  describe(`${name} refuses`, () => {
    const never = sampleTrip('never', { createdAt: null as never });

    it('what can never be stored, whole, and goes on with what comes after it [P6]', async () => {
      const store = await open();
      await store.commit(commitOf({ cursors: [{ partition: 0, from: 0, to: 1 }] }));
      const poison = commitOf({ rows: [row(2, 2)], trips: [never], cursors: [{ partition: 0, from: 1, to: 2 }] });
      const [refused, after, beside] = await Promise.allSettled([
        store.commit(poison),
        store.commit(commitOf({ rows: [row(3, 3)], cursors: [{ partition: 0, from: 2, to: 3 }] })),
        store.commit(commitOf({ rows: [row(1, 1)], cursors: [{ partition: 1, from: 0, to: 1 }] })),
      ]);
      expect(refused).toMatchObject({ status: 'rejected', reason: expect.not.objectContaining({ partitions: expect.anything() }) });
      // What was to follow it cannot: the cursor is not there yet.
      expect([after?.status, beside?.status]).toEqual(['rejected', 'fulfilled']);
      expect(store.health()).toEqual({ ok: true, problem: null });
      expect((await history(store, 'd', 10)).map(({ fix }) => fix.at)).toEqual([fixAt(1).at]);
      expect((await resumed(store)).cursors.slice(0, 2)).toEqual([1, 1]);
      await store.commit(commitOf({ rows: [row(3, 3)], cursors: [{ partition: 0, from: 1, to: 3 }] }));
      expect(await history(store, 'd', 10)).toHaveLength(2);
    });

    it('a change of a trip likewise [P6]', async () => {
      const store = await open();
      await expect(store.changeTrip(creation(never, { events: [changedEvent('never', 1)] }))).rejects.toThrow();
      expect([await store.trip('never'), await store.events('never')]).toEqual([undefined, []]);
      expect(await store.changeTrip(creation(sampleTrip('t')))).toBe(true);
    });
  });

  describe(`${name} hands partitions over`, () => {
    it('tells where each stands, in the order asked, also after closing and opening again [P4]', async () => {
      const at = place();
      const store = await open(at);
      const cursors = [
        { partition: 5, from: 0, to: 2 },
        { partition: 63, from: 0, to: 9 },
      ];
      await store.commit(commitOf({ cursors }));
      const positions = async (one: typeof store) => (await one.take([63, 0, 5])).map(({ partition, position }) => [partition, position]);
      const expected = [
        [63, 9],
        [0, 0],
        [5, 2],
      ];
      expect(await positions(store)).toEqual(expected);
      await store.close();
      expect(await positions(await open(at))).toEqual(expected);
    });

    it('knows no owner that went without a word while there was none [P6]', async () => {
      const store = await open();
      expect(await store.take([7, 8])).toEqual([
        { partition: 7, position: 0, deaths: 0 },
        { partition: 8, position: 0, deaths: 0 },
      ]);
      await store.release([7, 8]);
      expect((await store.take([7])).map(({ deaths }) => deaths)).toEqual([0]);
    });

    it('tells again of those that are its own, where they stand now', async () => {
      const store = await open();
      await store.take([7, 8]);
      await store.commit(commitOf({ cursors: [{ partition: 8, from: 0, to: 3 }] }));
      expect(await store.still([7, 8])).toEqual([
        { partition: 7, position: 0, deaths: 0 },
        { partition: 8, position: 3, deaths: 0 },
      ]);
    });

    it('what waits for the drivers of some, and nothing else [T7]', async () => {
      const store = await open();
      const drivers = ['a', 'b', 'c', 'd'];
      const entries = drivers.map((driverId) => outboxEntry(sampleTrip(`t-${driverId}`, { driverId })));
      await store.commit(commitOf({ outbox: [...entries, outboxEntry(sampleTrip('nobodys'))] }));
      expect(await store.waiting(ALL_PARTITIONS)).toEqual(entries);
      for (const [index, driverId] of drivers.entries()) expect(await store.waiting([partitionOf(driverId)])).toEqual([entries[index]]);
      expect(await store.waiting([])).toEqual([]);
    });

    it('counts how often a command was tried, durably, and anew for another one [P6]', async () => {
      const at = place();
      const store = await open(at);
      expect([await store.tried(4, 11), await store.tried(4, 11), await store.tried(5, 11)]).toEqual([1, 2, 1]);
      await store.close();
      const again = await open(at);
      expect(await again.tried(4, 11)).toBe(3);
      expect([await again.tried(4, 12), await again.tried(4, 12), await again.tried(5, 11)]).toEqual([1, 2, 2]);
    });

    it('keeps what was set aside with its error, and moves on [P6]', async () => {
      const at = place();
      const store = await open(at);
      const command = { kind: 'availability', driverId: 'd', receivedAt: T0, reply: 0, available: true } as const;
      const setAside = [
        { partition: 2, position: 1, command, error: "it's broken\n", at: T0 + 5 },
        { partition: 2, position: 3, command: { ...command, available: false }, error: 'again', at: T0 + 6 },
      ];
      await store.commit(commitOf({ setAside, cursors: [{ partition: 2, from: 0, to: 3 }] }));
      expect((await resumed(store)).cursors[2]).toBe(3);
      await store.close();
      expect(await at.setAside()).toEqual(setAside);
    });
  });

  storeAgainstModel(name, make);

  /** Many rows of somebody else, so that the store does what it does by itself; and whether it could finish. */
  async function fill(store: Awaited<ReturnType<typeof open>>, at: StorePlace, wholly = true): Promise<void> {
    const rows = Array.from({ length: at.enough }, (_, n) => row(n + 1, n, { driverId: 'filler' }));
    await store.commit(commitOf({ rows, snapshots: [driverAt('filler', rows.length)] }));
    if (wholly) await at.settled();
  }
}
