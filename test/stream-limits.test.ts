import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocationList } from '../packages/protocol/src/index.ts';
import { dial, type Peer } from './support/peer.ts';
import { CENTRE, north, PAST, unique } from './support/places.ts';
import { caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let limited: TestServer;

beforeAll(async () => {
  const env = { REST_RATE_LIMIT_PER_MINUTE: '1000000' };
  [server, limited] = await Promise.all([
    startServer({ env: { ...env, LOCATION_UPDATE_RATE_LIMIT: '0' } }),
    startServer({ env: { ...env, LOCATION_UPDATE_RATE_LIMIT: '60' } }),
  ]);
});

afterAll(() => Promise.all([server.stop(), limited.stop()]));

const driver = async (sub = unique('driver'), to = server): Promise<Peer> => dial(to, { token: await to.token('driver', sub) });
const alive = async (peer: Peer) => expect(await peer.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });

describe('a bad message', () => {
  it.each<[string, string, string | undefined]>([
    ['{', 'bad_json', undefined],
    ['', 'bad_json', undefined],
    ['{"type":"fix","lat":NaN,"lng":1}', 'bad_json', undefined],
    ['{"type":"fix","lat":Infinity,"lng":1}', 'bad_json', undefined],
    ['[]', 'unknown_type', undefined],
    ['null', 'unknown_type', undefined],
    ['7', 'unknown_type', undefined],
    ['"ping"', 'unknown_type', undefined],
    ['{}', 'unknown_type', '/type'],
    ['{"type":"pong"}', 'unknown_type', '/type'],
    ['{"type":"__proto__"}', 'unknown_type', '/type'],
    ['{"type":"constructor"}', 'unknown_type', '/type'],
    ['{"type":["ping"]}', 'unknown_type', '/type'],
    ['{"type":"ping","unheard":1}', 'bad_request', '/unheard'],
    ['{"type":"ping","__proto__":{"a":1}}', 'bad_request', '/__proto__'],
    ['{"type":"ping","constructor":{"prototype":{"a":1}}}', 'bad_request', '/constructor'],
    ['{"type":"ping","ref":7}', 'bad_request', '/ref'],
    [`{"type":"ping","ref":"${'x'.repeat(65)}"}`, 'bad_request', '/ref'],
    ['{"type":"open"}', 'bad_request', '/stream'],
    ['{"type":"open","stream":"a b"}', 'bad_request', '/stream'],
    ['{"type":"open","stream":"s","driver":"ü"}', 'bad_request', '/driver'],
    ['{"type":"subscribe","feed":"trip:"}', 'bad_request', '/feed'],
    ['{"type":"subscribe","feed":"viewport:1"}', 'bad_request', '/feed'],
    ['{"type":"subscribe","feed":"fleet","since":{"epoch":"a"}}', 'bad_request', '/since/seq'],
    ['{"type":"subscribe","feed":"fleet","since":{"epoch":"a","seq":-1}}', 'bad_request', '/since/seq'],
    ['{"type":"fixes","fixes":[]}', 'bad_request', '/fixes'],
    ['{"type":"fixes","fixes":{}}', 'bad_request', '/fixes'],
    ['{"type":"fix","lat":1e309,"lng":1}', 'invalid_fix', '/lat'],
    ['{"type":"fix","lat":91,"lng":1}', 'invalid_fix', '/lat'],
    ['{"type":"fix","lat":1}', 'invalid_fix', '/lng'],
    ['{"type":"fix","lat":"1","lng":1}', 'invalid_fix', '/lat'],
    ['{"type":"fix","lat":1,"lng":1,"speed":-1}', 'invalid_fix', '/speed'],
    ['{"type":"fix","lat":1,"lng":1,"bearing":360}', 'invalid_fix', '/bearing'],
    ['{"type":"fix","lat":1,"lng":1,"timestamp":"2024-01-01"}', 'invalid_fix', '/timestamp'],
    ['{"type":"fix","lat":1,"lng":1,"seq":0}', 'invalid_fix', '/seq'],
    ['{"type":"fix","lat":1,"lng":1,"seq":1e300}', 'invalid_fix', '/seq'],
    ['{"type":"fix","lat":1,"lng":1,"unheard":1}', 'invalid_fix', '/unheard'],
    [`${'['.repeat(8_000)}${']'.repeat(8_000)}`, 'unknown_type', undefined],
  ])('%s is told as %s at %s, and the connection stays', async (text, code, field) => {
    const peer = await driver('bad');
    peer.raw(text);
    const error = await peer.next('error');
    expect(error.code).toBe(code);
    if (field !== undefined) expect(error.field).toBe(field);
    await alive(peer);
    await peer.close();
  });

  it('echoes the ref where there is one', async () => {
    const peer = await driver();
    expect(await peer.ask({ type: 'unheard' })).toMatchObject({ type: 'error', code: 'unknown_type' });
    expect(await peer.ask({ type: 'subscribe', feed: 'nonsense' })).toMatchObject({ type: 'error', code: 'bad_request', field: '/feed' });
    expect(await peer.ask({ type: 'subscribe', feed: 'trip:nobody' })).toMatchObject({ type: 'error', code: 'not_found' });
    await peer.close();
  });

  it('in a binary frame is one too, and the connection stays', async () => {
    const peer = await driver();
    peer.raw(Buffer.from([0, 255, 254]));
    peer.raw(Buffer.alloc(0));
    peer.raw(Buffer.from('{"type":"ping"}'));
    for (let i = 0; i < 3; i++) await peer.next('error');
    await alive(peer);
    await peer.close();
  });
});

