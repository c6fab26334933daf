import { describe, expect, it } from 'vitest';
import { client, connect, type FleetClient, refusal, type Transport } from './support/fleet-client.ts';
import { fleetScene, place } from './support/fleet-scene.ts';
import { inSeconds, jwt } from './support/jwt.ts';
import { dial, refused } from './support/peer.ts';
import { unique } from './support/places.ts';
import { caller } from './support/rest.ts';
import { serverForTest } from './support/server-for-test.ts';
import { until } from './support/until.ts';

const FAST = { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' };

describe('sockets of one driver', () => {
  it('are at most MAX_CONNECTIONS_PER_DRIVER, over all transports and surfaces; one that goes makes room [K2 L4]', async () => {
    const server = await serverForTest({ env: { ...FAST, MAX_CONNECTIONS_PER_DRIVER: '3' } });
    const { driver } = await fleetScene(server);
    const token = await server.token('driver', 'd');
    const native = await dial(server, { token });
    const polling = await driver('d', { transport: 'polling' });
    const upgraded = await driver('d');
    for (const transport of ['websocket', 'polling'] as Transport[]) {
      expect((await refusal(server.url, { token, transport })).data).toMatchObject({
        code: 'too_many_connections',
        retryAfter: expect.any(Number),
      });
    }
    expect((await refused(server, { authorization: `Bearer ${token}` })).status, 'the native stream counts them too').toBe(429);
    await driver('e');
    for (let n = 0; n < 4; n++) await connect(server.url, await server.token('passenger', 'd'));
    const leave = [() => native.close(), () => polling.close(), () => upgraded.close()];
    for (const one of leave) {
      await one();
      // The place is free once the server knows.
      await until(
        async () => {
          const next = client(server.url, { token, transport: 'websocket' });
          return new Promise<string>((resolve) => {
            next.socket.once('connected', () => resolve('in'));
            next.socket.once('connect_error', () => resolve('out'));
          });
        },
        (how) => how === 'in',
      );
    }
    expect((await refusal(server.url, { token })).data).toMatchObject({ code: 'too_many_connections' });
  });
});

describe('positions of one driver', () => {
  it('nearer than 5 s, beyond the burst, are rate_limited, by callback and by error [K5 L1]', async () => {
    const server = await serverForTest({ env: { LOCATION_UPDATE_RATE_LIMIT: '5' } });
    const { driver } = await fleetScene(server);
    const car = await driver('d');
    const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => car.ask('driver:location', place(n))));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(10);
    const [limited] = answers.filter(({ ok }) => !ok);
    expect(limited).toMatchObject({ ok: false, code: 'rate_limited', retryAfter: expect.any(Number) });
    expect((limited as { retryAfter: number }).retryAfter).toBeGreaterThan(0);
    expect((limited as { retryAfter: number }).retryAfter).toBeLessThanOrEqual(5);
    for (let n = 0; n < 60; n++) car.emit('driver:location', place(n));
    await until(
      () => car.all('error').length,
      (count) => count === 60,
    );
    expect(car.all('error')[0]).toMatchObject({ code: 'rate_limited', event: 'driver:location', retryAfter: expect.any(Number) });
    expect(car.socket.connected, 'too fast is no bad message').toBe(true);
  });
});

describe('a token', () => {
  it('that ends disconnects within 30 s, unless a fresh one of the same subject came [K3]', async () => {
    const server = await serverForTest({ env: FAST });
    const soon = (sub: string, role = 'passenger') => jwt({ sub, role, exp: inSeconds(3) });
    const [lost, kept] = await Promise.all([connect(server.url, soon('a'), { transport: 'polling' }), connect(server.url, soon('b'))]);
    expect(await kept.ask('auth:refresh', { token: jwt({ sub: 'other', role: 'passenger' }) })).toMatchObject({
      ok: false,
      code: 'forbidden',
    });
    expect(await kept.ask('auth:refresh', { token: jwt({ sub: 'b', role: 'driver' }) })).toMatchObject({ ok: false, code: 'forbidden' });
    expect(await kept.ask('auth:refresh', { token: jwt({ sub: 'b', role: 'passenger', exp: inSeconds(-9) }) })).toMatchObject({
      ok: false,
      code: 'token_expired',
    });
    expect(await kept.ask('auth:refresh', { token: jwt({ sub: 'b', role: 'passenger' }) })).toMatchObject({ ok: true });
    expect(await lost.disconnected).toBe('io server disconnect');
    expect(lost.all('error')).toMatchObject([{ code: 'token_expired' }]);
    expect(await kept.ask('rider:unsubscribe', { driverId: 'd' })).toMatchObject({ ok: true });
  });
});

