import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RideHistory, RideStatus } from '../packages/server/src/dialects/rideshare/messages.ts';
import { dial } from './support/peer.ts';
import { north, PAST, unique } from './support/places.ts';
import { caller } from './support/rest.ts';
import { createRide, dialRide, fixAt, moveRide, oldToken, patchRide, stopsOf } from './support/rideshare.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
});

afterAll(() => server.stop());

const names = () => ({ ride: unique('ride'), dana: unique('dana'), pia: unique('pia'), paul: unique('paul') });
const statusOf = async (ride: string, user: string) =>
  (await caller(server, oldToken(user)).get(`/api/v1/tracking/ride/${ride}/status`)).as(RideStatus);
const historyOf = async (ride: string, user: string) =>
  (await caller(server, oldToken(user)).get(`/api/v1/tracking/ride/${ride}/history`)).as(RideHistory);

describe('the sockets of a ride', () => {
  it('say connected first, then every fix with the way that is left [R4 R5 R8 R9]', async () => {
    const { ride, dana, pia } = names();
    await createRide(server, ride, dana, [{ id: 'b', passenger: pia }]);
    const passenger = await dialRide(server, ride, 'passenger', pia);
    expect(await passenger.next('connected')).toEqual({
      type: 'connected',
      message: 'Tracking connected',
      ride_id: ride,
      current_location: null,
    });
    const driver = await dialRide(server, ride, 'driver', dana);
    expect(await driver.next('connected')).toEqual({
      type: 'connected',
      message: 'Tracking started',
      ride_id: ride,
      passengers_connected: 1,
    });
    const sent = fixAt(600, { speed: 30, bearing: 90.5 });
    const before = Date.now();
    driver.send(sent);
    const update = await passenger.next('location_update');
    // 4.4 km at 30 km/h are 528 s, and a fifth more.
    expect(update).toEqual({
      type: 'location_update',
      driver_id: dana,
      lat: expect.closeTo(sent.lat, 6),
      lng: sent.lng,
      speed: 30,
      bearing: 90.5,
      timestamp: sent.timestamp,
      eta_seconds: 633,
      distance_remaining_km: 4.4,
      estimated_arrival_time: expect.any(String),
    });
    const arrival = Date.parse(update.estimated_arrival_time as string);
    expect(arrival).toBeGreaterThanOrEqual(before + 633_000);
    expect(arrival).toBeLessThanOrEqual(Date.now() + 633_000);

    driver.send({ lat: sent.lat, lng: sent.lng, speed: null, bearing: null, accuracy: null, timestamp: new Date().toISOString() });
    expect(await passenger.next('location_update')).toMatchObject({ speed: null, bearing: null, eta_seconds: 475 });
    const later = await dialRide(server, ride, 'passenger', pia);
    const { current_location } = await later.next('connected');
    expect(current_location).toMatchObject({ driver_id: dana, accuracy: null, distance_remaining_km: 4.4, eta_seconds: 475 });
    expect(current_location).not.toHaveProperty('type');
  });

  it('answer a ping [R5]', async () => {
    const { ride, dana, pia } = names();
    await createRide(server, ride, dana, [{ id: 'b', passenger: pia }]);
    const both = [await dialRide(server, ride, 'driver', dana), await dialRide(server, ride, 'passenger', pia)];
    for (const peer of both) {
      peer.send({ type: 'ping' });
      expect(await peer.next('pong')).toEqual({ type: 'pong' });
    }
  });

  it('take the example of the contract, to the airport [R5 R9]', async () => {
    const { ride, dana, pia } = names();
    const rest = caller(server, await server.token('dispatcher'));
    const stops = [
      { type: 'pickup', lat: 37.3352, lng: -121.8811, partyId: pia },
      { type: 'dropoff', lat: 37.6213, lng: -122.379, partyId: pia },
    ];
    expect((await rest.post('/v1/trips', { id: ride, kind: 'ride', driverId: dana, stops })).status).toBe(201);
    const passenger = await dialRide(server, ride, 'passenger', pia);
    const driver = await dialRide(server, ride, 'driver', dana);
    driver.raw('{"lat":37.3352,"lng":-121.8811,"speed":60,"bearing":90.0,"accuracy":10.0,"timestamp":"2024-12-17T10:30:00Z"}');
    const update = await passenger.next('location_update');
    expect(update.timestamp).toBe('2024-12-17T10:30:00.000Z');
    expect(update.distance_remaining_km).toBeGreaterThan(54);
    expect(update.distance_remaining_km).toBeLessThan(55);
    expect((update.eta_seconds as number) / 60).toBeCloseTo(65, 0);
    expect(await passenger.next('geofence_event')).toMatchObject({ event_type: 'arrived_pickup', distance_meters: 0 });
  });
});

