import { describe, expect, it } from 'vitest';
import { places, type StorePlace } from './place.ts';
import { changedEvent, commitOf, creation, outboxEntry, resumed, sampleTrip, T0 } from './samples.ts';

/** What a store must hold of trips, and of what happens to them. */
export function tripsContract(name: string, make: () => StorePlace): void {
  const { open } = places(make);

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
}