describe('bad messages in a row', () => {
  it('close the connection at the fiftieth, 4400 [L5]', async () => {
    const peer = await driver();
    for (let i = 0; i < 49; i++) peer.raw('{');
    await alive(peer);
    for (let i = 0; i < 49; i++) peer.send({ type: 'fix', lat: 91, lng: 0 });
    await alive(peer);
    for (let i = 0; i < 50; i++) peer.send({ type: 'unheard' });
    const end = await peer.closed;
    expect(end.code).toBe(4400);
    expect(peer.all('error').map((error) => error.code)).toContain('unknown_type');
  });

  it('are forgotten at a good fix as well [L5]', async () => {
    const peer = await driver();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 49; i++) peer.raw('{');
      peer.send({ type: 'fix', ...CENTRE, timestamp: PAST + round });
    }
    await alive(peer);
    await peer.close();
  });
});

describe('the size of a message', () => {
  it('may be 16 KB, and one byte more closes, 1009 [L3]', async () => {
    const peer = await driver();
    const ping = (size: number) => '{"type":"ping"}'.padEnd(size, ' ');
    peer.raw(ping(16_384));
    await peer.next('pong');
    peer.raw(ping(16_385));
    expect((await peer.closed).code).toBe(1009);
    const again = await driver();
    await alive(again);
    await again.close();
  });

  it('counts over fragments [L3]', async () => {
    const peer = await driver();
    for (let i = 0; i < 20; i++) peer.socket.send(' '.repeat(1_000), { fin: i === 19 });
    expect((await peer.closed).code).toBe(1009);
  });
});