describe('fixes by other roads', () => {
  it('reach the passenger as those of the ride socket do, and the other way round [R5 R8 R11]', async () => {
    const { ride, dana, pia } = names();
    await createRide(server, ride, dana, [{ id: 'b', passenger: pia }]);
    const passenger = await dialRide(server, ride, 'passenger', pia);
    const native = await dial(server, { token: await server.token('driver', dana) });
    expect(await passenger.next('driver_status')).toEqual({ type: 'driver_status', driver_connected: true });
    native.send({ type: 'fix', ...north(900), timestamp: PAST });
    expect(await passenger.next('location_update')).toMatchObject({ driver_id: dana, distance_remaining_km: 4.1 });

    const watcher = await dial(server, { token: await server.token('passenger', pia) });
    await watcher.ask({ type: 'subscribe', feed: `trip:${ride}` });
    const driver = await dialRide(server, ride, 'driver', dana);
    driver.send(fixAt(800));
    expect(await watcher.next('location')).toMatchObject({ driver: dana, speed: 30 });
    expect(await passenger.next('location_update')).toMatchObject({ distance_remaining_km: 4.2 });
    await native.close();
    await driver.close();
    expect(await passenger.next('driver_status'), 'one change, when the last of the two is gone').toEqual({
      type: 'driver_status',
      driver_connected: false,
    });
    expect(passenger.all('driver_status')).toHaveLength(2);
  });

  it('count for every open ride of the driver [R5]', async () => {
    const { ride, dana, pia, paul } = names();
    await createRide(server, ride, dana, [{ id: 'b', passenger: pia }]);
    await createRide(server, `${ride}-2`, dana, [{ id: 'b', passenger: paul }]);
    const passengers = [await dialRide(server, ride, 'passenger', pia), await dialRide(server, `${ride}-2`, 'passenger', paul)];
    const driver = await dialRide(server, ride, 'driver', dana);
    driver.send(fixAt(700));
    for (const passenger of passengers) expect(await passenger.next('location_update')).toMatchObject({ driver_id: dana });
  });

  it('that are late or cannot be are not sent on [R8]', async () => {
    const { ride, dana, pia } = names();
    await createRide(server, ride, dana, [{ id: 'b', passenger: pia }]);
    const passenger = await dialRide(server, ride, 'passenger', pia);
    const driver = await dialRide(server, ride, 'driver', dana);
    for (const [metres, at] of [
      [700, 60_000],
      [702, 62_000],
      [701, 61_000],
      [90_000, 63_000],
      [704, 64_000],
    ] as const)
      driver.send(fixAt(metres, { timestamp: PAST + at }));
    await until(
      () => passenger.all('location_update').length,
      (seen) => seen >= 3,
    );
    await passenger.roundTrip();
    expect(passenger.all('location_update').map(({ timestamp }) => Date.parse(timestamp as string) - PAST)).toEqual([
      60_000, 62_000, 64_000,
    ]);
    const history = await historyOf(ride, pia);
    expect(history.locations.map(({ timestamp }) => Date.parse(timestamp) - PAST)).toEqual([64_000, 62_000, 61_000, 60_000]);
  });
});

