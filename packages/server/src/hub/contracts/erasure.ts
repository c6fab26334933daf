import { describe, expect, it } from 'vitest';
import type { Trip } from '../../core/trip.ts';
import type { ConnectionSession } from '../storage-ports.ts';
import { eraseAll } from './erase-all.ts';
import { consumerOf, messageOf, worker } from './outbox-samples.ts';
import { fill, type OpenStore, places, type StorePlace } from './place.ts';
import { BY, commitOf, creation, driverAt, fixAt, history, numbered, outboxEntry, row, sampleTrip, T0 } from './samples.ts';

/** The one that is erased: nothing else in the database reads so. */
const GONE = 'gone-with-the-wind';
const END = T0 + 3_600_000;
const erased = [{ driverId: GONE, at: END }];
const of = (n: number, more: object = {}) => row(n, n, { driverId: GONE, ...more });
const session = (id: string, more: Partial<ConnectionSession> = {}): ConnectionSession => {
  const plain = { id, subject: GONE, role: 'driver', surface: 'stream', kind: 'WEBSOCKET', about: null } as const;
  return { ...plain, since: T0, last: T0, until: T0 + 1, ...more };
};

/** A trip the driver had to itself, and has ended. */
function driven(id: string, more: Partial<Trip> = {}): Trip {
  return sampleTrip(id, {
    driverId: GONE,
    driverName: 'Rhett',
    status: 'COMPLETED',
    lastPoint: fixAt(9),
    distance: 1_234,
    completedAt: T0 + 9_000,
    assignments: [{ driverId: GONE, from: T0, to: T0 + 9_000 }],
    ...more,
  });
}

