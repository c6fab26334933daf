import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FixReceipt, Problem, TripView } from '../packages/protocol/src/index.ts';
import { validator } from '../packages/protocol/src/validate.ts';
import { CENTRE, PAST, ride } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let service: Caller;
let token: string;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  token = await server.token('service', 'ship');
  service = caller(server, token);
  (await service.post('/v1/trips', ride({ id: 'known', driverId: 'd1' }))).as(TripView, 201);
});

afterAll(() => server.stop());

/** Every route that takes a body, with one it takes. */
const ROUTES = [
  ['POST', '/v1/trips', { kind: 'ride', stops: [] }],
  ['PATCH', '/v1/trips/known', { labels: [] }],
  ['POST', '/v1/trips/known/status', { status: 'PENDING' }],
  ['POST', '/v1/drivers/d1/locations', { ...CENTRE, timestamp: PAST }],
  ['PUT', '/v1/drivers/d1', { name: 'x' }],
  ['PUT', '/v1/drivers/d1/availability', { available: true }],
  ['POST', '/v1/tracks/search', { ...CENTRE, from: PAST, to: PAST }],
  ['POST', '/v1/session', { code: 'x' }],
] as const;

describe.each(ROUTES)('%s %s', (method, path, good) => {
  it('names an unknown key', async () => {
    const { field, detail } = (await service.call(method, path, { ...good, unheard: 1 })).problem(
      path.endsWith('locations') ? 'invalid_fix' : 'bad_request',
    );
    expect(field).toBe('/unheard');
    expect(detail).toContain('unheard');
  });

  it.each(['[]', 'null', '"text"', '7', 'true', '[[{}]]'])('refuses %s for a body', async (body) => {
    const answer = await service.call(method, path, body);
    expect(answer.status === 400 || answer.status === 422, answer.text).toBe(true);
    expect(validator(Problem).check(answer.json())).toBe(true);
  });

  it.each(['{', '{"a":1,}', '{"a":NaN}', '{"a":Infinity}', '{"a":-Infinity}', "{'a':1}", '{"a":undefined}', '\u0000', '{"a":1}{"b":2}'])(
    'refuses what is not JSON: %j',
    async (body) => {
      (await service.call(method, path, body)).problem('bad_json');
    },
  );

  it.each(['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString'])('refuses the key %s', async (key) => {
    for (const value of ['1', '{"prototype":{"polluted":1}}', '{"polluted":1}']) {
      const answer = await service.call(method, path, `${JSON.stringify(good).slice(0, -1)},"${key}":${value}}`);
      expect([400, 422], answer.text).toContain(answer.status);
      expect(validator(Problem).check(answer.json()), answer.text).toBe(true);
    }
  });

  it('refuses a body of another kind, and one nested deep', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/xml']) {
      const answer = await service.call(method, path, JSON.stringify(good), { 'content-type': type });
      expect([400, 415, 422], `${type}: ${answer.text}`).toContain(answer.status);
      expect(validator(Problem).check(answer.json()), answer.text).toBe(true);
    }
    const deep = await service.call(method, path, `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`);
    expect([400, 422], deep.text.slice(0, 200)).toContain(deep.status);
  });

  it('refuses more than 1 MB: too_large [L3]', async () => {
    (await service.call(method, path, `{"a":"${'x'.repeat(1_100_000)}"}`)).problem('too_large');
  });

  it('takes what is good', async () => {
    const answer = await service.call(method, path, good);
    expect(answer.status === (path === '/v1/session' ? 401 : answer.status), answer.text).toBe(true);
    expect(answer.status, answer.text).toBeLessThan(path === '/v1/session' ? 402 : 300);
  });
});

describe('the members of a trip', () => {
  const stop = { type: 'pickup', ...CENTRE };
  it.each([
    ['/kind', { kind: 'walk' }],
    ['/kind', { kind: ['ride'] }],
    ['/id', { id: 'a b' }],
    ['/id', { id: '' }],
    ['/id', { id: 'x'.repeat(65) }],
    ['/id', { id: 7 }],
    ['/id', { id: '../x' }],
    ['/driverId', { driverId: 'ü' }],
    ['/driverName', { driverName: '' }],
    ['/driverName', { driverName: 'x'.repeat(201) }],
    ['/stops', { stops: {} }],
    ['/stops', { stops: Array(101).fill(stop) }],
    ['/stops/0/type', { stops: [{ ...stop, type: 'end' }] }],
    ['/stops/0/lat', { stops: [{ ...stop, lat: 90.0000001 }] }],
    ['/stops/0/lat', { stops: [{ ...stop, lat: '52.5' }] }],
    ['/stops/0/lng', { stops: [{ ...stop, lng: -180.5 }] }],
    ['/stops/0/lng', { stops: [{ ...stop, lng: null }] }],
    ['/stops/1/arriveRadius', { stops: [stop, { ...stop, arriveRadius: 0 }] }],
    ['/stops/0/approachRadius', { stops: [{ ...stop, approachRadius: 50_001 }] }],
    ['/stops/0/bookingStatus', { stops: [{ ...stop, bookingStatus: 'maybe' }] }],
    ['/stops/0/unheard', { stops: [{ ...stop, unheard: 1 }] }],
    ['/labels', { labels: 'a' }],
    ['/labels', { labels: Array(21).fill('a') }],
    ['/labels/0', { labels: [''] }],
    ['/labels/1', { labels: ['a', 'x'.repeat(65)] }],
    ['/at', { at: 'soon' }],
    ['/at', { at: -1 }],
    ['/at', { at: 1.5 }],
    ['/at', { at: '2024-01-01T00:00:00' }],
    ['/at', { at: '2024-13-01T00:00:00Z' }],
  ])('%s is named when it is wrong: %j', async (field, wrong) => {
    expect((await service.post('/v1/trips', { kind: 'ride', stops: [], ...wrong })).problem('bad_request').field).toBe(field);
  });

  it('refuses two stops of one id', async () => {
    const twice = {
      kind: 'ride',
      stops: [
        { ...stop, id: 's' },
        { ...stop, id: 's', lat: 1 },
      ],
    };
    expect((await service.post('/v1/trips', twice)).problem('bad_request').field).toMatch(/^\/stops/);
  });

  it('refuses an empty change', async () => {
    (await service.patch('/v1/trips/known', {})).problem('bad_request');
  });
});

