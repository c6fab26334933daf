import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Problem } from '../packages/protocol/src/index.ts';
import { Progress, PublicSession } from '../packages/server/src/dialects/delivery/messages.ts';
import { callerAs, dialTracking, startSession, tokenOf, trackingId } from './support/delivery.ts';
import { CENTRE, north } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';
import { serverForTest } from './support/server-for-test.ts';

let server: TestServer;
let rider: Caller;
let id: string;
let riderId: string;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  const started = await startSession(server);
  ({ rider, riderId } = started);
  id = started.session.tracking_id;
});

afterAll(() => server.stop());

const HUGE = '9'.repeat(400);
const places: [name: string, text: string, field: string][] = [
  ['a latitude over 90', '90.1', '/lat'],
  ['a latitude below -90', '-90.0001', '/lat'],
  ['a text', '"52.5"', '/lat'],
  ['null', 'null', '/lat'],
  ['a list', '[52.5]', '/lat'],
  ['more than a number can hold', HUGE, '/lat'],
  ['an object', '{"valueOf":1}', '/lat'],
];

describe('a body that does not fit is 422 and names the field [Y17]', () => {
  it.each(places)('update: %s', async (_, text, field) => {
    const answer = await rider.post(`/tracking/update/${id}`, `{"lat":${text},"lng":13}`);
    expect(answer.as(Problem, 422)).toMatchObject({ status: 422, field, detail: expect.stringContaining('lat') });
  });

  it.each([
    ['/lng', '{"lat":1}'],
    ['/lng', '{"lat":1,"lng":180.1}'],
    ['/status', '{"lat":1,"lng":1,"status":"FLYING"}'],
    ['/status', '{"lat":1,"lng":1,"status":"CANCELLED"}'],
    ['/status', '{"lat":1,"lng":1,"status":7}'],
    ['/speed', '{"lat":1,"lng":1,"speed":3}'],
    ['/constructor', '{"lat":1,"lng":1,"constructor":{}}'],
    ['', '[]'],
    ['', 'null'],
    ['', '"text"'],
  ])('update: %s in %s', async (field, body) => {
    expect((await rider.post(`/tracking/update/${id}`, body)).as(Problem, 422).field).toBe(field);
  });

  it.each([
    ['/order_id', { rider_id: 'r', dropoff_lat: 1, dropoff_lng: 1 }],
    ['/order_id', { order_id: '', rider_id: 'r', dropoff_lat: 1, dropoff_lng: 1 }],
    ['/order_id', { order_id: 'x'.repeat(129), rider_id: 'r', dropoff_lat: 1, dropoff_lng: 1 }],
    ['/rider_id', { order_id: 'o', dropoff_lat: 1, dropoff_lng: 1 }],
    ['/rider_id', { order_id: 'o', rider_id: 'no id', dropoff_lat: 1, dropoff_lng: 1 }],
    ['/rider_id', { order_id: 'o', rider_id: 7, dropoff_lat: 1, dropoff_lng: 1 }],
    ['/dropoff_lat', { order_id: 'o', rider_id: 'r', dropoff_lat: 91, dropoff_lng: 1 }],
    ['/dropoff_lng', { order_id: 'o', rider_id: 'r', dropoff_lat: 1, dropoff_lng: -181 }],
    ['/phone', { order_id: 'o', rider_id: 'r', dropoff_lat: 1, dropoff_lng: 1, phone: 49 }],
    ['/tracking_id', { order_id: 'o', rider_id: 'r', dropoff_lat: 1, dropoff_lng: 1, tracking_id: 'TRK-MINE' }],
  ])('start: %s in %j', async (field, body) => {
    expect((await rider.post('/tracking/start', body)).as(Problem, 422).field).toBe(field);
  });

  it.each(['{', '', '{"lat":1,"lng":NaN}', '{"lat":1,"lng":Infinity}', '{"lat":1,"lng":1,"__proto__":{"role":"admin"}}', '\u0000'])(
    'no JSON, or such that wants to be more: %j',
    async (body) => {
      for (const path of [`/tracking/update/${id}`, '/tracking/start'])
        expect((await rider.post(path, body)).as(Problem, 422)).toMatchObject({ status: 422 });
    },
  );

  it('as a form, 422; over 1 MB, 413', async () => {
    expect((await rider.post('/tracking/start', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(422);
    (await rider.post('/tracking/start', JSON.stringify({ order_id: 'x'.repeat(1_100_000) }))).problem('too_large');
  });

  it('nothing of it was taken', async () => {
    expect((await rider.get(`/tracking/${id}`)).as(PublicSession)).toMatchObject({ status: 'ASSIGNED', current_location: null });
  });
});

it('null stands for a phone and a status that are not there [Y17]', async () => {
  const { session, rider: by } = await startSession(server, { phone: null });
  expect((await by.post(`/tracking/update/${session.tracking_id}`, { ...CENTRE, status: null })).as(Progress).status).toBe('ASSIGNED');
});

it('who may is settled before what: 401, then the body, then 404, then 403 [Y17]', async () => {
  const other = callerAs(server, 'rider', 'other');
  (await caller(server).post(`/tracking/update/${id}`, 'nonsense')).problem('unauthenticated');
  expect((await other.post(`/tracking/update/${trackingId()}`, {})).status).toBe(422);
  (await other.post(`/tracking/update/${trackingId()}`, CENTRE)).problem('not_found');
  (await other.post(`/tracking/update/${id}`, CENTRE)).problem('forbidden');
});

it('positions too fast are 429 with Retry-After, alone and with the status there is; nothing of the call is taken [Y7 L1]', async () => {
  const slow = await serverForTest({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '60' } });
  const { session, rider: by, riderId: who } = await startSession(slow);
  const path = `/tracking/update/${session.tracking_id}`;
  for (let i = 0; i < 10; i++) expect((await by.post(path, north(i))).status).toBe(200);
  const before = (await by.get(`/tracking/${session.tracking_id}`)).as(PublicSession);
  for (const status of [null, 'ASSIGNED']) {
    const refused = await by.post(path, { ...north(99), status });
    refused.problem('rate_limited');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  expect((await by.get(`/tracking/${session.tracking_id}`)).as(PublicSession).current_location).toEqual(before.current_location);
  const socket = await dialTracking(slow, session.tracking_id, tokenOf('rider', who));
  socket.send({ type: 'location_update', location: CENTRE });
  expect((await socket.next('error')).message).toContain('too fast');
  await socket.close();
});

it('a position that cannot be is told by a header, and does not show [Y7 F7]', async () => {
  const { session, rider: by } = await startSession(server);
  const path = `/tracking/update/${session.tracking_id}`;
  expect((await by.post(path, CENTRE)).headers.get('x-position')).toBeNull();
  const answer = await by.post(path, { lat: -10, lng: 100 });
  expect(answer.headers.get('x-position')).toBe('suspect');
  expect(answer.as(Progress).current_location).toMatchObject(CENTRE);
});

it('calls are counted by address without a token, good or bad [L2]', async () => {
  const few = await serverForTest({ env: { REST_RATE_LIMIT_PER_MINUTE: '5' } });
  const { session } = await startSession(few);
  const read = (by: Caller) => by.get(`/tracking/${session.tracking_id}`);
  for (let i = 0; i < 5; i++) expect((await read(i % 2 ? caller(few) : caller(few, 'bad'))).status).toBe(200);
  (await read(caller(few))).problem('rate_limited');
});

it('steps may be left out where that is configured [Y9]', async () => {
  const lax = await serverForTest({ env: { DELIVERY_STRICT_STATUS: 'false', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  const { session, rider: by } = await startSession(lax);
  const path = `/tracking/update/${session.tracking_id}`;
  expect((await by.post(path, { ...CENTRE, status: 'IN_TRANSIT' })).as(Progress).status).toBe('IN_TRANSIT');
  (await by.post(path, { ...CENTRE, status: 'PICKED_UP' })).problem('illegal_transition');
  expect((await by.post(path, { ...CENTRE, status: 'DELIVERED' })).as(Progress).status).toBe('DELIVERED');
});

describe('a message that cannot be read is named, and the connection stays [Y17]', () => {
  const texts: [text: string | Buffer, told: string][] = [
    ['{', 'JSON'],
    ['', 'JSON'],
    ['null', 'type'],
    ['[]', 'type'],
    ['{"type":"subscribe"}', 'type'],
    ['{"type":"constructor"}', 'type'],
    ['{"type":"__proto__"}', 'type'],
    ['{"type":["ping"]}', 'type'],
    ['{"type":"ping","extra":1}', '/extra'],
    ['{"type":"location_update"}', '/location'],
    ['{"type":"location_update","lat":1,"lng":1}', '/l'],
    ['{"type":"location_update","location":[1,2]}', '/location'],
    ['{"type":"location_update","location":{"lat":91,"lng":1}}', '/location/lat'],
    ['{"type":"location_update","location":{"lat":1,"lng":"2"}}', '/location/lng'],
    ['{"type":"location_update","location":{"lat":1,"lng":NaN}}', 'JSON'],
    [`{"type":"location_update","location":{"lat":1,"lng":${HUGE}}}`, '/location/lng'],
    ['{"type":"location_update","location":{"lat":1,"lng":2,"status":"CANCELLED"}}', '/location/status'],
    ['{"type":"location_update","location":{"lat":1,"lng":2,"__proto__":{}}}', '/location/__proto__'],
    ['{"type":"location_update","location":{"lat":1,"lng":2,"constructor":1}}', '/location/constructor'],
    ['{"type":"location_update","location":{"lat":1,"lng":2},"rider_id":"me"}', '/rider_id'],
    [Buffer.from('{"type":"ping"}'), 'text frames'],
    [Buffer.from([0xff, 0xfe, 0x00]), 'text frames'],
  ];

  it.each(texts)('%s', async (text, told) => {
    for (const token of [undefined, tokenOf('rider', riderId)]) {
      const peer = await dialTracking(server, id, token);
      await peer.next('initial_state');
      peer.raw(text);
      expect((await peer.next('error')).message).toContain(told);
      peer.send({ type: 'ping' });
      await peer.next('pong');
      expect(peer.all('location_update')).toEqual([]);
      await peer.close();
    }
  });

  it('fifty of them in a row end it, 1008; a good one between starts the count anew', async () => {
    const peer = await dialTracking(server, id);
    for (let i = 0; i < 49; i++) peer.raw('{');
    peer.send({ type: 'ping' });
    for (let i = 0; i < 49; i++) peer.raw('{');
    peer.send({ type: 'ping' });
    await peer.next('pong');
    await peer.next('pong');
    for (let i = 0; i < 50; i++) peer.raw('{');
    expect(await peer.closed).toMatchObject({ code: 1008 });
    expect(peer.all('error')).toHaveLength(149);
  });

  it('over 16 KB it is closed, 1009; just below, named', async () => {
    const peer = await dialTracking(server, id);
    peer.send({ type: 'ping', extra: 'x'.repeat(16_000) });
    await peer.next('error');
    peer.send({ type: 'ping', extra: 'x'.repeat(17_000) });
    expect((await peer.closed).code).toBe(1009);
  });

  it('no text at all is closed, 1007', async () => {
    const peer = await dialTracking(server, id);
    peer.socket.send(Buffer.from([0xc3, 0x28]), { binary: false });
    expect((await peer.closed).code).toBe(1007);
  });
});

it('a page of a foreign origin is refused, 403 [S9]', async () => {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws/tracking/${id}`, { origin: 'https://elsewhere.example' });
  socket.on('error', () => undefined);
  const [, response] = await once(socket, 'unexpected-response');
  expect(response.statusCode).toBe(403);
  socket.terminate();
});

it('no token is ever written to the log [Y12]', async () => {
  const token = tokenOf('customer', 'planted-secret-subject');
  const peer = await dialTracking(server, id, token);
  await peer.next('initial_state');
  await peer.close();
  await (await dialTracking(server, id, `${token}x`)).closed;
  expect(server.output()).not.toContain(token.slice(-20));
});
