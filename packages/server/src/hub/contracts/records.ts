import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activeTrip } from '../../core/driver.ts';
import type { Trip } from '../../core/trip.ts';
import { fleetRowOf } from '../fleet-row.ts';
import type { TripFilter } from '../storage-ports.ts';
import { type OpenStore, places, type StorePlace } from './place.ts';
import { asStored, changedEvent, commitOf, driverAt, fixAt, history, row, sampleTrip, T0 } from './samples.ts';

const FOREVER = Number.MAX_SAFE_INTEGER;

export function recordsContract(name: string, make: () => StorePlace): void {
  const { place, open } = places(make);
  const seconds = (rows: readonly { fix: { at: number } }[]) => rows.map(({ fix }) => (fix.at - T0) / 1000);

  describe(`${name}: locations`, () => {
    it('come in capture order, ties by receipt, whatever order they were stored in [F12]', async () => {
      const store = await open();
      await store.commit(commitOf({ rows: [row(1, 5), row(2, 1), row(3, 5, { fix: fixAt(5, 1) })] }));
      await store.commit(commitOf({ rows: [row(4, 3), row(5, 5, { fix: fixAt(5, -1) }), row(6, 0, { driverId: 'e' })] }));
      const rows = await history(store, 'd', 100);
      expect(seconds(rows)).toEqual([1, 3, 5, 5, 5]);
      expect(rows.slice(2).map(({ fix }) => fix.lat)).toEqual([fixAt(5).lat, fixAt(5, 1).lat, fixAt(5, -1).lat]);
    });

    it('come back as they were, every member, unknown ones too [F1, F7]', async () => {
      const store = await open();
      const rows = [
        row(1, 1, { fix: { lat: -90, lng: 180, at: T0, speed: 0, bearing: 359.99, accuracy: 10_000_000, altitude: -20_000 } }),
        row(2, 2, { fix: fixAt(2, 0, { speed: null, accuracy: null, altitude: null }), suspect: 'ahead' }),
        row(3, 3, {
          fix: fixAt(3, 0, { lat: 1e-7, lng: -1e-7, speed: 0.01 }),
          suspect: 'teleport',
          stream: 'phone',
          seq: Number.MAX_SAFE_INTEGER,
        }),
        row(4, 4, { fix: fixAt(4, 0, { speed: 100_000, altitude: 10_000_000 }), stream: 'x', receivedAt: T0 + 123_456_789 }),
      ];
      await store.commit(commitOf({ rows }));
      expect((await history(store, 'd', 3)).map(asStored)).toEqual(rows.map(asStored));
    });

    it('from and to are inclusive', async () => {
      const store = await open();
      await store.commit(commitOf({ rows: [1, 2, 3, 4].map((second) => row(second, second)) }));
      const page = await store.locations('d', T0 + 2000, T0 + 3000, 10, null);
      expect(seconds(page.items)).toEqual([2, 3]);
      expect(page.cursor).toBeNull();
    });

    it('of nobody are none', async () => {
      const store = await open();
      expect(await store.locations('nobody', 0, FOREVER, 10, null)).toEqual({ items: [], cursor: null });
      expect(await store.locationsBefore('nobody', FOREVER, 10, 0)).toEqual([]);
    });

    it('page by page of any size are the same, and the last page says so', async () => {
      const store = await open();
      const rows = Array.from({ length: 23 }, (_, n) => row(n + 1, n % 6, { fix: fixAt(n % 6, n) }));
      for (let n = 0; n < rows.length; n += 4) await store.commit(commitOf({ rows: rows.slice(n, n + 4) }));
      const whole = await store.locations('d', 0, FOREVER, 23, null);
      expect(whole.cursor).toBeNull();
      for (const size of [1, 2, 5, 22, 23, 24]) expect(await history(store, 'd', size)).toEqual(whole.items);
    });

    it('just before a time are the last ones before it, in capture order [F12]', async () => {
      const store = await open();
      await store.commit(commitOf({ rows: [5, 1, 3, 2, 4].map((second, n) => row(n + 1, second)) }));
      expect(seconds(await store.locationsBefore('d', T0 + 4000, 2, 0))).toEqual([2, 3]);
      expect(seconds(await store.locationsBefore('d', T0 + 4001, 20, 0))).toEqual([1, 2, 3, 4]);
      expect(seconds(await store.locationsBefore('d', T0 + 4001, 20, T0 + 3000))).toEqual([3, 4]);
    });

    it('never lose or repeat one by cursor while the store moves them, and are the same afterwards [F12]', async () => {
      const at = place();
      const store = await open(at);
      const many = Math.max(4_000, at.enough);
      // In an order of its own, so that moving them is work.
      const rows = Array.from({ length: many }, (_, n) => row(n + 1, (n * 7919) % many));
      const moving = store.commit(commitOf({ rows, snapshots: [driverAt('d', many)] }));
      const expected = Array.from({ length: many }, (_, n) => n);
      await moving;
      expect(seconds(await history(store, 'd', 1_500))).toEqual(expected);
      const before = seconds(await store.locationsBefore('d', T0 + 100_000, 50, 0));
      await at.settled();
      expect(seconds(await history(store, 'd', 5_000))).toEqual(expected);
      expect(seconds(await store.locationsBefore('d', T0 + 100_000, 50, 0))).toEqual(before);
      expect(before).toEqual(expected.slice(50, 100));
    });
  });

  describe(`${name}: trips`, () => {
    // Car-a would be its party, had anybody said yes to that.
    const uncounted = sampleTrip('d').stops.map((stop) => ({ ...stop, bookingStatus: 'pending' as const }));
    const trips: Trip[] = [
      sampleTrip('a', { createdAt: T0 + 1, labels: ['x'], driverId: 'd' }),
      sampleTrip('b', { createdAt: T0 + 3, labels: ['x', 'y'], driverId: 'e', status: 'EN_ROUTE' }),
      sampleTrip('c', { createdAt: T0 + 2, labels: [], status: 'COMPLETED', driverId: 'd', stops: [] }),
      sampleTrip('d', { createdAt: T0 + 3, labels: ['y'], kind: 'delivery', status: 'ASSIGNED', stops: uncounted }),
    ];
    const shelf = make();
    let shelved: OpenStore;
    beforeAll(async () => {
      shelved = await shelf.open();
      await shelved.commit(commitOf({ trips }));
    });
    afterAll(async () => {
      await shelved.close();
      await shelf.remove();
    });

    it.each<[string, TripFilter, string]>([
      ['all, newest first, then by id', {}, 'b d c a'],
      ['open', { open: true }, 'b d a'],
      ['ended', { open: false }, 'c'],
      ['of a status', { status: 'EN_ROUTE' }, 'b'],
      ['of a kind', { kind: 'delivery' }, 'd'],
      ['of a driver', { driverId: 'd' }, 'c a'],
      ['with a label', { label: 'y' }, 'b d'],
      ['all that is given must hold', { label: 'x', driverId: 'd', open: true }, 'a'],
      ['by any of several labels [S3]', { labels: ['x', 'none'] }, 'b a'],
      ['by party of a stop that counts [S3 G7]', { partyId: 'car-a' }, 'b a'],
      ['by several drivers', { driverIds: ['e', 'd'] }, 'b c a'],
      ['by ids', { ids: ['c', 'none'] }, 'c'],
      ['one door is enough', { ids: ['c'], labels: ['y'], partyId: 'nobody' }, 'b d c'],
      ['doors and filters', { ids: ['c', 'd'], partyId: 'car-a', open: true }, 'b d a'],
      ['names are data', { label: "' OR 1=1 --", labels: ["x') OR 1=1 --"] }, ''],
    ])('%s', async (_, filter, ids) => {
      const { items } = await shelved.trips(filter, 10, null);
      expect(items.map(({ id }) => id).join(' ')).toBe(ids);
    });

    it('come page by page, also where several were created at one ms', async () => {
      const store = shelved;
      for (const limit of [1, 2, 3]) {
        const ids: string[] = [];
        let cursor: string | null = null;
        do {
          const page: Awaited<ReturnType<OpenStore['trips']>> = await store.trips({}, limit, cursor);
          expect(page.items.length).toBeLessThanOrEqual(limit);
          ids.push(...page.items.map(({ id }) => id));
          cursor = page.cursor;
        } while (cursor !== null);
        expect(ids.join(' ')).toBe('b d c a');
      }
    });

    it('are found by what they are now, not by what they were', async () => {
      const store = await open();
      await store.commit(commitOf({ trips }));
      await store.commit(
        commitOf({ trips: [sampleTrip('a', { createdAt: T0 + 1, revision: 2, labels: ['z'], driverId: 'f', stops: [] })] }),
      );
      const found = async (filter: TripFilter) => (await store.trips(filter, 10, null)).items.map(({ id }) => id);
      expect(await found({ label: 'x' })).toEqual(['b']);
      expect(await found({ label: 'z' })).toEqual(['a']);
      expect(await found({ driverId: 'd' })).toEqual(['c']);
      expect(await found({ partyId: 'car-a' })).toEqual(['b']);
    });

    it('that bring orders are told in short: open ones, and those that ended lately [Y11]', async () => {
      const store = await open();
      const order = { id: 'o', phone: null };
      const base = { kind: 'delivery' as const, status: 'ASSIGNED' as const, order, driverId: 'd', updatedAt: T0 + 7 };
      const ended = { ...base, status: 'DELIVERED' as const };
      await store.commit(
        commitOf({
          trips: [
            sampleTrip('open', { ...base, createdAt: T0 + 10 }),
            sampleTrip('nobodys', { ...base, createdAt: T0 + 10, driverId: null }),
            sampleTrip('early', { ...base, createdAt: T0 }),
            sampleTrip('delivered', { ...ended, createdAt: T0 + 10, completedAt: T0 + 60 }),
            sampleTrip('cancelled', { ...ended, status: 'CANCELLED', createdAt: T0 + 10, cancelledAt: T0 + 51 }),
            sampleTrip('ended', { ...ended, createdAt: T0 + 10, completedAt: T0 + 50 }),
            sampleTrip('no-order', { ...base, createdAt: T0 + 10, order: null }),
            sampleTrip('ride', { order, createdAt: T0 + 10 }),
          ],
        }),
      );
      const rows = await store.orderRows(T0, T0 + 50);
      expect([...rows].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
        { id: 'cancelled', driverId: 'd', status: 'CANCELLED', updatedAt: T0 + 7 },
        { id: 'delivered', driverId: 'd', status: 'DELIVERED', updatedAt: T0 + 7 },
        { id: 'nobodys', driverId: null, status: 'ASSIGNED', updatedAt: T0 + 7 },
        { id: 'open', driverId: 'd', status: 'ASSIGNED', updatedAt: T0 + 7 },
      ]);
    });

    it('one that is not there is undefined', async () => {
      expect(await (await open()).trip('none')).toBeUndefined();
    });
  });

  describe(`${name}: the fleet`, () => {
    it('is everybody who was online when last stored whole, as they were then [P10]', async () => {
      const store = await open();
      const trip = sampleTrip('t', { driverId: 'd', startedAt: T0, labels: ['taxi', "it's"] });
      const driving = driverAt('d', 1, { latest: fixAt(5), lastSeenAt: T0 + 6_000, stale: true });
      driving.profile = { name: 'Ada "the" \\ first', vehicle: 'van', plate: null };
      driving.trips = [activeTrip(driving, trip)];
      const idle = driverAt('e', 1, { latest: fixAt(7, 3, { speed: null, bearing: 12.34 }), available: false, lastSeenAt: null });
      const others = [driverAt('nowhere', 1), driverAt('gone', 1, { latest: fixAt(1), online: false })];
      await store.commit(commitOf({ snapshots: [driving, idle, ...others] }));
      const rows = [...(await store.fleet())].sort((a, b) => (a.driver < b.driver ? -1 : 1));
      expect(rows).toEqual([fleetRowOf(driving), fleetRowOf(idle)]);
      await store.commit(commitOf({ snapshots: [driverAt('d', 2, { online: false, latest: fixAt(9) })] }));
      expect((await store.fleet()).map(({ driver }) => driver)).toEqual(['e']);
    });
  });

  it(`${name}: events come oldest first by when they happened, then as they were recorded`, async () => {
    const store = await open();
    const events = [changedEvent('t', 1, T0 + 50), changedEvent('t', 2, T0 + 10), changedEvent('t', 3, T0 + 50), changedEvent('u', 4)];
    await store.commit(commitOf({ events }));
    expect(await store.events('t')).toEqual([events[1], events[0], events[2]]);
    expect(await store.events('none')).toEqual([]);
  });
}
