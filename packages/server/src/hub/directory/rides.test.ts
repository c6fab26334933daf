import type { StopInput } from '@waycast/protocol';
import { describe, expect, it } from 'vitest';
import { ADMIN, found, hubsOverServices, LATER, soon, statuses, told } from './testing/directory-hub.ts';
import { AIRPORT, booking, HOME, ride, WORK } from './testing/outside-bodies.ts';

const { services, hubWith } = hubsOverServices();

describe('without services outside', () => {
  it('a ride is a trip of that kind as it is stored, and nobody is asked [X1]', async () => {
    const { hub, id } = await hubWith({ rides: false, bookings: false });
    await services().ride(ride(id, { driver_id: 'somebody-else' }));
    await hub.trips.create(ADMIN, { id, kind: 'ride', driverId: 'd-1', stops: [{ type: 'pickup', ...HOME }] }, 'test', undefined);
    await hub.trips.create(ADMIN, { id: `${id}-x`, kind: 'delivery', stops: [] }, 'test', undefined);
    expect(await found(hub, id)).toMatchObject({ id, driverId: 'd-1', revision: 1 });
    for (const other of [`${id}-x`, 'r-unknown', 'no id', '']) expect(await hub.rides.find(other)).toBeNull();
    hub.rides.watch(id);
    hub.rides.unwatch(id);
    expect(services().asked()).toEqual([]);
  });
});

