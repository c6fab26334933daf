import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DriverView, LocationList, TripView } from '../packages/protocol/src/index.ts';
import { connect, type FleetClient, type Transport, transportOf } from './support/fleet-client.ts';
import { type FleetScene, fleetScene, place } from './support/fleet-scene.ts';
import { dial } from './support/peer.ts';
import { CENTRE, north, unique } from './support/places.ts';
import { caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

let server: TestServer;
let scene: FleetScene;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  scene = await fleetScene(server);
});

afterAll(() => server.stop());

const subscribe = async (watcher: FleetClient, driverId: string, tripId: string) => {
  expect(await watcher.ask('rider:subscribe', { driverId, tripId })).toMatchObject({ ok: true, stored: true });
};
const stored = { ok: true, seq: expect.any(Number), stored: true };
/** Once this has come, whatever was sent before it has come as well. */
const settled = (one: FleetClient) => one.ask('rider:unsubscribe', { driverId: 'nobody' });

describe.each<Transport>(['websocket', 'polling', 'upgrade'])('over %s', (transport) => {
  it('a driver sends, its rider sees positions and trip updates, history has them [K1 K5 K6 K8 K9]', async () => {
    const [d, p] = [unique('driver'), unique('party')];
    const tripId = await scene.trip(d, p);
    const car = await scene.driver(d, { transport });
    const watcher = await scene.rider(p, { transport });
    expect(car.all('connected')).toEqual([{ userId: d, role: 'DRIVER', expiresAt: expect.any(String) }]);
    expect(watcher.all('connected')).toMatchObject([{ userId: p, role: 'RIDER' }]);
    await subscribe(watcher, d, tripId);
    expect(await watcher.next('trip:update')).toEqual({ tripId, status: 'PENDING', eta: null });
    const timestamp = new Date(Math.floor(Date.now() / 1000) * 1000).toISOString();
    const sent = { ...place(-1_000), bearing: 10, speed: 36, accuracy: 5, altitude: 30, timestamp };
    expect(await car.ask('driver:location', sent)).toEqual(stored);
    const { latitude, longitude } = sent;
    const seen = { driverId: d, latitude: expect.closeTo(latitude, 7), longitude, bearing: 10, speed: 36, timestamp };
    expect(await watcher.next('driver:location')).toEqual(seen);
    const { locations } = (await scene.staff.get(`/v1/drivers/${d}/locations`)).as(LocationList);
    expect(locations).toMatchObject([{ lat: seen.latitude, lng: longitude, speed: 36, accuracy: 5, altitude: 30, timestamp }]);
    await scene.move(tripId, 'EN_ROUTE');
    const { eta } = await watcher.next('trip:update', ({ status }) => status === 'EN_ROUTE');
    // 1 km at 36 km/h takes 100 s, and a fifth more [E1].
    expect(Date.parse(eta ?? '') - Date.now()).toBeGreaterThan(100_000);
    expect(Date.parse(eta ?? '') - Date.now()).toBeLessThanOrEqual(120_000);
    car.emit('driver:location', place(-500));
    await watcher.next('driver:location', (one) => one.latitude > latitude && one.bearing === null);
    expect(car.all('error')).toEqual([]);
    if (transport !== 'upgrade') expect(transportOf(car)).toBe(transport);
    else
      await until(
        () => transportOf(car),
        (name) => name === 'websocket',
      );
  });
});

describe('the same trip at the same time', () => {
  it('is seen on the native stream when its driver is on Socket.IO, and the other way round [K9]', async () => {
    const [d, p] = [unique('driver'), unique('party')];
    const tripId = await scene.trip(d, p);
    const car = await scene.driver(d);
    const native = await dial(server, { token: await server.token('driver', d) });
    const onStream = await dial(server, { token: await server.token('passenger', p) });
    const onSocketIo = await scene.rider(p);
    onStream.send({ type: 'subscribe', feed: `trip:${tripId}` });
    await onStream.next('snapshot');
    await subscribe(onSocketIo, d, tripId);
    await car.ask('driver:location', place(-1_000, { speed: 20 }));
    expect(await onStream.next('location')).toMatchObject({ driver: d, speed: 20 });
    await onSocketIo.next('driver:location', ({ speed }) => speed === 20);
    native.send({ type: 'fix', ...north(-900), speed: 30 });
    expect(await onStream.next('location')).toMatchObject({ driver: d, speed: 30 });
    await onSocketIo.next('driver:location', ({ speed }) => speed === 30);
    native.send({ type: 'fix', ...north(-50) });
    expect(await onStream.next('event')).toMatchObject({ event: { kind: 'arrived', stopId: `from-${p}` } });
    await onSocketIo.next('trip:update', ({ eta }) => eta !== null);
  });
});

