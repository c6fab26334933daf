import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DriverView,
  FixReceipt,
  Health,
  LocationList,
  NearbyList,
  TripHistory,
  TripList,
  TripView,
} from '../packages/protocol/src/index.ts';
import { type FleetScene, fleetScene, place } from './support/fleet-scene.ts';
import { CENTRE, north, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';
import { serverForTest } from './support/server-for-test.ts';
import { until } from './support/until.ts';

let server: TestServer;
let scene: FleetScene;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  scene = await fleetScene(server);
});

afterAll(() => server.stop());

const own = async (id: string): Promise<Caller> => caller(server, await server.token('driver', id));

describe('POST /v1/trips/{tripId}/status', () => {
  it('takes the location in either words, keeps the times, and tells the subscribed riders [K9 K15 T3 T9]', async () => {
    const [d, p] = [unique('driver'), unique('party')];
    const tripId = await scene.trip(d, p);
    const watcher = await scene.rider(p);
    await watcher.ask('rider:subscribe', { driverId: d, tripId });
    const driver = await own(d);
    const steps = [
      ['EN_ROUTE', place(-900)],
      ['ARRIVED', north(0)],
      ['IN_PROGRESS', { latitude: CENTRE.lat, lng: CENTRE.lng }],
      ['COMPLETED', { ...place(500), ...north(500) }],
    ] as const;
    for (const [status, location] of steps) {
      const view = (await driver.post(`/v1/trips/${tripId}/status`, { status, location })).as(TripView);
      expect(view.status).toBe(status);
      await watcher.next('trip:update', (update) => update.status === status && update.tripId === tripId);
    }
    const view = (await driver.get(`/v1/trips/${tripId}`)).as(TripView);
    for (const time of [view.startedAt, view.arrivedAt, view.completedAt])
      expect(Date.parse(time ?? '')).toBeGreaterThan(Date.now() - 60_000);
    expect(view.distance).toBeCloseTo(1_400, -1);
    const history = (await driver.get(`/v1/trips/${tripId}/history`)).as(TripHistory);
    expect(history.duration).toBeGreaterThanOrEqual(0);
    expect(history.distance).toBe(view.distance);
    const statuses = history.events.filter(({ kind }) => kind === 'status');
    expect(statuses.map((event) => 'status' in event && event.status)).toEqual(['PENDING', ...steps.map(([status]) => status)]);
    expect(statuses.at(-1)).toMatchObject({ by: { sub: d, role: 'driver', via: 'rest' } });
  });

  it('answers 409 to a step that is none, and tells nobody [T1]', async () => {
    const [d, p] = [unique('driver'), unique('party')];
    const tripId = await scene.trip(d, p);
    const watcher = await scene.rider(p);
    await watcher.ask('rider:subscribe', { driverId: d, tripId });
    const answer = await scene.staff.post(`/v1/trips/${tripId}/status`, { status: 'COMPLETED' });
    expect(answer.status).toBe(409);
    answer.problem('illegal_transition');
    await watcher.ask('rider:unsubscribe', { driverId: d });
    expect(watcher.all('trip:update')).toHaveLength(1);
  });
});

describe('trips under /v1/trips', () => {
  it('are created, changed and listed with latitude and longitude [K15]', async () => {
    const [d, id] = [unique('driver'), unique('trip')];
    const stop = { id: 'a', type: 'pickup', name: 'Gate 4' };
    const made = (await scene.staff.post('/v1/trips', { id, kind: 'ride', driverId: d, stops: [{ ...stop, ...place(0) }] })).as(
      TripView,
      201,
    );
    expect(made.stops[0]).toMatchObject({ ...north(0), name: 'Gate 4' });
    // The same in the other words is the same trip.
    (await scene.staff.post('/v1/trips', { id, kind: 'ride', driverId: d, stops: [{ ...stop, ...north(0) }] })).as(TripView, 200);
    const patched = (await scene.staff.patch(`/v1/trips/${id}`, { stops: [{ ...stop, ...place(50) }] })).as(TripView);
    expect(patched.stops[0]).toMatchObject(north(50));
    expect((await scene.staff.get(`/v1/trips?driverId=${d}`)).as(TripList).trips).toHaveLength(1);
  });

  it('refuse two places that differ, naming which [K15]', async () => {
    const stops = [
      { type: 'pickup', ...CENTRE },
      { type: 'dropoff', ...CENTRE, latitude: 1 },
    ];
    expect((await scene.staff.post('/v1/trips', { kind: 'ride', stops })).problem('bad_request').field).toBe('/stops/1/latitude');
    const tripId = await scene.trip(unique('driver'), unique('party'));
    const location = { ...CENTRE, longitude: 1 };
    expect((await scene.staff.post(`/v1/trips/${tripId}/status`, { status: 'EN_ROUTE', location })).problem('bad_request').field).toBe(
      '/location/longitude',
    );
  });

  it('take any JSON in any words without a fault of ours [K15]', async () => {
    const key = fc.constantFrom('latitude', 'longitude', 'lat', 'lng', 'stops', 'fixes', 'location', 'kind', 'constructor');
    const tree = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, 'ride', 52.5, [], {}),
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(key, tie('node')),
      ),
    })).node;
    const paths = ['/v1/trips', '/v1/trips/none/status', '/v1/drivers/none/locations'];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), tree, async (path, body) => {
        const { status } = await scene.staff.post(path, body);
        expect(status).toBeLessThan(500);
      }),
      { numRuns: 150 },
    );
  });
});