describe('frames that are none', () => {
  it.each([
    ['reserved bits', [0xf1, 0x80, 0, 0, 0, 0]],
    ['an unknown opcode', [0x83, 0x80, 0, 0, 0, 0]],
    ['no mask', [0x81, 0x02, 0x7b, 0x7d]],
    ['a control frame of 200 bytes', [0x89, 0xfe, 0x00, 0xc8, 0, 0, 0, 0]],
    ['a length of 2^63', [0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]],
    ['text that is no UTF-8', [0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe]],
    ['a close code that is none', [0x88, 0x82, 0, 0, 0, 0, 0x00, 0x05]],
    ['an end without a beginning', [0x80, 0x80, 0, 0, 0, 0]],
  ])('%s end that connection and nothing else', async (_what, bytes) => {
    const authorization = `Bearer ${await server.token('admin')}`;
    await new Promise<void>((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1');
      let sent = false;
      socket.write(
        `GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
      );
      socket.on('data', (data) => {
        if (sent || !data.toString('latin1').includes('welcome')) return;
        sent = true;
        socket.write(Buffer.from(bytes));
      });
      socket.on('error', reject);
      socket.on('close', () => resolve());
      socket.on('end', () => socket.end());
    });
    const peer = await driver();
    await alive(peer);
    await peer.close();
  });
});

describe('subscriptions', () => {
  it('are 1,000 a connection; one more is refused, one left makes room [L3]', async () => {
    const peer = await dial(server, { token: await server.token('admin') });
    for (let i = 0; i < 1_000; i++) peer.send({ type: 'subscribe', feed: `driver:crowd-${i}` });
    await peer.next('subscribed', (message) => message.feed === 'driver:crowd-999');
    expect(await peer.ask({ type: 'subscribe', feed: 'driver:one-more' })).toMatchObject({ type: 'error', code: 'too_many_subscriptions' });
    expect(await peer.ask({ type: 'subscribe', feed: 'driver:crowd-7' }), 'the same again is no more').toMatchObject({
      type: 'subscribed',
    });
    expect(await peer.ask({ type: 'unsubscribe', feed: 'driver:crowd-7' })).toMatchObject({ type: 'unsubscribed' });
    expect(await peer.ask({ type: 'subscribe', feed: 'driver:one-more' })).toMatchObject({ type: 'subscribed' });
    await peer.close();
  });
});

describe('the flood limit', () => {
  const stored = async (sub: string) =>
    (await caller(limited, await limited.token('admin')).get(`/v1/drivers/${sub}/locations?limit=1000`)).as(LocationList).locations.length;

  it('takes 10 live fixes at once, refuses the next by number and says when; it does not settle it [L1 A2]', async () => {
    const sub = unique('driver');
    const peer = await driver(sub, limited);
    await peer.ask({ type: 'open', stream: 's' });
    for (let seq = 1; seq <= 13; seq++) peer.send({ type: 'fix', seq, ...north(seq), timestamp: PAST + seq * 1000 });
    for (const seq of [11, 12, 13])
      expect(await peer.next('error')).toMatchObject({ code: 'rate_limited', seq, retryAfter: expect.any(Number) });
    await peer.next('ack', (ack) => ack.stored === 10);
    expect(await peer.ask({ type: 'open', stream: 's' })).toMatchObject({ accepted: 10, stored: 10 });
    expect(await stored(sub)).toBe(10);

    peer.send({ type: 'fixes', fixes: [11, 12, 13].map((seq) => ({ seq, ...north(seq), timestamp: PAST + seq * 1000 })) });
    await peer.next('ack', (ack) => ack.stored === 13);
    await peer.close();
  });

  it('takes a backlog of 2,000 and refuses more, and hurts no other driver [L1]', async () => {
    const sub = unique('driver');
    const peer = await driver(sub, limited);
    await peer.ask({ type: 'open', stream: 's' });
    for (let m = 0; m < 15; m++) {
      const fixes = Array.from({ length: 200 }, (_, i) => ({
        seq: m * 200 + i + 1,
        lat: 1,
        lng: 1,
        timestamp: PAST + (m * 200 + i) * 1000,
      }));
      peer.send({ type: 'fixes', fixes });
    }
    expect(await peer.next('error')).toMatchObject({ code: 'rate_limited', retryAfter: expect.any(Number) });
    await peer.next('ack', (ack) => ack.stored >= 2_000);
    const { stored: mark } = (await peer.ask({ type: 'open', stream: 's' })) as { stored: number };
    expect(mark).toBeLessThan(3_000);
    const other = await driver(unique('driver'), limited);
    await other.ask({ type: 'open', stream: 's' });
    other.send({ type: 'fix', seq: 1, ...CENTRE });
    await other.next('ack', (ack) => ack.stored === 1);
    await peer.close();
    await other.close();
  });
});

describe('SIGTERM', () => {
  it('closes every socket 1012, stores what was accepted, and ends with 0', async () => {
    const going = await startServer({ env: { LOCATION_UPDATE_RATE_LIMIT: '0' } });
    const peers = await Promise.all(
      [going.token('admin'), going.token('driver', 'd')].map(async (token) => dial(going, { token: await token })),
    );
    const silent = await dial(going);
    const { code } = await going.stop();
    expect(code).toBe(0);
    for (const peer of [...peers, silent]) expect((await peer.closed).code).toBe(1012);
  });
});
