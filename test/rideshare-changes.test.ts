import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RideStatus } from '../packages/server/src/dialects/rideshare/messages.ts';
import { dial } from './support/peer.ts';
import { unique } from './support/places.ts';
import { caller } from './support/rest.ts';
import {
  createRide,
  dialRide,
  fixAt,
  moveRide,
  oldToken,
  patchRide,
  type RidePeer,
  refusedRide,
  ridePath,
  stopsOf,
} from './support/rideshare.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

let server: TestServer;

beforeAll(async () => {
  const env = { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0', MAX_CONNECTIONS_PER_DRIVER: '100' };
  server = await startServer({ env });
});

afterAll(() => server.stop());

const names = () => ({ ride: unique('ride'), dan: unique('dan'), olga: unique('olga'), pia: unique('pia'), paul: unique('paul') });
const statusOf = async (ride: string, user: string) =>
  (await caller(server, oldToken(user)).get(`/api/v1/tracking/ride/${ride}/status`)).as(RideStatus);

describe('a booking', () => {
  it.each(['rejected', 'cancelled', 'pending'] as const)(
    'that becomes %s closes its passenger, 4004, and nobody else [R13]',
    async (status) => {
      const { ride, dan, pia, paul } = names();
      const other = { id: 'b2', passenger: paul };
      await createRide(server, ride, dan, [{ id: 'b1', passenger: pia }, other]);
      const driver = await dialRide(server, ride, 'driver', dan);
      const [gone, stays] = [await dialRide(server, ride, 'passenger', pia), await dialRide(server, ride, 'passenger', paul)];
      await patchRide(server, ride, { stops: stopsOf([{ id: 'b1', passenger: pia, status }, other]) });
      expect(await gone.closed()).toEqual({ code: 4004, reason: 'booking_ended' });
      expect(gone.all('error')).toMatchObject([{ code: 'booking_ended' }]);
      expect((await refusedRide(server, ridePath(ride, 'passenger', oldToken(pia)))).status).toBe(403);
      driver.send(fixAt(100));
      await stays.next('location_update');
      expect((await statusOf(ride, paul)).passengers_connected).toBe(1);
    },
  );

  it('that is taken from the ride closes its passenger, 4004 [R13]', async () => {
    const { ride, dan, pia, paul } = names();
    await createRide(server, ride, dan, [
      { id: 'b1', passenger: pia },
      { id: 'b2', passenger: paul },
    ]);
    const gone = await dialRide(server, ride, 'passenger', pia);
    await patchRide(server, ride, { stops: stopsOf([{ id: 'b2', passenger: paul }]) });
    expect((await gone.closed()).code).toBe(4004);
  });

  it('that is approved lets its passenger in [R2 R13]', async () => {
    const { ride, dan, pia } = names();
    await createRide(server, ride, dan, [{ id: 'b1', passenger: pia, status: 'pending' }]);
    const path = ridePath(ride, 'passenger', oldToken(pia));
    expect((await refusedRide(server, path)).status).toBe(403);
    await patchRide(server, ride, { stops: stopsOf([{ id: 'b1', passenger: pia }]) });
    const passenger = await dialRide(server, ride, 'passenger', pia);
    await passenger.next('connected');
  });

  it('that is added while the driver is on the way hears of its own stops, each once, and the first one of nothing twice [R10 R13]', async () => {
    const { ride, dan, pia, paul } = names();
    const first = { id: 'b1', passenger: pia, pickup: 0, dropoff: 4_000 };
    await createRide(server, ride, dan, [first]);
    const one = await dialRide(server, ride, 'passenger', pia);
    const driver = await dialRide(server, ride, 'driver', dan);
    driver.send(fixAt(0));
    expect(await one.next('geofence_event')).toMatchObject({ event_type: 'arrived_pickup' });
    await patchRide(server, ride, { stops: stopsOf([first, { id: 'b2', passenger: paul, pickup: 100, dropoff: 4_000 }]) });
    const two = await dialRide(server, ride, 'passenger', paul);
    driver.send(fixAt(60));
    expect(await two.next('geofence_event')).toMatchObject({ event_type: 'arrived_pickup', distance_meters: 40 });
    await one.roundTrip();
    expect(one.all('geofence_event')).toHaveLength(1);
    expect(two.all('geofence_event')).toHaveLength(1);
  });
});

describe('a ride given to another driver', () => {
  it('closes the one before, 4003, and its passengers go on with the new one [R11 R13]', async () => {
    const { ride, dan, olga, pia } = names();
    await createRide(server, ride, dan, [{ id: 'b1', passenger: pia }]);
    const passenger = await dialRide(server, ride, 'passenger', pia);
    const before = await dialRide(server, ride, 'driver', dan);
    expect(await passenger.next('driver_status')).toMatchObject({ driver_connected: true });
    before.send(fixAt(300));
    await passenger.next('location_update');
    await patchRide(server, ride, { driverId: olga });
    expect(await before.closed()).toEqual({ code: 4003, reason: 'ride_reassigned' });
    expect(before.all('error')).toMatchObject([{ code: 'ride_reassigned' }]);
    expect(await passenger.next('driver_status')).toMatchObject({ driver_connected: false });
    expect((await refusedRide(server, ridePath(ride, 'driver', oldToken(dan)))).status).toBe(403);
    expect((await statusOf(ride, pia)).current_location, 'where the other one was is no news any more').toBeNull();

    const after = await dialRide(server, ride, 'driver', olga);
    expect(await passenger.next('driver_status')).toMatchObject({ driver_connected: true });
    after.send(fixAt(200));
    expect(await passenger.next('location_update')).toMatchObject({ driver_id: olga });
    expect(passenger.all('geofence_event').map(({ event_type }) => event_type)).toEqual(['approaching_pickup']);
  });

  it('who is connected already is no change, and the one before is no longer its driver [R11]', async () => {
    const { ride, dan, olga, pia } = names();
    await createRide(server, ride, dan, [{ id: 'b1', passenger: pia }]);
    const natives = [
      await dial(server, { token: await server.token('driver', dan) }),
      await dial(server, { token: await server.token('driver', olga) }),
    ];
    const passenger = await dialRide(server, ride, 'passenger', pia);
    await patchRide(server, ride, { driverId: olga });
    await natives[0]?.close();
    const rest = () => statusOf(ride, pia);
    expect(await rest()).toMatchObject({ driver_connected: true });
    await natives[1]?.close();
    expect(await passenger.next('driver_status')).toMatchObject({ driver_connected: false });
    await passenger.roundTrip();
    expect(passenger.all('driver_status')).toHaveLength(1);
  });

  it('or to nobody closes the one before as well [R13]', async () => {
    const { ride, dan, pia } = names();
    await createRide(server, ride, dan, [{ id: 'b1', passenger: pia }]);
    const driver = await dialRide(server, ride, 'driver', dan);
    await patchRide(server, ride, { driverId: null });
    expect((await driver.closed()).code).toBe(4003);
    const passenger = await dialRide(server, ride, 'passenger', pia);
    expect(await passenger.next('connected')).toMatchObject({ current_location: null });
  });
});

describe('the end of a ride', () => {
  it.each([['EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED'], ['CANCELLED']])(
    '(%s ...) closes its driver, 4002; passengers stay, and hear no more [R11 R13]',
    async (...statuses) => {
      const { ride, dan, pia } = names();
      await createRide(server, ride, dan, [{ id: 'b1', passenger: pia }]);
      const native = await dial(server, { token: await server.token('driver', dan) });
      const passenger = await dialRide(server, ride, 'passenger', pia);
      const driver = await dialRide(server, ride, 'driver', dan);
      driver.send(fixAt(1_000));
      await passenger.next('location_update');
      await moveRide(server, ride, ...statuses);
      expect(await driver.closed()).toEqual({ code: 4002, reason: 'ride_closed' });
      expect(driver.all('error')).toMatchObject([{ code: 'ride_closed' }]);
      expect(await passenger.next('driver_status')).toMatchObject({ driver_connected: false });
      await native.ask({ type: 'open', stream: 's' });
      native.send({ type: 'fix', seq: 1, ...fixAt(0) });
      await native.next('ack', (ack) => ack.stored === 1);
      await passenger.roundTrip();
      expect(passenger.all('location_update')).toHaveLength(1);
      const late = await dialRide(server, ride, 'passenger', pia);
      expect((await late.next('connected')).current_location, 'nobody is on the way any more [R4]').toBeNull();
      expect((await statusOf(ride, pia)).current_location).toBeNull();
    },
  );

  it('by removal closes everybody, 4002, within 30 s [R13]', async () => {
    const { ride, dan, pia } = names();
    await createRide(server, ride, dan, [{ id: 'b1', passenger: pia }]);
    const both = [await dialRide(server, ride, 'driver', dan), await dialRide(server, ride, 'passenger', pia)];
    expect((await caller(server, await server.token('dispatcher')).delete(`/v1/trips/${ride}`)).status).toBe(204);
    for (const peer of both) expect((await peer.closed(30_000)).code).toBe(4002);
    expect((await refusedRide(server, ridePath(ride, 'driver', oldToken(dan)))).status).toBe(403);
  }, 40_000);
});

describe('two sockets of one driver', () => {
  it('the later one stays, the other is closed, 4001, and passengers notice nothing [R7 R11]', async () => {
    const { ride, dan, pia } = names();
    await createRide(server, ride, dan, [{ id: 'b1', passenger: pia }]);
    const first = await dialRide(server, ride, 'driver', dan);
    const passenger = await dialRide(server, ride, 'passenger', pia);
    const second = await dialRide(server, ride, 'driver', dan);
    expect(await first.closed()).toEqual({ code: 4001, reason: 'replaced' });
    second.send(fixAt(100));
    await passenger.next('location_update');
    await passenger.roundTrip();
    expect(passenger.all('driver_status')).toEqual([]);
  });

  it('do not replace each other on different rides [R7]', async () => {
    const { ride, dan } = names();
    await createRide(server, ride, dan, []);
    await createRide(server, `${ride}-2`, dan, []);
    const both = [await dialRide(server, ride, 'driver', dan), await dialRide(server, `${ride}-2`, 'driver', dan)];
    for (const peer of both) await peer.roundTrip();
  });

  it('racing, exactly one of them stays, and no event comes twice [R7 R10]', async () => {
    const { ride, dan, pia } = names();
    await createRide(server, ride, dan, [{ id: 'b1', passenger: pia }]);
    const passenger = await dialRide(server, ride, 'passenger', pia);
    const start = Date.now();
    const opened: RidePeer[] = [];
    const racers = Array.from({ length: 12 }, async (_, i) => {
      const peer = await dialRide(server, ride, 'driver', dan);
      opened.push(peer);
      // The same way to the pickup by all of them, each a little apart.
      for (const [step, metres] of [450, 300, 60, 10].entries())
        if (peer.isOpen) peer.send(fixAt(metres + i, { timestamp: start + step * 1_000 + i }));
    });
    await Promise.all(racers);
    const open = await until(
      () => opened.filter((peer) => peer.isOpen),
      (seen) => seen.length <= 1,
    );
    expect(open).toHaveLength(1);
    await open[0]?.roundTrip();
    open[0]?.send(fixAt(0, { timestamp: start + 10_000 }));
    await until(
      () => passenger.all('location_update'),
      (seen) => seen.some(({ timestamp }) => Date.parse(timestamp as string) === start + 10_000),
    );
    const told = passenger.all('geofence_event').map(({ event_type }) => event_type);
    expect(told.filter((type) => type === 'arrived_pickup')).toHaveLength(1);
    expect(new Set(told).size).toBe(told.length);
    expect((await statusOf(ride, pia)).driver_connected).toBe(true);
  });
});