describe('availability', () => {
  it('is set by driver:online; driver:offline goes at once, and a fix comes back with it [K7 D2 D3]', async () => {
    const d = unique('driver');
    const car = await scene.driver(d);
    const feed = await dial(server, { token: await server.token('driver', d) });
    const status = async () => (await scene.staff.get(`/v1/drivers/${d}/status`)).as(DriverView).status;
    expect(await car.ask('driver:online', { available: true })).toEqual(stored);
    expect(await status()).toBe('ONLINE');
    expect(await car.ask('driver:online', { available: false })).toEqual(stored);
    expect(await status()).toBe('BUSY');
    feed.send({ type: 'subscribe', feed: `driver:${d}` });
    await feed.next('snapshot');
    expect(await car.ask('driver:offline')).toEqual(stored);
    expect(await status()).toBe('OFFLINE');
    expect(await car.ask('driver:offline', {})).toEqual(stored);
    await car.ask('driver:location', place(0));
    expect(await status()).toBe('BUSY');
    const told = [await feed.next('event'), await feed.next('event')].map(({ event }) => event.kind);
    expect(told, 'once per change').toEqual(['offline', 'online']);
  });
});

describe('rider:subscribe', () => {
  it('is not_found for a trip that is not there, not theirs, or not of this driver: all alike [K8 S6]', async () => {
    const [d, p] = [unique('driver'), unique('party')];
    const tripId = await scene.trip(d, p);
    const other = await scene.rider(unique('party'));
    const own = await scene.rider(p);
    const answers = [
      await other.ask('rider:subscribe', { driverId: d, tripId }),
      await other.ask('rider:subscribe', { driverId: d, tripId: unique('nothing') }),
      await own.ask('rider:subscribe', { driverId: unique('driver'), tripId }),
    ];
    for (const answer of answers) expect(answer).toEqual({ ok: false, code: 'not_found', message: 'no such trip of this driver' });
    const car = await scene.driver(d);
    await car.ask('driver:location', place(0));
    await settled(other);
    expect([...other.all('driver:location'), ...other.all('trip:update'), ...own.all('driver:location')]).toEqual([]);
  });

  it('shows where the driver is at once; unsubscribe ends it, by the driver asked for [K8]', async () => {
    const [d, p] = [unique('driver'), unique('party')];
    const tripId = await scene.trip(d, p);
    const car = await scene.driver(d);
    await car.ask('driver:location', place(-3_000));
    const watcher = await scene.rider(p);
    await subscribe(watcher, d, tripId);
    await watcher.next('driver:location');
    expect((await watcher.next('trip:update')).eta).not.toBeNull();
    expect(await watcher.ask('rider:unsubscribe', { driverId: d })).toMatchObject({ ok: true });
    const before = watcher.came.length;
    await car.ask('driver:location', place(-2_900));
    await scene.move(tripId, 'EN_ROUTE');
    await settled(watcher);
    expect(watcher.came.length).toBe(before);
  });

  it('twice follows once [K8]', async () => {
    const [d, p] = [unique('driver'), unique('party')];
    const tripId = await scene.trip(d, p);
    const car = await scene.driver(d);
    const watcher = await scene.rider(p);
    await Promise.all([subscribe(watcher, d, tripId), subscribe(watcher, d, tripId)]);
    await subscribe(watcher, d, tripId);
    expect(await watcher.ask('join_ride', { rideId: tripId })).toMatchObject({ ok: true });
    await car.ask('driver:location', place(-2_900));
    await watcher.next('driver:location');
    await settled(watcher);
    expect(watcher.all('driver:location')).toHaveLength(1);
  });

  it('stays while nobody drives the trip, and goes on with whoever is given it [K10]', async () => {
    const [d, e, p] = [unique('driver'), unique('driver'), unique('party')];
    const tripId = await scene.trip(d, p);
    const [next, watcher] = [await scene.driver(e), await scene.rider(p)];
    await subscribe(watcher, d, tripId);
    const before = watcher.all('trip:update').length;
    for (const driverId of [null, e]) (await scene.staff.patch(`/v1/trips/${tripId}`, { driverId })).as(TripView);
    await until(
      async () => (await scene.staff.get(`/v1/drivers/${e}`)).text,
      (text) => text.includes(tripId),
    );
    await next.ask('driver:location', place(-2_900));
    await watcher.next('driver:location', ({ driverId }) => driverId === e);
    expect(watcher.all('trip:update').length).toBeGreaterThan(before + 1);
  });

  it('two sockets of one driver at once: each event of a stop is told once [K9 G8]', async () => {
    const [d, p] = [unique('driver'), unique('party')];
    const tripId = await scene.trip(d, p);
    const cars = [await scene.driver(d, { transport: 'websocket' }), await scene.driver(d, { transport: 'polling' })];
    await Promise.all(
      cars.flatMap((car) => [-900, -450, -400, -50, -20, 300, 350, 400].map((metres) => car.ask('driver:location', place(metres)))),
    );
    const { events } = (await scene.staff.get(`/v1/trips/${tripId}/history`)).json() as { events: { id: string }[] };
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(events.filter(({ id }) => id.endsWith('/arrived'))).toHaveLength(1);
  });

  it('tells each rider of its own next stop [K9 E3]', async () => {
    const [d, p, q] = [unique('driver'), unique('party'), unique('party')];
    const stops = [
      { id: 'p', type: 'pickup', partyId: p, ...north(0) },
      { id: 'q', type: 'pickup', partyId: q, ...north(4_000) },
    ];
    const { id } = (await scene.staff.post('/v1/trips', { kind: 'ride', driverId: d, stops })).as(TripView, 201);
    const car = await scene.driver(d);
    const [first, second] = [await scene.rider(p), await scene.rider(q)];
    await subscribe(first, d, id);
    await subscribe(second, d, id);
    await car.ask('driver:location', place(-1_000, { speed: 36 }));
    const known = ({ eta }: { eta: string | null }) => eta !== null;
    const [a, b] = [await first.next('trip:update', known), await second.next('trip:update', known)];
    expect((Date.parse(b.eta as string) - Date.parse(a.eta as string)) / 1000).toBeCloseTo(480, -1);
  });

  it('follows the trip to another driver, and is ended under either of them [K10]', async () => {
    const [d, e, p] = [unique('driver'), unique('driver'), unique('party')];
    const tripId = await scene.trip(d, p);
    const [car, next, watcher] = [await scene.driver(d), await scene.driver(e), await scene.rider(p)];
    await subscribe(watcher, d, tripId);
    await car.ask('driver:location', place(-3_000));
    await watcher.next('driver:location', ({ driverId }) => driverId === d);
    await watcher.next('trip:update', ({ eta }) => eta !== null);
    (await scene.staff.patch(`/v1/trips/${tripId}`, { driverId: e })).as(TripView);
    await until(
      async () => (await scene.staff.get(`/v1/drivers/${e}`)).text,
      (text) => text.includes(tripId),
    );
    expect((await watcher.next('trip:update', ({ eta }) => eta === null)).status).toBe('PENDING');
    await next.ask('driver:location', place(-3_000));
    await watcher.next('driver:location', ({ driverId }) => driverId === e);
    await car.ask('driver:location', place(-2_000));
    await settled(watcher);
    expect(watcher.all('driver:location').at(-1)?.driverId, 'the one before is nothing to them now').toBe(e);
    expect(await watcher.ask('rider:unsubscribe', { driverId: e })).toMatchObject({ ok: true });
    const before = watcher.came.length;
    await next.ask('driver:location', place(-2_900));
    await settled(watcher);
    expect(watcher.came.length).toBe(before);
  });

  it('ends with the trip, and says so last [K10]', async () => {
    const [d, p] = [unique('driver'), unique('party')];
    const tripId = await scene.trip(d, p);
    const [car, watcher] = [await scene.driver(d), await scene.rider(p)];
    await car.ask('driver:location', place(0));
    await subscribe(watcher, d, tripId);
    for (const status of ['EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED']) await scene.move(tripId, status);
    expect(await watcher.next('trip:update', ({ status }) => status === 'COMPLETED')).toEqual({ tripId, status: 'COMPLETED', eta: null });
    const before = watcher.came.length;
    await car.ask('driver:location', place(100));
    await settled(watcher);
    expect(watcher.came.length, 'nothing after the end: no position, no event of its stops').toBe(before);
    expect(watcher.all('trip:update').map(({ status }) => status)).toEqual(['PENDING', 'EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED']);
    const late = await scene.rider(p);
    await subscribe(late, d, tripId);
    await settled(late);
    expect(
      late.came.map(({ event }) => event),
      'of a trip that has ended: how it ended',
    ).toEqual(['connected', 'trip:update']);
  });

  it("ends with an error when the trip is not the rider's any more [K10]", async () => {
    const [d, p, q] = [unique('driver'), unique('party'), unique('party')];
    const tripId = await scene.trip(d, p, q);
    const [car, watcher] = [await scene.driver(d), await scene.rider(p)];
    await subscribe(watcher, d, tripId);
    const stops = [{ type: 'pickup', partyId: q, ...CENTRE }];
    (await scene.staff.patch(`/v1/trips/${tripId}`, { stops })).as(TripView);
    expect(await watcher.next('error')).toMatchObject({ code: 'not_found', tripId });
    const before = watcher.came.length;
    await car.ask('driver:location', place(-1_000));
    await settled(watcher);
    expect(watcher.came.length).toBe(before);
  });

  it('ends with an error when the trip is removed [K10 T6]', async () => {
    const [d, p] = [unique('driver'), unique('party')];
    const tripId = await scene.trip(d, p);
    const watcher = await scene.rider(p);
    await subscribe(watcher, d, tripId);
    expect((await scene.staff.delete(`/v1/trips/${tripId}`)).status).toBe(204);
    expect(await watcher.next('error')).toMatchObject({ code: 'not_found', tripId });
  });

  it('tells of every stop event, and of an ETA that moved by half a minute, at most every 5 s [K9]', async () => {
    const [d, p] = [unique('driver'), unique('party')];
    const tripId = await scene.trip(d, p);
    const [car, watcher] = [await scene.driver(d), await scene.rider(p)];
    await car.ask('driver:location', place(-4_000, { speed: 36 }));
    await subscribe(watcher, d, tripId);
    const since = performance.now();
    const first = await watcher.next('trip:update');
    // 100 m at 36 km/h are 12 s; the moves below add up to minutes.
    const moving = until(
      async () => {
        await car.ask('driver:location', place(-4_000 + ((performance.now() - since) / 1000) * 200, { speed: 36 }));
        return watcher.all('trip:update').length;
      },
      (count) => count > 1,
    );
    await moving;
    const came = watcher.came.filter(({ event }) => event === 'trip:update');
    expect((came[1]?.at ?? 0) - (came[0]?.at ?? 0)).toBeGreaterThan(4_000);
    const second = watcher.all('trip:update')[1];
    expect(Math.abs(Date.parse(second?.eta as string) - Date.parse(first.eta as string))).toBeGreaterThan(25_000);
    const before = watcher.all('trip:update').length;
    // Each is less than a kilometre from the one before: no leap [F5].
    for (const metres of [-2_300, -1_400, -450, -50, 200, 300]) await car.ask('driver:location', place(metres));
    await until(
      () => watcher.all('trip:update').length - before,
      (count) => count >= 3,
    );
    expect(watcher.all('trip:update').every((update) => update.tripId === tripId && update.status === 'PENDING')).toBe(true);
  });
});