describe('drivers', () => {
  it('send positions in either words, one and many; a place that contradicts itself is refused alone [K15]', async () => {
    const d = unique('driver');
    const driver = await own(d);
    const at = (s: number) => new Date(Date.UTC(2026, 0, 5, 8, 0, s)).toISOString();
    expect((await driver.post(`/v1/drivers/${d}/locations`, { ...place(0), timestamp: at(0) })).as(FixReceipt)).toMatchObject({
      stored: 1,
    });
    const fixes = [
      { ...place(10), timestamp: at(1) },
      { ...north(20), timestamp: at(2) },
      { ...place(30), lat: 1, timestamp: at(3) },
      { ...place(40), lat: place(40).latitude, timestamp: at(4) },
    ];
    expect((await driver.post(`/v1/drivers/${d}/locations`, { fixes })).as(FixReceipt)).toMatchObject({
      stored: 3,
      rejected: [{ index: 2, code: 'invalid_fix' }],
    });
    expect((await driver.post(`/v1/drivers/${d}/locations`, { ...place(30), lat: 1 })).problem('bad_request').field).toBe('/latitude');
    const query = `from=${encodeURIComponent(at(1))}&to=${encodeURIComponent(at(2))}`;
    const { locations } = (await driver.get(`/v1/drivers/${d}/locations?${query}`)).as(LocationList);
    expect(locations.map(({ timestamp }) => timestamp)).toEqual([at(1), at(2)]);
    const view = (await driver.get(`/v1/drivers/${d}/status`)).as(DriverView);
    expect(view).toMatchObject({ id: d, status: 'ONLINE', location: { lat: expect.closeTo(north(40).lat, 6) } });
  });

  it('are found nearby, nearest first, only available ones, with the place in either words', async () => {
    const far = { lat: -30.5, lng: 20 };
    const around = async (metres: number, available = true) => {
      const d = unique('driver');
      const driver = await own(d);
      await driver.post(`/v1/drivers/${d}/locations`, { latitude: far.lat, longitude: far.lng + metres / 95_800 });
      await driver.put(`/v1/drivers/${d}/availability`, { available });
      return d;
    };
    const [third, first, second] = [await around(900), await around(100), await around(500)];
    await around(200, false);
    await around(3_000);
    const nearby = async (where: string) => (await scene.staff.get(`/v1/drivers/nearby?${where}&radius=1000`)).as(NearbyList).drivers;
    const found = async () => (await nearby(`latitude=${far.lat}&longitude=${far.lng}`)).map(({ id }) => id);
    expect(await until(found, ({ length }) => length === 3)).toEqual([first, second, third]);
    expect((await nearby(`lat=${far.lat}&lng=${far.lng}`)).map(({ id }) => id)).toEqual([first, second, third]);
    (await scene.staff.get(`/v1/drivers/nearby?lat=1&lng=2&latitude=3&radius=10`)).problem('bad_request');
  });
});

describe('the rest of the contract', () => {
  it('GET /health has its five members, and counts these sockets [K1]', async () => {
    const health = async () => (await caller(server).get('/health')).as(Health);
    const before = await health();
    expect(Object.keys(before)).toEqual(['status', 'database', 'redis', 'websocket', 'connections']);
    const one = await scene.rider(unique('party'), { transport: 'polling' });
    expect((await health()).connections).toBe(before.connections + 1);
    const metrics = await caller(server, await server.token('admin')).get('/metrics');
    expect(metrics.text).toContain(`websocket_connections_total ${before.connections + 1}`);
    one.close();
    await until(health, ({ connections }) => connections === before.connections);
  });

  it.each(['/openapi.json', '/docs', '/redoc'])('GET %s answers without a token', async (path) => {
    expect((await caller(server).get(path)).status).toBe(200);
  });

  it('over the limit REST answers 429 with Retry-After [L2]', async () => {
    const tight = await serverForTest({ env: { REST_RATE_LIMIT_PER_MINUTE: '3' } });
    const staff = caller(tight, await tight.token('dispatcher', 'dora'));
    for (let n = 0; n < 3; n++) expect((await staff.get('/v1/trips')).status).toBe(200);
    const answer = await staff.get('/v1/trips');
    answer.problem('rate_limited');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});
