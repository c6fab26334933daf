import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { LocationList } from '../packages/protocol/src/index.ts';
import { client, connect, refusal, type Transport } from './support/fleet-client.ts';
import { type FleetScene, fleetScene, place } from './support/fleet-scene.ts';
import { inSeconds, jwt, unsigned } from './support/jwt.ts';
import { unique } from './support/places.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

let server: TestServer;
let scene: FleetScene;

beforeAll(async () => {
  server = await startServer({
    env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0', CORS_ORIGINS: 'https://app.example' },
  });
  scene = await fleetScene(server);
});

afterAll(() => server.stop());

const TRANSPORTS: Transport[] = ['websocket', 'polling', 'upgrade'];

describe('the handshake', () => {
  const tokens: [string, unknown, string][] = [
    ['without a token', undefined, 'unauthenticated'],
    ['with an empty one', '', 'unauthenticated'],
    ['with a number', 7, 'unauthenticated'],
    ['with an object', { toString: 'x' }, 'unauthenticated'],
    ['with rubbish', 'no.token.atall', 'unauthenticated'],
    ['with one that is too long', 'x'.repeat(9_000), 'unauthenticated'],
    ['with an expired one', jwt({ sub: 'd', role: 'driver', exp: inSeconds(-60) }), 'token_expired'],
    ['with one of another secret', jwt({ sub: 'd', role: 'driver' }, { secret: 'of-somebody-else-entirely' }), 'unauthenticated'],
    ['with an unsigned one', unsigned({ sub: 'd', role: 'driver' }, 'none'), 'unauthenticated'],
    ['with one that never ends', jwt({ sub: 'd', role: 'driver', exp: undefined }), 'unauthenticated'],
    ['with a role nobody knows', jwt({ sub: 'd', role: 'pilot' }), 'unauthenticated'],
    ['with a driver whose name is no id', jwt({ sub: 'no "id"', role: 'driver' }), 'unauthenticated'],
  ];

  it.each(tokens)('%s: connect_error that names the code [K2]', async (_, token, code) => {
    const { message, data } = await refusal(server.url, { token });
    expect(data).toMatchObject({ code, message });
    expect(message).not.toContain('eyJ');
  });

  it.each(TRANSPORTS)('over %s takes old roles in any case, and a Bearer before the token [K2 S1]', async (transport) => {
    const one = await connect(server.url, `Bearer ${jwt({ user_id: 'r1', role: 'RIDER' })}`, { transport });
    expect(one.all('connected')).toMatchObject([{ userId: 'r1', role: 'RIDER' }]);
  });

  it('of another namespace is a connect_error [K1]', async () => {
    const { message } = await refusal(`${server.url}/admin`, { token: await server.token('admin') });
    expect(message).toBe('Invalid namespace');
  });

  it('that never comes is waited for 5 s [K2 L6]', async () => {
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    const since = performance.now();
    await new Promise((resolve) => ws.once('close', resolve));
    expect(performance.now() - since).toBeGreaterThan(4_500);
    expect(performance.now() - since).toBeLessThan(10_000);
  });

  it('may be tried by one connection one at a time only', async () => {
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    const came: string[] = [];
    ws.on('message', (data) => came.push(String(data)));
    // Refused while the first is looked at, closed when that was quick.
    const closed = new Promise<void>((resolve) => ws.once('close', () => resolve()));
    const refusedOne = until(
      () => came,
      (all) => all.some((one) => one.startsWith('44')),
    ).catch(() => undefined);
    await new Promise((resolve) => ws.once('open', resolve));
    const hello = `40${JSON.stringify({ token: await server.token('passenger', 'twin') })}`;
    ws.send(hello);
    ws.send(hello);
    await Promise.race([closed, refusedOne]);
    expect(came.filter((one) => one.startsWith('40')).length).toBeLessThanOrEqual(1);
    expect(came.filter((one) => one.includes('"connected"')).length).toBeLessThanOrEqual(1);
    ws.terminate();
  });
});