describe('roles', () => {
  const crossings: [string, 'driver' | 'passenger' | 'merchant' | 'dispatcher' | 'service', string, object][] = [
    ['a driver does not follow', 'driver', 'rider:subscribe', { driverId: 'd', tripId: 't' }],
    ['a driver does not unfollow', 'driver', 'rider:unsubscribe', { driverId: 'd' }],
    ['a driver joins no ride', 'driver', 'join_ride', { rideId: 'r' }],
    ['a driver leaves no ride', 'driver', 'leave_ride', { rideId: 'r' }],
    ['a rider does not send', 'passenger', 'driver:location', place(0)],
    ['a rider is not online', 'passenger', 'driver:online', { available: true }],
    ['a rider is not offline', 'passenger', 'driver:offline', {}],
    ['a merchant does not send', 'merchant', 'driver:location', place(0)],
    ['a dispatcher does not send', 'dispatcher', 'driver:location', place(0)],
    ['a service does not send', 'service', 'driver:location', place(0)],
  ];

  it.each(crossings)('%s: forbidden, by callback and by error alike [K4]', async (_, role, event, payload) => {
    const one = await connect(server.url, await server.token(role, unique(role)));
    expect(await one.ask(event, payload)).toMatchObject({ ok: false, code: 'forbidden' });
    one.emit(event, payload);
    expect(await one.next('error')).toMatchObject({ code: 'forbidden', event });
    expect(one.socket.connected).toBe(true);
  });

  it('an admin does both [K4]', async () => {
    const d = unique('admin');
    const tripId = await scene.trip(d, unique('party'));
    const admin = await connect(server.url, await server.token('admin', d));
    expect(admin.all('connected')).toMatchObject([{ role: 'ADMIN' }]);
    await subscribe(admin, d, tripId);
    expect(await admin.ask('driver:location', place(-700))).toEqual(stored);
    await admin.next('driver:location', ({ driverId }) => driverId === d);
  });

  it('merchants and dispatchers follow what they may read [K4 S3 S4]', async () => {
    const d = unique('driver');
    const { stops } = { stops: [{ type: 'dropoff', ...CENTRE }] };
    const { id } = (await scene.staff.post('/v1/trips', { kind: 'delivery', driverId: d, stops, labels: ['shop-1'] })).as(TripView, 201);
    await until(
      async () => (await scene.staff.get(`/v1/drivers/${d}`)).status,
      (status) => status === 200,
    );
    const merchant = await connect(server.url, await server.token('merchant', unique('shop'), { labels: ['shop-1'] }));
    const stranger = await connect(server.url, await server.token('merchant', unique('shop'), { labels: ['shop-2'] }));
    const dispatcher = await connect(server.url, await server.token('dispatcher', 'dora'));
    for (const one of [merchant, dispatcher]) await subscribe(one, d, id);
    expect(await stranger.ask('rider:subscribe', { driverId: d, tripId: id })).toMatchObject({ ok: false, code: 'not_found' });
    const car = await scene.driver(d);
    await car.ask('driver:location', place(-700));
    for (const one of [merchant, dispatcher]) await one.next('driver:location');
  });
});