describe('a ride outside', () => {
  it('becomes a trip: its bookings by id, each a pickup and a drop-off of its passenger, then where it ends [X3]', async () => {
    const { hub, id } = await hubWith();
    await services().ride(ride(id));
    const second = booking(id, '2', { status: 'PENDING', passenger_id: 'p', pickup_location: WORK, dropoff_location: HOME });
    await services().bookings(id, [second, booking(id, '1')]);
    const trip = await found(hub, id);
    expect(trip).toMatchObject({ id, kind: 'ride', status: 'PENDING', driverId: 'd-1', driverName: 'Ada' });
    const first = { partyId: 'p-1', bookingId: '1', bookingStatus: 'approved' };
    const other = { partyId: 'p', bookingId: '2', bookingStatus: 'pending' };
    expect(trip.stops).toMatchObject([
      { id: 'b.1.p', type: 'pickup', ...HOME, ...first },
      { id: 'b.1.d', type: 'dropoff', ...WORK, ...first },
      { id: 'b.2.p', type: 'pickup', ...WORK, ...other },
      { id: 'b.2.d', type: 'dropoff', ...HOME, ...other },
      { id: 'destination', type: 'dropoff', ...AIRPORT, partyId: null, bookingId: null },
    ]);
    const { events } = await hub.trips.events(ADMIN, id);
    expect(events[0]).toMatchObject({ kind: 'status', by: { sub: 'directory', role: 'service', via: 'directory' } });
    await soon(async () => expect((await hub.rides.find(id))?.active).not.toBeNull());
  });

  it('is the same trip as long as it says the same, however its bookings are listed', async () => {
    const { hub, clock, id } = await hubWith();
    await services().ride(ride(id));
    await services().bookings(id, [booking(id, '1'), booking(id, '2')]);
    const { revision } = await found(hub, id);
    clock.pass(LATER);
    await services().bookings(id, [booking(id, '2'), booking(id, '1')]);
    expect(await found(hub, id)).toMatchObject({ revision });
    expect(services().asked()).toHaveLength(4);
  });

  it('takes a booking up, approves it and lets it go; a status nobody knows opens nothing [X4]', async () => {
    const { hub, clock, id } = await hubWith();
    await services().ride(ride(id));
    for (const [status, mirrored] of [
      ['pending', 'pending'],
      ['Approved', 'approved'],
      ['no-show', 'pending'],
      ['completed', 'completed'],
      ['canceled', 'cancelled'],
      ['rejected', 'rejected'],
    ]) {
      await services().bookings(id, [booking(id, '1', { status: status as string })]);
      clock.pass(LATER);
      expect(told((await found(hub, id)).stops)).toEqual([`b.1.p:${mirrored}`, `b.1.d:${mirrored}`, 'destination']);
    }
    await services().bookings(id, []);
    clock.pass(LATER);
    expect(told((await found(hub, id)).stops)).toEqual(['destination']);
  });

  it('with booking ids as long as ids may be has stops that can be told apart', async () => {
    const { hub, id } = await hubWith();
    await services().ride(ride(id));
    const long = 'x'.repeat(63);
    await services().bookings(id, [booking(id, `${long}1`, { passenger_id: 'p' }), booking(id, `${long}2`, { passenger_id: 'p' })]);
    const { stops } = await found(hub, id);
    expect(new Set(stops.map((stop) => stop.id)).size).toBe(5);
    for (const stop of stops) expect(stop.id.length).toBeLessThanOrEqual(64);
    expect(stops[0]?.bookingId).toBe(`${long}1`);
  });

  it('given to another driver is given to that one here, with its progress [T7]', async () => {
    const { hub, clock, id } = await hubWith();
    await services().ride(ride(id));
    await services().bookings(id, [booking(id, '1')]);
    await found(hub, id);
    await hub.ingest.batch(ADMIN, 'd-1', [{ ...HOME, timestamp: clock.now() }], false);
    const arrivedAt = clock.now();
    await services().ride(ride(id, { driver_id: 'd-2', driver_name: 'Bob' }));
    await services().bookings(id, [booking(id, '0', { status: 'pending' }), booking(id, '1')]);
    // Its driver is on the road: it is asked for meanwhile, too [X6].
    clock.pass(LATER);
    const trip = await found(hub, id);
    expect(trip).toMatchObject({ driverId: 'd-2', driverName: 'Bob' });
    expect(trip.assignments.map(({ driverId }) => driverId)).toEqual(['d-1', 'd-2']);
    expect(trip.stops.map((stop) => stop.arrivedAt)).toEqual([null, null, arrivedAt, null, null]);
    const assignment = (await hub.trips.events(ADMIN, id)).events.findLast(({ kind }) => kind === 'assignment');
    expect(assignment).toMatchObject({ previous: 'd-1', by: { via: 'directory' } });
    clock.pass(LATER);
    await services().ride(ride(id, { driver_id: null, driver_name: null }));
    expect(await found(hub, id)).toMatchObject({ driverId: null, driverName: null });
  });

  it.each([
    ['completed', ['PENDING', 'EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED']],
    ['Finished', ['PENDING', 'EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED']],
    ['CANCELLED', ['PENDING', 'CANCELLED']],
    ['canceled', ['PENDING', 'CANCELLED']],
    ['in_progress', ['PENDING']],
    ['constructor', ['PENDING']],
  ])('that is %s has gone %j here [X5]', async (status, gone) => {
    const { hub, clock, id } = await hubWith();
    await services().ride(ride(id));
    await found(hub, id);
    clock.pass(LATER);
    await services().ride(ride(id, { status }));
    await found(hub, id);
    expect(await statuses(hub, id)).toEqual(gone);
  });

  it('that has ended changes no more, and one that had ended before is ended at once [X5]', async () => {
    const { hub, clock, id } = await hubWith();
    await services().ride(ride(id, { status: 'completed' }));
    await services().bookings(id, [booking(id, '1', { status: 'completed' })]);
    const ended = await found(hub, id);
    expect(ended).toMatchObject({ status: 'COMPLETED', completedAt: clock.now() });
    clock.pass(LATER);
    await services().ride(ride(id, { status: 'active', driver_id: 'd-2' }));
    await services().bookings(id, []);
    expect(await found(hub, id)).toEqual(ended);
  });

  it('goes on from where its driver had brought it', async () => {
    const { hub, clock, id } = await hubWith();
    await services().ride(ride(id));
    await found(hub, id);
    for (const status of ['EN_ROUTE', 'ARRIVED'] as const) await hub.trips.status(ADMIN, id, { status }, 'test');
    clock.pass(LATER);
    await services().ride(ride(id, { status: 'completed' }));
    expect(await found(hub, id)).toMatchObject({ status: 'COMPLETED' });
    expect((await statuses(hub, id)).length).toBe(5);
  });

  it('that the service does not know is none, also when it knew it once; its trip stays as it is [X2]', async () => {
    const { hub, clock, id } = await hubWith();
    await services().ride(ride(id));
    const trip = await found(hub, id);
    await services().noRide(id);
    expect(await hub.rides.find(id)).not.toBeNull();
    clock.pass(LATER);
    expect(await hub.rides.find(id)).toBeNull();
    expect((await hub.trips.find(ADMIN, id)).trip).toEqual(trip);
    await services().ride(ride(id));
    clock.pass(4_999);
    expect(await hub.rides.find(id)).toBeNull();
    clock.pass(1);
    expect(await hub.rides.find(id)).not.toBeNull();
  });

  it('with the id of a delivery is none', async () => {
    const { hub, id } = await hubWith();
    await services().ride(ride(id));
    await hub.trips.create(ADMIN, { id, kind: 'delivery', stops: [] }, 'test', undefined);
    expect(await hub.rides.find(id)).toBeNull();
    expect((await hub.trips.find(ADMIN, id)).trip.stops).toEqual([]);
  });

  it('is asked for once, and made once, by however many at a time', async () => {
    const { hub, id } = await hubWith();
    await services().ride(ride(id));
    await services().bookings(id, [booking(id, '1')]);
    const all = await Promise.all(Array.from({ length: 60 }, () => hub.rides.find(id)));
    expect(new Set(all.map((one) => one?.trip.revision))).toEqual(new Set([1]));
    expect(
      services()
        .asked()
        .map(({ service }) => service)
        .toSorted(),
    ).toEqual(['booking', 'ride']);
  });

  it('changed by staff here is brought in line again; what is not the services stays', async () => {
    const { hub, clock, id } = await hubWith();
    await services().ride(ride(id));
    await services().bookings(id, [booking(id, '1')]);
    await found(hub, id);
    const own: StopInput = { id: 'photo', type: 'waypoint', ...WORK, name: 'a view', arriveRadius: 30 };
    await hub.trips.patch(ADMIN, id, { stops: [own], labels: ['vip'], driverName: 'Eve' }, 'test');
    clock.pass(LATER);
    const trip = await found(hub, id);
    expect(trip).toMatchObject({ driverName: 'Ada', labels: ['vip'] });
    expect(told(trip.stops)).toEqual(['b.1.p:approved', 'b.1.d:approved', 'photo', 'destination']);
    expect(trip.stops[2]).toMatchObject(own);
  });
});