describe('the members of a fix', () => {
  it.each([
    ['/lat', '{"lat":90.0000001,"lng":1}'],
    ['/lat', '{"lat":"1","lng":1}'],
    ['/lat', '{"lat":1e309,"lng":1}'],
    ['/lat', '{"lat":null,"lng":1}'],
    ['/lat', '{"lng":1}'],
    ['/lng', '{"lat":1,"lng":180.0000001}'],
    ['/lng', '{"lat":1,"lng":-1e308}'],
    ['/lng', '{"lat":1,"lng":[1]}'],
    ['/speed', '{"lat":1,"lng":1,"speed":100001}'],
    ['/speed', '{"lat":1,"lng":1,"speed":"fast"}'],
    ['/speed', '{"lat":1,"lng":1,"speed":1e999}'],
    ['/bearing', '{"lat":1,"lng":1,"bearing":-0.1}'],
    ['/accuracy', '{"lat":1,"lng":1,"accuracy":10000001}'],
    ['/altitude', '{"lat":1,"lng":1,"altitude":-20001}'],
    ['/timestamp', '{"lat":1,"lng":1,"timestamp":""}'],
    ['/timestamp', '{"lat":1,"lng":1,"timestamp":-5}'],
    ['/timestamp', '{"lat":1,"lng":1,"timestamp":1e300}'],
    ['/timestamp', '{"lat":1,"lng":1,"timestamp":{}}'],
    ['/timestamp', '{"lat":1,"lng":1,"timestamp":"1969-12-31T23:59:59Z"}'],
    ['/timestamp', '{"lat":1,"lng":1,"timestamp":"2024-01-01T25:00:00Z"}'],
  ])('%s is named when it is wrong: %s', async (field, body) => {
    expect((await service.post('/v1/drivers/d1/locations', body)).problem('invalid_fix').field).toBe(field);
  });

  it('takes -0 and numbers in any notation', async () => {
    (
      await service.post(
        '/v1/drivers/d2/locations',
        `{"lat":-0.0,"lng":1.34e1,"speed":-0,"timestamp":"2024-01-01T00:00:00.123456789+05:30"}`,
      )
    ).as(FixReceipt);
    expect((await service.get('/v1/drivers/d2/locations')).text).not.toContain('-0,');
  });
});

describe('paths and requests that are wrong', () => {
  it('answers not_found for a path or method that is not there', async () => {
    for (const [method, path] of [
      ['GET', '/v1'],
      ['GET', '/v1/unheard'],
      ['PUT', '/v1/trips'],
      ['DELETE', '/v1/drivers/d1'],
      ['GET', '/v1/trips/a/b/c'],
      ['POST', '/v1/trips/a/b/'],
    ] as const)
      (await service.call(method, path)).problem('not_found');
  });

  it('takes a slash at the end of a path for nothing', async () => {
    for (const path of ['/v1/trips/', '/health/', '/openapi.json/']) expect((await service.get(path)).status, path).toBe(200);
  });

  it.each(['%00', '%', '%zz', 'a%2Fb', '%C3%BC', '.'.repeat(65), "'%20OR%201=1--"])(
    'answers a problem, never a 5xx, for an id like %s',
    async (id) => {
      for (const path of [`/v1/trips/${id}`, `/v1/drivers/${id}`, `/v1/trips/${id}/track`]) {
        const answer = await service.get(path);
        expect([400, 404], `${path}: ${answer.text}`).toContain(answer.status);
        expect(validator(Problem).check(answer.json()), answer.text).toBe(true);
      }
    },
  );

  it('answers too_large for a compressed or announced bomb, without reading it all [L3]', async () => {
    const status = await new Promise<number>((resolve, reject) => {
      const call = request(`${server.url}/v1/trips`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-length': 5_000_000_000 },
      });
      call.on('response', (response) => {
        resolve(response.statusCode ?? 0);
        response.resume();
        call.destroy();
      });
      call.on('error', reject);
      call.write('{"a":');
    });
    expect(status).toBe(413);
    const gzip = await service.call('POST', '/v1/trips', '\u001f\u008b', { 'content-encoding': 'gzip' });
    expect([400, 415]).toContain(gzip.status);
  });
});