/** What every store must hold about erasing a driver. */
export function erasureContract(name: string, make: () => StorePlace): void {
  const { place, open } = places(make);
  const around = { lat: 44.5, lng: 11.3, radius: 50_000, from: 0, to: Number.MAX_SAFE_INTEGER, drivers: null };
  const isUnheardOf = async (store: OpenStore) => {
    expect(await store.load([GONE])).toEqual([]);
    expect(await history(store, GONE, 10)).toEqual([]);
    expect(await store.locationsBefore(GONE, END, 10, 0)).toEqual([]);
    expect((await store.passes(around, 10)).items.map(({ driver }) => driver)).toEqual(['d']);
    expect((await store.passes({ ...around, drivers: [GONE] }, 10)).items).toEqual([]);
    expect((await store.fleet()).map(({ driver }) => driver)).toEqual(['d']);
    expect(await store.awake(Array.from({ length: 64 }, (_, n) => n))).toEqual(['d']);
  };

  describe(`${name}: a driver that is erased`, () => {
    it('is unheard of from that commit on, what it brought itself included, and after the next start [I11]', async () => {
      const at = place();
      const store = await open(at);
      const latest = fixAt(1);
      const snapshots = [driverAt(GONE, 1, { latest }), driverAt('d', 1, { latest })];
      await store.commit(commitOf({ rows: [of(1), row(1, 1)], snapshots }));
      await store.commit(commitOf({ rows: [of(2, { stream: 'phone', seq: 1 }), row(2, 2)] }));
      // Read before, so that whatever is remembered of it is remembered by now.
      expect(await history(store, GONE, 10)).toHaveLength(2);
      await store.commit(commitOf({ rows: [of(3), row(3, 3)], erased }));
      await isUnheardOf(store);
      expect(await store.eraser.pending()).toEqual([{ n: expect.any(Number), driver: GONE, at: END, hidden: false }]);
      await store.close();
      const again = await open(at);
      await isUnheardOf(again);
      expect(await history(again, 'd', 10)).toHaveLength(3);
      expect(await again.load(['d'])).toMatchObject([{ rows: [{ position: 2 }, { position: 3 }] }]);
    });

    it('holds up nothing that the store does by itself, whenever it comes [I13]', async () => {
      const at = place();
      const store = await open(at);
      await store.commit(commitOf({ rows: [of(1), row(1, 1)], snapshots: [driverAt('d', 1, { latest: fixAt(1) })] }));
      await store.commit(commitOf({ rows: [of(2)], erased }));
      await fill(store, at);
      expect(await store.load([GONE])).toEqual([]);
      await eraseAll(store);
      expect(await at.dump()).not.toContain(GONE);
      expect(await history(store, 'd', 10)).toHaveLength(1);
      expect(await history(store, 'filler', 50_000)).toHaveLength(at.enough);
    });

    it('may be amid what the store moves [I13]', async () => {
      const at = place();
      const store = await open(at);
      const rows = Array.from({ length: at.enough }, (_, n) => of(n + 1));
      await store.commit(
        commitOf({ rows: [...rows, row(1, 1)], snapshots: [driverAt(GONE, rows.length), driverAt('d', 1, { latest: fixAt(1) })] }),
      );
      await store.commit(commitOf({ erased }));
      await isUnheardOf(store);
      await at.settled();
      const { rows: done } = await eraseAll(store);
      expect(done.fixes).toBeLessThanOrEqual(rows.length);
      await isUnheardOf(store);
      expect(await history(store, 'd', 10)).toHaveLength(1);
    });

    it('is somebody new when it comes back: nothing it sends is known, and nothing of that goes [I14]', async () => {
      const at = place();
      const store = await open(at);
      const first = numbered(1, 1, 1, { driverId: GONE });
      await store.commit(commitOf({ rows: [first], snapshots: [driverAt(GONE, 1)] }));
      await store.commit(commitOf({ erased }));
      const { duplicates } = await store.commit(commitOf({ rows: [{ ...first, position: 2, unsure: true }] }));
      expect(duplicates).toEqual([]);
      expect(await store.load([GONE])).toMatchObject([{ id: GONE, snapshot: null, rows: [{ position: 2, stream: 'phone', seq: 1 }] }]);
      const later = { driverId: GONE, assignments: [{ driverId: GONE, from: END + 1, to: END + 2 }] };
      const event = { id: `${GONE}/online/${END + 1}`, kind: 'online', driverId: GONE, at: END + 1 } as const;
      await store.recordSessions([session('new', { since: END + 1, until: END + 2 })]);
      await store.commit(commitOf({ trips: [driven('after', later)], events: [event] }));
      await eraseAll(store);
      expect(await store.eraser.pending()).toEqual([]);
      expect(await history(store, GONE, 10)).toMatchObject([{ stream: 'phone', seq: 1 }]);
      expect(await store.trip('after')).toMatchObject(later);
      expect((await store.sessions({ subject: GONE }, 10, null)).items.map(({ id }) => id)).toEqual(['new']);
      expect(await at.dump()).toContain(event.id);
    });

    it('leaves nothing to whoever gets its number [I13]', async () => {
      const store = await open();
      await store.commit(commitOf({ rows: [of(1, { stream: 'phone', seq: 1 }), of(2)] }));
      expect(await history(store, GONE, 10)).toHaveLength(2);
      await store.commit(commitOf({ erased }));
      await eraseAll(store);
      await store.commit(commitOf({ rows: [numbered(3, 3, 1, { driverId: 'newcomer' })] }));
      expect(await history(store, 'newcomer', 10)).toMatchObject([{ stream: 'phone', seq: 1, driverId: 'newcomer' }]);
    });

    it('leaves the trips it drove, without it: no name, no place, none of its words [I12]', async () => {
      const store = await open();
      const trip = driven('t-1');
      const common = { tripId: trip.id, at: T0 + 1 };
      const by = { sub: GONE, role: 'driver', via: 'stream' };
      await store.commit(
        commitOf({
          snapshots: [driverAt(GONE, 1)],
          trips: [trip, sampleTrip('t-2', { driverId: 'd' })],
          events: [
            { ...common, id: 't-1/status/EN_ROUTE', kind: 'status', driverId: GONE, status: 'EN_ROUTE', previous: 'PENDING', by },
            { ...common, id: 't-1/message/1', kind: 'message', driverId: GONE, text: 'frankly', to: null, by },
            { ...common, id: 't-1/message/2', kind: 'message', driverId: GONE, text: 'hurry', to: GONE, by: BY },
            { ...common, id: 't-1/assignment/3', kind: 'assignment', driverId: 'd', previous: GONE, by: BY },
          ],
        }),
      );
      await store.commit(commitOf({ erased }));
      const { trips } = await eraseAll(store);
      expect(trips).toEqual(['t-1']);
      const without = { driverId: null, driverName: null, lastPoint: null, assignments: [], revision: trip.revision + 1 };
      expect(await store.trip('t-1')).toEqual({ ...trip, ...without });
      expect((await store.trips({ driverId: GONE }, 10, null)).items).toEqual([]);
      const nobody = { ...by, sub: 'erased' };
      expect(await store.events('t-1')).toEqual([
        expect.objectContaining({ kind: 'status', driverId: null, status: 'EN_ROUTE', by: nobody }),
        expect.objectContaining({ kind: 'message', driverId: null, text: 'erased', by: nobody }),
        expect.objectContaining({ kind: 'message', driverId: null, text: 'hurry', to: null, by: BY }),
        expect.objectContaining({ kind: 'assignment', driverId: 'd', previous: null, by: BY }),
      ]);
      expect(await store.trip('t-2')).toEqual(sampleTrip('t-2', { driverId: 'd' }));
    });

    it('is waited for where somebody else has its trip open, or it is on its way there [I12]', async () => {
      const store = await open();
      const passed = driven('t', {
        driverId: 'd',
        status: 'EN_ROUTE',
        assignments: [
          { driverId: GONE, from: T0, to: T0 + 5 },
          { driverId: 'd', from: T0 + 5, to: null },
        ],
      });
      await store.changeTrip(creation(passed));
      await store.commit(commitOf({ snapshots: [driverAt(GONE, 1)] }));
      const onItsWay = { ...outboxEntry(sampleTrip('u', { driverId: 'd' })), previous: GONE };
      await store.commit(commitOf({ outbox: [onItsWay], erased }));
      expect((await eraseAll(store)).held).toEqual(['trips']);
      await store.commit(commitOf({ trips: [{ ...passed, status: 'COMPLETED', revision: 2 }] }));
      expect((await eraseAll(store)).held).toEqual(['trips']);
      await store.commit(commitOf({ outboxDone: [onItsWay.id] }));
      expect((await eraseAll(store)).held).toEqual([]);
      expect(await store.trip('t')).toMatchObject({ driverId: 'd', driverName: null, assignments: [{ driverId: 'd' }] });
      expect(await store.eraser.pending()).toEqual([]);
    });

    it('goes out of messages, with their deliveries: of itself, of its trips, and where it is named otherwise [I12]', async () => {
      const store = await open();
      const { outbox } = store;
      await outbox.putConsumer(consumerOf('hook'), 0);
      const status = { id: 't/status/PENDING', kind: 'status', tripId: 't', at: T0, status: 'PENDING', previous: null, by: BY } as const;
      const party = JSON.stringify({ data: { trip: { stops: [{ partyId: GONE }] } } });
      const messages = [
        messageOf('itself', `driver:${GONE}`, { body: '{}' }),
        messageOf('its-trip', 'trip:t', { body: '{"driver_name":"Rhett"}' }),
        messageOf('named', 'trip:u', { body: JSON.stringify({ data: { event: { previous: GONE } } }) }),
        messageOf('rode-along', 'trip:v', { body: party }),
        messageOf('later', `driver:${GONE}`, { at: END + 1, body: '{}' }),
      ];
      await store.commit(commitOf({ snapshots: [driverAt(GONE, 1)], events: [{ ...status, driverId: GONE }], messages }));
      await store.commit(commitOf({ erased }));
      expect((await eraseAll(store)).rows.messages).toBe(3);
      const { items } = await outbox.deliveries('hook', null, 10, null);
      expect(items.map(({ message }) => message.id).sort()).toEqual(['later', 'rode-along']);
      expect(await outbox.counts()).toMatchObject({ pending: 2 });
      expect(await worker(outbox).claim({ now: END + 2 })).toEqual(['hook/later', 'hook/rode-along']);
    });

    it('goes out of everything: no row of any table names it any more [I12, I13]', async () => {
      const at = place();
      const store = await open(at);
      await store.outbox.putConsumer(consumerOf('hook'), 0);
      const command = { kind: 'availability', driverId: GONE, receivedAt: T0, reply: 0, available: true } as const;
      await store.recordSessions([session('s-1'), session('s-2', { until: null })]);
      await store.commit(
        commitOf({
          rows: [of(1), of(2, { stream: GONE, seq: 1 })],
          snapshots: [driverAt(GONE, 2)],
          trips: Array.from({ length: 600 }, (_, n) => driven(`t-${n}`)),
          events: Array.from({ length: 1_100 }, (_, n) => ({ id: `${GONE}/stale/${n}`, kind: 'stale', driverId: GONE, at: T0 + n })),
          messages: Array.from({ length: 1_100 }, (_, n) => messageOf(`m-${n}`, `driver:${GONE}`)),
          setAside: [{ partition: 1, position: 1, command, error: 'broken', at: T0 }],
        }),
      );
      await store.commit(commitOf({ rows: [of(3)], erased }));
      const first = await eraseAll(store);
      expect(first).toMatchObject({ rows: { messages: 1_100, trips: 600, events: 1_100, sessions: 1, commands: 1 }, held: ['sessions'] });
      await store.recordSessions([session('s-2', { until: T0 + 2 })]);
      expect((await eraseAll(store)).rows).toMatchObject({ trips: 0, events: 0, sessions: 1 });
      expect(await at.dump()).not.toContain(GONE);
      await store.close();
      expect(await (await open(at)).eraser.pending()).toEqual([]);
    });

    it('says when nothing of it shows any more, also after the next start [I10]', async () => {
      const at = place();
      const store = await open(at);
      await store.commit(commitOf({ snapshots: [driverAt(GONE, 1)] }));
      await store.commit(commitOf({ erased }));
      const [erasure] = await store.eraser.pending();
      const work = await store.eraser.begin();
      if (erasure !== undefined) await work?.hide(erasure);
      await work?.end();
      expect(await store.eraser.pending()).toEqual([{ ...erasure, hidden: true }]);
      await store.close();
      expect(await (await open(at)).eraser.pending()).toEqual([{ ...erasure, hidden: true }]);
    });
  });
}