describe('one service alone', () => {
  const OWN: StopInput[] = [
    { id: 'from', type: 'pickup', ...HOME, partyId: 'p-own', bookingId: 'own', bookingStatus: 'approved' },
    { id: 'to', type: 'dropoff', ...WORK },
  ];

  it('the ride service: bookings stay what the own registry has [X1]', async () => {
    const { hub, id } = await hubWith({ bookings: false });
    await services().ride(ride(id, { driver_id: 'd-9' }));
    await hub.trips.create(ADMIN, { id, kind: 'ride', driverId: 'd-1', stops: OWN }, 'test', undefined);
    const trip = await found(hub, id);
    expect(trip.driverId).toBe('d-9');
    expect(told(trip.stops)).toEqual(['from:approved', 'to', 'destination']);
    expect(services().asked('booking')).toEqual([]);
  });

  it('the booking service: rides are those of the own registry [X1]', async () => {
    const { hub, id } = await hubWith({ rides: false });
    await services().bookings(id, [booking(id, '1')]);
    expect(await hub.rides.find(id)).toBeNull();
    await hub.trips.create(ADMIN, { id, kind: 'ride', driverId: 'd-1', stops: OWN }, 'test', undefined);
    const trip = await found(hub, id);
    expect(trip).toMatchObject({ driverId: 'd-1', driverName: null });
    expect(told(trip.stops)).toEqual(['b.1.p:approved', 'b.1.d:approved', 'to']);
    expect(services().asked('ride')).toEqual([]);
  });
});