describe('status and history', () => {
  it('follow the ride from its creation to its end [R12 R14]', async () => {
    const { ride, dana, pia } = names();
    await createRide(server, ride, dana, [{ id: 'b', passenger: pia }]);
    expect(await statusOf(ride, pia)).toEqual({
      ride_id: ride,
      is_active: false,
      driver_connected: false,
      passengers_connected: 0,
      current_location: null,
    });
    expect(await historyOf(ride, pia)).toEqual({ ride_id: ride, locations: [], count: 0 });

    const driver = await dialRide(server, ride, 'driver', dana);
    const passengers = [await dialRide(server, ride, 'passenger', pia), await dialRide(server, ride, 'passenger', pia)];
    expect(await statusOf(ride, dana)).toMatchObject({ is_active: true, driver_connected: true, passengers_connected: 2 });
    const sent = fixAt(600);
    driver.send(sent);
    for (const passenger of passengers) await passenger.next('location_update');
    for (const passenger of passengers) await passenger.close();
    await driver.close();
    const status = await until(
      () => statusOf(ride, pia),
      (seen) => !seen.driver_connected && seen.passengers_connected === 0,
    );
    expect(status).toMatchObject({ is_active: true, current_location: { driver_id: dana, accuracy: 5, timestamp: sent.timestamp } });
    const history = await historyOf(ride, pia);
    expect(history).toEqual({
      ride_id: ride,
      count: 1,
      locations: [
        {
          driver_id: dana,
          lat: expect.closeTo(sent.lat, 6),
          lng: sent.lng,
          speed: 30,
          bearing: 0,
          accuracy: 5,
          timestamp: sent.timestamp,
        },
      ],
    });
    await moveRide(server, ride, 'EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED');
    expect(await statusOf(ride, pia)).toMatchObject({ is_active: false, driver_connected: false });
    expect((await historyOf(ride, pia)).count).toBe(1);
  });

  it('hold the 50 newest, newest first, over a change of drivers [R14]', async () => {
    const { ride, dana, pia } = names();
    const olga = unique('olga');
    const admin = caller(server, await server.token('admin'));
    await createRide(server, ride, dana, [{ id: 'b', passenger: pia }]);
    const created = Date.now();
    for (let i = 0; i < 40; i++) await admin.post(`/v1/drivers/${dana}/locations`, { ...north(100 + i), timestamp: created + i });
    await patchRide(server, ride, { driverId: olga });
    const given = Date.now();
    for (let i = 0; i < 20; i++) await admin.post(`/v1/drivers/${olga}/locations`, { ...north(200 + i), timestamp: given + i });
    const { locations, count } = await historyOf(ride, pia);
    expect(count).toBe(50);
    expect(locations).toHaveLength(50);
    expect(locations.map(({ driver_id }) => driver_id)).toEqual([...Array(20).fill(olga), ...Array(30).fill(dana)]);
    const times = locations.map(({ timestamp }) => Date.parse(timestamp));
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    expect(times[0]).toBe(given + 19);
    expect(times.at(-1)).toBe(created + 10);
  });

  it('hold nothing that a driver drove before the ride was theirs, or after [R14]', async () => {
    const { ride, dana, pia } = names();
    const olga = unique('olga');
    const admin = caller(server, await server.token('admin'));
    const drove = async (driver: string, metres: number) => {
      const answer = await admin.post(`/v1/drivers/${driver}/locations`, { ...north(metres), timestamp: Date.now() });
      expect(answer.json()).toMatchObject({ stored: 1, suspect: 0 });
    };
    await drove(dana, 1);
    await drove(olga, 2);
    await createRide(server, ride, dana, [{ id: 'b', passenger: pia }]);
    await drove(dana, 3);
    await drove(olga, 4);
    await patchRide(server, ride, { driverId: olga });
    await drove(olga, 5);
    await drove(dana, 6);
    await moveRide(server, ride, 'CANCELLED');
    await drove(olga, 7);
    const { locations } = await historyOf(ride, pia);
    expect(locations.map(({ driver_id, lat }) => [driver_id, lat])).toEqual([
      [olga, expect.closeTo(north(5).lat, 6)],
      [dana, expect.closeTo(north(3).lat, 6)],
    ]);
  });

  it('leave out what cannot be, however much of it is newest [R14]', async () => {
    const { ride, dana, pia } = names();
    await createRide(server, ride, dana, [{ id: 'b', passenger: pia }]);
    const admin = caller(server, await server.token('admin'));
    const now = Date.now();
    const fixes = Array.from({ length: 60 }, (_, i) => ({ ...north(i), timestamp: now + i }));
    // An hour ahead of their receipt: kept, never believed.
    const ahead = Array.from({ length: 200 }, (_, i) => ({ ...north(i), timestamp: now + 3_600_000 + i }));
    expect((await admin.post(`/v1/drivers/${dana}/locations`, { fixes: [...fixes, ...ahead] })).json()).toMatchObject({ suspect: 200 });
    const { locations } = await historyOf(ride, pia);
    expect(locations.map(({ timestamp }) => Date.parse(timestamp) - now)).toEqual(Array.from({ length: 50 }, (_, i) => 59 - i));
  });

  it('say the way left to a destination that was changed [R9 R14]', async () => {
    const { ride, dana, pia } = names();
    await createRide(server, ride, dana, [{ id: 'b', passenger: pia }]);
    const passenger = await dialRide(server, ride, 'passenger', pia);
    const driver = await dialRide(server, ride, 'driver', dana);
    driver.send(fixAt(0));
    expect(await passenger.next('location_update')).toMatchObject({ distance_remaining_km: 5 });
    await patchRide(server, ride, { stops: stopsOf([{ id: 'b', passenger: pia, dropoff: 8_000 }]) });
    driver.send(fixAt(0));
    expect(await passenger.next('location_update')).toMatchObject({ distance_remaining_km: 8 });
    expect((await statusOf(ride, pia)).current_location).toMatchObject({ distance_remaining_km: 8 });
  });
});

it('DIALECTS without rideshare serves none of it [R1]', async () => {
  const other = await startServer({ env: { DIALECTS: 'none' } });
  const rest = caller(other, await other.token('admin'));
  expect((await rest.get('/api/v1/tracking/ride/r/status')).status).toBe(404);
  await expect(dialRide(other, 'r', 'driver', 'd')).rejects.toThrow('404');
  await other.stop();
});