describe('a dialect that is not served', () => {
  it('has no events, no path, no aliases [K1 K11 K15]', async () => {
    const fleetOnly = await serverForTest({ env: { ...FAST, DIALECTS: 'fleet' } });
    const scene = await fleetScene(fleetOnly);
    const tripId = await scene.trip('d', 'p');
    const [car, watcher] = [await scene.driver('d'), await scene.rider('p')];
    expect(await watcher.ask('join_ride', { rideId: tripId })).toMatchObject({ ok: false, code: 'unknown_type' });
    await watcher.ask('rider:subscribe', { driverId: 'd', tripId });
    await car.ask('driver:location', place(0));
    await watcher.next('driver:location');
    await watcher.ask('rider:unsubscribe', { driverId: 'd' });
    expect(watcher.all('driver_location')).toEqual([]);

    const none = await serverForTest({ env: { ...FAST, DIALECTS: 'none' } });
    expect((await fetch(`${none.url}/socket.io/?EIO=4&transport=polling`)).status).toBe(404);
    const admin = caller(none, await none.token('admin'));
    (await admin.post('/v1/drivers/d/locations', place(0))).problem('invalid_fix');
  });
});

describe('several ports', () => {
  it('serve Socket.IO alike, and count together [K1 L4]', async () => {
    const server = await serverForTest({ env: { ...FAST, MAX_CONNECTIONS_PER_DRIVER: '2' }, args: ['--port', '0,0'] });
    const urls = JSON.parse(/"urls":(\[[^\]]+\])/.exec(server.output())?.[1] ?? '[]') as string[];
    expect(urls).toHaveLength(2);
    const token = await server.token('driver', 'd');
    for (const url of urls) await connect(url, token);
    for (const url of urls) expect((await refusal(url, { token })).data).toMatchObject({ code: 'too_many_connections' });
  });
});

describe('a rider that takes nothing', () => {
  it('is given the newest position and every update once it reads again; others notice nothing [K13]', async () => {
    const server = await serverForTest({ env: FAST });
    const scene = await fleetScene(server);
    const p = unique('party');
    // Drivers enough that what the system itself buffers for a socket is soon full.
    const drivers = Array.from({ length: 20 }, () => unique('driver'));
    const trips = await Promise.all(drivers.map((d) => scene.trip(d, p)));
    const cars = await Promise.all(drivers.map((d) => scene.driver(d, { transport: 'websocket' })));
    const [slow, quick] = [await scene.rider(p, { transport: 'websocket' }), await scene.rider(p, { transport: 'websocket' })];
    for (const one of [slow, quick]) for (const tripId of trips) await one.ask('join_ride', { rideId: tripId });
    const raw = (slow.socket.io.engine.transport as unknown as { ws: { _socket: { pause(): void; resume(): void } } }).ws._socket;
    raw.pause();
    const sent = 1_500;
    for (let n = 1; n <= sent; n += 20) {
      for (let k = 0; k < 19; k++) for (const car of cars) car.emit('driver:location', place((n + k) % 90, { speed: n % 100 }));
      await Promise.all(cars.map((car) => car.ask('driver:location', place((n + 19) % 90, { speed: n % 100 }))));
    }
    await Promise.all(cars.map((car) => car.ask('driver:location', place(0, { speed: 177.25 }))));
    for (const tripId of trips) await scene.move(tripId, 'EN_ROUTE');
    const enRoute = (one: FleetClient) => one.all('trip:update').filter(({ status }) => status === 'EN_ROUTE').length;
    await until(
      () => enRoute(quick),
      (count) => count === trips.length,
    );
    expect(quick.all('driver:location').length, 'who keeps up gets all').toBe((sent + 1) * cars.length);
    raw.resume();
    await until(
      () => enRoute(slow),
      (count) => count === trips.length,
    );
    await until(
      () => slow.all('driver:location').filter(({ speed }) => speed === 177.25).length,
      (count) => count === trips.length,
    );
    expect(slow.all('driver:location').length, 'what it could not take was left out').toBeLessThan(quick.all('driver:location').length);
  });
});