describe('origins', () => {
  const get = (origin: string, path = '/socket.io/?EIO=4&transport=polling', method = 'GET') =>
    fetch(server.url + path, { method, headers: { origin, 'access-control-request-headers': 'x-app' } });

  it('that are foreign get 403 on polling, whatever the request, and no CORS header [S9]', async () => {
    for (const method of ['GET', 'POST', 'OPTIONS']) {
      const response = await get('https://evil.example', undefined, method);
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ code: 'forbidden_origin' });
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('that are foreign get 403 on an upgrade [S9]', async () => {
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`, {
      origin: 'https://evil.example',
    });
    ws.on('error', () => undefined);
    const status = await new Promise((resolve) => ws.once('unexpected-response', (_, response) => resolve(response.statusCode)));
    expect(status).toBe(403);
  });

  it('that are listed are told so, also before the request [S9]', async () => {
    for (const method of ['GET', 'OPTIONS']) {
      const response = await get('https://app.example', undefined, method);
      expect(response.status).toBe(method === 'GET' ? 200 : 204);
      expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example');
      expect(response.headers.get('vary')).toContain('origin');
      expect(response.headers.get('access-control-allow-headers')).toBe('x-app');
    }
    const own = await get(server.url);
    expect(own.status).toBe(200);
  });
});

describe('requests', () => {
  it.each([
    ['an unknown transport', 'GET', '?EIO=4&transport=pigeon', 400],
    ['an unknown session', 'POST', '?EIO=4&transport=polling&sid=__proto__', 400],
    ['another protocol', 'GET', '?EIO=3&transport=polling', 400],
    ['JSONP', 'GET', '?EIO=4&transport=polling&j=0', 400],
    ['another method', 'DELETE', '?EIO=4&transport=polling', 400],
    ['no query', 'GET', '', 400],
    ['a script of ours', 'GET', 'socket.io.js', 404],
  ])('%s: refused, no 5xx [K1]', async (_, method, query, status) => {
    const response = await fetch(`${server.url}/socket.io/${query}`, { method });
    expect(response.status).toBe(status);
  });

  it('over 16 KB end the connection, on either transport [K1 K12 L3]', async () => {
    for (const transport of ['websocket', 'polling'] as const) {
      const one = await scene.driver(unique('driver'), { transport });
      one.emit('driver:location', { ...place(0), timestamp: 'x'.repeat(17_000) });
      expect(await one.disconnected).toMatch(/transport/);
    }
  });

  it('that are no packets of Socket.IO end the connection, and nothing else [K12 security 13]', async () => {
    const packets = [
      '',
      '9',
      '4',
      '49',
      '4{}',
      '42',
      '42"x"',
      '4251-["driver:location",{"_placeholder":true,"num":0}]',
      '451-["a",{"_placeholder":true,"num":7}]',
      '40/admin,',
      `42${'['.repeat(8_000)}`,
      `451-${'['.repeat(7_000)}`,
      '43',
      '431["x"]',
      '44{}',
      'b!!!',
      '2probe',
      '5',
      '\u0000',
      '😀',
    ];
    for (const packet of packets) {
      const ws = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
      const came: string[] = [];
      ws.on('message', (data) => came.push(String(data)));
      ws.on('error', () => undefined);
      await new Promise((resolve) => ws.once('open', resolve));
      ws.send(`40${JSON.stringify({ token: await server.token('driver', unique('driver')) })}`);
      await until(
        () => came,
        (all) => all.some((one) => one.includes('connected')),
      );
      ws.send(packet);
      ws.send(Buffer.from([0, 1, 2, 255]));
      ws.terminate();
    }
    const response = await fetch(`${server.url}/health/live`);
    expect(response.status).toBe(200);
    expect(server.output()).not.toContain('a message failed for a fault of ours');
  });
});

describe('random packets', () => {
  it('before and after the handshake harm nobody else [K12 security 13]', async () => {
    const event = fc.constantFrom('driver:location', 'rider:subscribe', 'auth:refresh', 'x');
    const wellFormed = fc.tuple(event, fc.jsonValue()).map(([name, payload]) => `42${JSON.stringify([name, payload])}`);
    const mutated = fc
      .tuple(wellFormed, fc.nat(60), fc.string({ maxLength: 4 }))
      .map(([text, at, more]) => text.slice(0, at) + more + text.slice(at + 1));
    const attached = fc
      .tuple(fc.nat(12), event, fc.jsonValue())
      .map(([n, name, payload]) => `45${n}-${JSON.stringify([name, { _placeholder: true, num: payload }])}`);
    const packet = fc.oneof(
      wellFormed,
      mutated,
      attached,
      fc.string({ maxLength: 50 }),
      fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    );
    const hello = `40${JSON.stringify({ token: await server.token('passenger', 'fuzz') })}`;
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(packet, { maxLength: 6 }), async (first, packets) => {
        const ws = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
        ws.on('error', () => undefined);
        await new Promise((resolve) => ws.once('open', resolve));
        if (first) ws.send(hello);
        for (const one of packets) ws.send(one);
        // Whatever it made of them, it goes on to the end of what was sent.
        ws.close();
        await new Promise((resolve) => ws.once('close', resolve));
      }),
      { numRuns: 150 },
    );
    const good = await scene.driver(unique('driver'));
    expect(await good.ask('driver:location', place(0))).toMatchObject({ ok: true });
    expect(server.output()).not.toContain('a message failed for a fault of ours');
  });
});

describe('bad events', () => {
  const bad: [string, string, unknown[], string][] = [
    ['an unknown event', 'driver:teleport', [{}], 'unknown_type'],
    ['an event named __proto__', '__proto__', [{}], 'unknown_type'],
    ['an event named constructor', 'constructor', [{}], 'unknown_type'],
    ['error, which is ours', 'error', [{ code: 'x' }], 'unknown_type'],
    ['no payload', 'driver:location', [], 'invalid_fix'],
    ['null', 'driver:location', [null], 'invalid_fix'],
    ['text', 'driver:location', ['here'], 'invalid_fix'],
    ['a list', 'driver:location', [[1, 2]], 'invalid_fix'],
    ['two objects', 'driver:location', [place(0), place(1)], 'bad_request'],
    ['an attachment', 'driver:location', [Buffer.from('x')], 'invalid_fix'],
    ['an attachment within', 'driver:location', [{ ...place(0), speed: Buffer.from('x') }], 'invalid_fix'],
    ['no longitude', 'driver:location', [{ latitude: 1 }], 'invalid_fix'],
    ['a latitude out of range', 'driver:location', [{ latitude: 91, longitude: 0 }], 'invalid_fix'],
    ['NaN, which JSON makes null', 'driver:location', [{ latitude: Number.NaN, longitude: 0 }], 'invalid_fix'],
    ['Infinity', 'driver:location', [{ latitude: 0, longitude: Number.POSITIVE_INFINITY }], 'invalid_fix'],
    ['text for a number', 'driver:location', [{ latitude: '52', longitude: 13 }], 'invalid_fix'],
    ['a bearing of 360', 'driver:location', [{ ...place(0), bearing: 360 }], 'invalid_fix'],
    ['a negative speed', 'driver:location', [{ ...place(0), speed: -1 }], 'invalid_fix'],
    ['an unknown member', 'driver:location', [{ ...place(0), driverId: 'other' }], 'invalid_fix'],
    ['a __proto__ member', 'driver:location', [JSON.parse('{"latitude":1,"longitude":2,"__proto__":{"x":1}}')], 'invalid_fix'],
    ['a constructor member', 'driver:location', [{ ...place(0), constructor: 1 }], 'invalid_fix'],
    ['no moment', 'driver:location', [{ ...place(0), timestamp: 'yesterday' }], 'invalid_fix'],
    ['30 February', 'driver:location', [{ ...place(0), timestamp: '2026-02-30T10:00:00Z' }], 'invalid_fix'],
    ['two latitudes', 'driver:location', [{ ...place(0), lat: 1 }], 'bad_request'],
    ['two bearings', 'driver:location', [{ ...place(0), bearing: 1, heading: 2 }], 'bad_request'],
    ['availability that is text', 'driver:online', [{ available: 'yes' }], 'bad_request'],
    ['no availability', 'driver:online', [], 'bad_request'],
    ['a payload where none is', 'driver:offline', [{ available: true }], 'bad_request'],
    ['a token that is none', 'auth:refresh', [{ token: 7 }], 'bad_request'],
    ['a token nobody signed', 'auth:refresh', [{ token: 'x.y.z' }], 'unauthenticated'],
  ];

  it.each(bad)('%s: named, and the connection stays [K12]', async (_, event, args, code) => {
    const d = unique('driver');
    const one = await scene.driver(d);
    const answer = await one.ask(event, ...args);
    expect(answer).toMatchObject({ ok: false, code, message: expect.any(String) });
    one.emit(event, ...args);
    expect(await one.next('error')).toMatchObject({ code, event });
    expect(await one.ask('driver:location', place(0))).toMatchObject({ ok: true });
    const { locations } = (await scene.staff.get(`/v1/drivers/${d}/locations`)).as(LocationList);
    expect(locations, 'nothing of it was stored').toHaveLength(1);
  });

  it.each([
    ['no trip', { driverId: 'd' }],
    ['an id that is none', { driverId: 'd', tripId: 'a b' }],
    ['an object for an id', { driverId: { $ne: 1 }, tripId: 't' }],
    ['an unknown member', { driverId: 'd', tripId: 't', role: 'admin' }],
  ])('a subscription with %s: bad_request [K12]', async (_, payload) => {
    const one = await scene.rider(unique('party'));
    expect(await one.ask('rider:subscribe', payload)).toMatchObject({ ok: false, code: 'bad_request' });
  });

  it('fifty in a row disconnect, forty-nine and a good one do not [K12 L5]', async () => {
    const one = await scene.driver(unique('driver'));
    for (let n = 0; n < 49; n++) one.emit('nonsense', {});
    expect(await one.ask('driver:location', place(0))).toMatchObject({ ok: true });
    for (let n = 0; n < 49; n++) one.emit('nonsense', {});
    await until(
      () => one.all('error').length,
      (count) => count === 98,
    );
    expect(one.socket.connected).toBe(true);
    one.emit('nonsense', {});
    expect(await one.disconnected).toBe('io server disconnect');
    expect(one.all('error').at(-1)).toMatchObject({ code: 'too_many_bad_messages' });
  });

  it('also when each was refused only after a look: trips that are not there [K12 L5]', async () => {
    const one = await scene.rider(unique('party'));
    for (let n = 0; n < 50; n++) one.emit('rider:subscribe', { driverId: 'd', tripId: `nothing-${n}` });
    expect(await one.disconnected).toBe('io server disconnect');
  });

  it('bring nobody else down: a good client goes on beside fifty bad ones [K12]', async () => {
    const good = await scene.driver(unique('driver'));
    const all = Array.from({ length: 50 }, () => client(server.url, { token: 'rubbish', transport: 'websocket' }));
    await Promise.all(all.map(({ socket }) => new Promise((resolve) => socket.once('connect_error', resolve))));
    expect(await good.ask('driver:location', place(0))).toMatchObject({ ok: true });
  });

  it('names two spellings of one value as one [K6]', async () => {
    const d = unique('driver');
    const one = await scene.driver(d);
    const { latitude, longitude } = place(10);
    expect(await one.ask('driver:location', { lat: latitude, lng: longitude, heading: 90, speed: null })).toMatchObject({ ok: true });
    expect(await one.ask('driver:location', { ...place(20), lat: place(20).latitude, timestamp: Date.now() })).toMatchObject({ ok: true });
    const { locations } = (await scene.staff.get(`/v1/drivers/${d}/locations`)).as(LocationList);
    expect(locations.map(({ bearing, speed }) => [bearing, speed])).toEqual([
      [90, null],
      [null, null],
    ]);
  });

  it('a hundred subscriptions are enough [K8]', async () => {
    const [d, p] = [unique('driver'), unique('party')];
    const one = await scene.rider(p);
    const ids = await Promise.all(Array.from({ length: 101 }, () => scene.trip(d, p)));
    const answers = await Promise.all(ids.map((tripId) => one.ask('rider:subscribe', { driverId: d, tripId })));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(100);
    expect(answers.filter(({ ok }) => !ok)).toMatchObject([{ code: 'too_many_subscriptions' }]);
  });
});