describe('hybrid clients', () => {
  it('join a ride whoever drives it, and read positions in their words [K11]', async () => {
    const [d, p] = [unique('driver'), unique('party')];
    const tripId = await scene.trip(d, p);
    const [car, watcher] = [await scene.driver(d), await scene.rider(p)];
    expect(await watcher.ask('join_ride', { rideId: tripId })).toMatchObject({ ok: true });
    await car.ask('driver:location', place(-1_000, { speed: 36 }));
    const { lat, lng, eta } = await watcher.next('driver_location');
    expect([lat, lng]).toEqual([expect.closeTo(north(-1_000).lat, 6), expect.closeTo(CENTRE.lng, 6)]);
    expect(Date.parse(eta ?? '') - Date.now()).toBeGreaterThan(60_000);
    await watcher.next('driver:location');
    expect(await watcher.ask('leave_ride', { rideId: tripId })).toMatchObject({ ok: true });
    const before = watcher.came.length;
    await car.ask('driver:location', place(-900));
    await settled(watcher);
    expect(watcher.came.length).toBe(before);
    expect(await watcher.ask('join_ride', { rideId: unique('nothing') })).toMatchObject({ ok: false, code: 'not_found' });
    const other = await scene.rider(unique('party'));
    expect(await other.ask('join_ride', { rideId: tripId })).toMatchObject({ ok: false, code: 'not_found' });
  });
});

describe('a position that cannot be', () => {
  it('is kept, told to its sender, and shown to nobody [K5 F7]', async () => {
    const [d, p] = [unique('driver'), unique('party')];
    const tripId = await scene.trip(d, p);
    const [car, watcher] = [await scene.driver(d), await scene.rider(p)];
    await subscribe(watcher, d, tripId);
    await car.ask('driver:location', place(0));
    await watcher.next('driver:location');
    expect(await car.ask('driver:location', place(400_000))).toEqual({ ...stored, suspect: true });
    car.emit('driver:location', place(410_000));
    expect(await car.next('warning')).toMatchObject({ code: 'suspect_fix', timestamp: expect.any(String) });
    await settled(watcher);
    expect(watcher.all('driver:location')).toHaveLength(1);
    const own = caller(server, await server.token('driver', d));
    const kept = async () => (await own.get(`/v1/drivers/${d}/locations`)).as(LocationList).locations.map(({ suspect }) => suspect);
    // The last one was sent without a callback: it is stored a moment later.
    expect(await until(kept, ({ length }) => length === 3)).toEqual([false, true, true]);
  });
});
