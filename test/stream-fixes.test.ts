import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DriverView, LocationList } from '../packages/protocol/src/index.ts';
import { dial, type Of, type Peer } from './support/peer.ts';
import { CENTRE, north, PAST, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

let server: TestServer;
let staff: Caller;

beforeAll(async () => {
  server = await startServer({ env: { LOCATION_UPDATE_RATE_LIMIT: '0', REST_RATE_LIMIT_PER_MINUTE: '1000000' } });
  staff = caller(server, await server.token('admin'));
});

afterAll(() => server.stop());

const at = (second: number) => new Date(PAST + second * 1000).toISOString();
const fix = (seq: number, more: object = {}) => ({ type: 'fix', seq, ...north(seq), timestamp: at(seq), ...more });
const stored = async (driver: string) => (await staff.get(`/v1/drivers/${driver}/locations`)).as(LocationList).locations;

/** A driver with an open stream. */
async function driving(stream = 'run'): Promise<{ driver: string; peer: Peer }> {
  const driver = unique('driver');
  const peer = await dial(server, { token: await server.token('driver', driver) });
  expect(await peer.ask({ type: 'open', stream })).toMatchObject({ type: 'opened', stream, driver, accepted: 0, stored: 0 });
  return { driver, peer };
}

const storedTo = (peer: Peer, seq: number) => peer.next('ack', (ack) => ack.stored >= seq);

describe.concurrent('numbered fixes', () => {
  it('are acknowledged by cumulative watermarks, and stored means in history [A1 A2]', async () => {
    const { driver, peer } = await driving();
    for (let seq = 1; seq <= 5; seq++) peer.send(fix(seq));
    const ack = await storedTo(peer, 5);
    expect(ack).toMatchObject({ driver, stream: 'run', accepted: 5, stored: 5 });
    expect(await stored(driver)).toHaveLength(5);
    const marks = peer.all('ack').map(({ accepted, stored: s }) => [accepted, s]);
    for (const [i, [accepted = 0, s = 0]] of marks.entries()) {
      expect(s).toBeLessThanOrEqual(accepted);
      expect(accepted).toBeGreaterThanOrEqual(marks[i - 1]?.[0] ?? 0);
      expect(s).toBeGreaterThanOrEqual(marks[i - 1]?.[1] ?? 0);
    }
    await peer.close();
  });

  it('may come in any order: the watermark waits for the gap [A2]', async () => {
    const { driver, peer } = await driving();
    peer.send(fix(3));
    peer.send(fix(2));
    const waits = await peer.ask({ type: 'open', stream: 'run' });
    expect(waits).toMatchObject({ accepted: 0, stored: 0 });
    peer.send(fix(1));
    expect(await storedTo(peer, 3)).toMatchObject({ accepted: 3, stored: 3 });
    expect((await stored(driver)).map((one) => one.timestamp)).toEqual([at(1), at(2), at(3)]);
    await peer.close();
  });

  it('are known after a new connection: opened says where to go on [A4]', async () => {
    const { driver, peer } = await driving();
    for (const seq of [1, 2, 3]) peer.send(fix(seq));
    await storedTo(peer, 3);
    await peer.close();
    const again = await dial(server, { token: await server.token('driver', driver) });
    expect(await again.ask({ type: 'open', stream: 'run' })).toMatchObject({ type: 'opened', accepted: 3, stored: 3 });
    expect(await again.ask({ type: 'open', stream: 'another' })).toMatchObject({
      type: 'opened',
      stream: 'another',
      accepted: 0,
      stored: 0,
    });
    await again.close();
  });

  it('are stored once however often they come, and acknowledged again [F9]', async () => {
    const { driver, peer } = await driving();
    for (const seq of [1, 2, 1, 1, 2]) peer.send(fix(seq));
    await storedTo(peer, 2);
    await peer.close();
    const again = await dial(server, { token: await server.token('driver', driver) });
    await again.ask({ type: 'open', stream: 'run' });
    for (const seq of [1, 2, 3]) again.send(fix(seq));
    expect((await storedTo(again, 3)).rejected ?? []).toEqual([]);
    expect(await stored(driver)).toHaveLength(3);
    await again.close();
  });

  it.each([
    ['place', { lat: 52.6 }],
    ['time', { timestamp: PAST }],
    ['speed', { speed: 3 }],
  ])('of another %s under a known number are refused, conflict, and the first wins [F9]', async (_what, other) => {
    const { driver, peer } = await driving();
    peer.send(fix(1));
    peer.send(fix(1, other));
    peer.send(fix(2));
    await storedTo(peer, 2);
    const [first] = await stored(driver);
    expect(first).toMatchObject({ speed: null, timestamp: at(1), lat: Number(north(1).lat.toFixed(7)) });
    expect(await stored(driver)).toHaveLength(2);
    // Numbers come back in order: what 3 brings along is all there is to say of 1.
    peer.send(fix(3));
    await storedTo(peer, 3);
    expect(peer.all('ack').flatMap((ack) => ack.rejected ?? [])).toEqual([expect.objectContaining({ seq: 1, code: 'conflict' })]);
    await peer.close();
  });

  it('of two streams do not mix [F9]', async () => {
    const { driver, peer } = await driving('one');
    peer.send(fix(1));
    await storedTo(peer, 1);
    await peer.ask({ type: 'open', stream: 'two' });
    peer.send({ ...fix(1), timestamp: at(100) });
    expect(await peer.next('ack', (ack) => ack.stream === 'two' && ack.stored === 1)).toMatchObject({ driver });
    expect(await stored(driver)).toHaveLength(2);
    await peer.close();
  });

  it('that are invalid are told at once by number, and settle it [A2]', async () => {
    const { driver, peer } = await driving();
    peer.send(fix(1));
    peer.send(fix(2, { lat: 91 }));
    peer.send(fix(3, { timestamp: '2024-02-30T00:00:00Z' }));
    peer.send(fix(4));
    expect(await peer.next('error')).toMatchObject({ code: 'invalid_fix', field: '/lat', seq: 2 });
    expect(await peer.next('error')).toMatchObject({ code: 'invalid_fix', field: '/timestamp', seq: 3 });
    await storedTo(peer, 4);
    const rejected = peer.all('ack').flatMap((ack) => ack.rejected ?? []);
    expect(rejected.map(({ seq, code }) => [seq, code])).toEqual([
      [2, 'invalid_fix'],
      [3, 'invalid_fix'],
    ]);
    expect((await stored(driver)).map((one) => one.timestamp)).toEqual([at(1), at(4)]);
    await peer.close();
  });

  it('too far ahead are refused, out_of_window, and settle nothing: later they are taken [A2]', async () => {
    const { peer } = await driving();
    peer.send(fix(4_097));
    expect(await peer.next('error')).toMatchObject({ code: 'out_of_window', seq: 4_097, retryAfter: expect.any(Number) });
    peer.send(fix(4_096));
    peer.send(fix(1));
    await storedTo(peer, 1);
    peer.send(fix(4_097));
    expect(await peer.ask({ type: 'open', stream: 'run' })).toMatchObject({ accepted: 1, stored: 1 });
    expect(peer.all('error')).toHaveLength(1);
    await peer.close();
  });

  it('below `base` count as settled [A3]', async () => {
    const { driver, peer } = await driving();
    peer.send(fix(1));
    await storedTo(peer, 1);
    peer.send({ ...fix(10), base: 10 });
    expect(await storedTo(peer, 10)).toMatchObject({ accepted: 10, stored: 10 });
    peer.send({ ...fix(9_000), base: 9_000 });
    await storedTo(peer, 9_000);
    expect(await stored(driver)).toHaveLength(3);
    await peer.close();
  });

  it('need an open stream', async () => {
    const peer = await dial(server, { token: await server.token('driver', unique('driver')) });
    peer.send(fix(1));
    expect(await peer.next('error')).toMatchObject({ code: 'stream_not_open', seq: 1 });
    await peer.close();
  });

  it('that cannot be are stored and told as suspect [F4 F5 F7]', async () => {
    const { driver, peer } = await driving();
    peer.send(fix(1));
    peer.send(fix(2, { lat: 48 }));
    peer.send(fix(3, { timestamp: Date.now() + 3_600_000 }));
    peer.send(fix(4));
    await storedTo(peer, 4);
    const suspect = peer.all('ack').flatMap((ack) => ack.suspect ?? []);
    expect(suspect).toEqual([
      { seq: 2, reason: 'teleport' },
      { seq: 3, reason: 'ahead' },
    ]);
    expect((await stored(driver)).map((one) => one.suspect)).toEqual([false, true, false, true]);
    await peer.close();
  });
});

describe.concurrent('a backlog', () => {
  it('of 200 fixes is acknowledged, and 201 are refused whole [L3]', async () => {
    const { driver, peer } = await driving();
    const fixes = Array.from({ length: 201 }, (_, i) => ({ seq: i + 1, lat: 1, lng: i / 1e4 }));
    peer.send({ type: 'fixes', fixes });
    expect(await peer.next('error')).toMatchObject({ code: 'bad_request', field: '/fixes' });
    expect(await peer.ask({ type: 'open', stream: 'run' })).toMatchObject({ accepted: 0 });
    peer.send({ type: 'fixes', fixes: fixes.slice(0, 200).map((one, i) => ({ ...one, timestamp: PAST + i * 1000 })) });
    expect(await storedTo(peer, 200)).toMatchObject({ accepted: 200, stored: 200 });
    expect((await staff.get(`/v1/drivers/${driver}`)).as(DriverView).location?.lng).toBe(199 / 1e4);
    await peer.close();
  });

  it('takes the good ones and settles the bad ones by number [A2]', async () => {
    const { driver, peer } = await driving();
    const one = (seq: number, more: object = {}) => ({ seq, ...north(seq), timestamp: at(seq), ...more });
    peer.send({ type: 'fixes', fixes: [one(1), one(2, { lng: 181 }), one(3), one(4, { unheard: 1 }), one(5)] });
    await storedTo(peer, 5);
    const rejected = peer.all('ack').flatMap((ack) => ack.rejected ?? []);
    expect(rejected.map(({ seq, code }) => [seq, code])).toEqual([
      [2, 'invalid_fix'],
      [4, 'invalid_fix'],
    ]);
    expect((await stored(driver)).map(({ timestamp }) => timestamp)).toEqual([at(1), at(3), at(5)]);
    await peer.close();
  });
});

describe('fixes without numbers', () => {
  it('are taken without an acknowledgement; a suspect one is warned of [F7]', async () => {
    const driver = unique('driver');
    const peer = await dial(server, { token: await server.token('driver', driver) });
    peer.send({ type: 'fix', ...CENTRE, timestamp: at(1) });
    peer.send({ type: 'fix', ...CENTRE, lat: 48, timestamp: at(2) });
    expect(await peer.next('warning')).toEqual({ type: 'warning', code: 'suspect_fix', driver, reason: 'teleport', timestamp: at(2) });
    peer.send({ type: 'fix', ...CENTRE, lat: 'north' });
    expect(await peer.next('error')).toMatchObject({ code: 'invalid_fix', field: '/lat' });
    await peer.ask({ type: 'open', stream: 's' });
    peer.send(fix(1, { timestamp: at(3) }));
    await storedTo(peer, 1);
    expect((await stored(driver)).map((one) => [one.timestamp, one.suspect])).toEqual([
      [at(1), false],
      [at(2), true],
      [at(3), false],
    ]);
    expect(peer.messages.map((message) => message.type).filter((type) => type === 'warning')).toHaveLength(1);
    await peer.close();
  });
});

describe('a service', () => {
  it('sends for many drivers on one socket, each with its own stream and watermarks [S2]', async () => {
    const drivers = [unique('driver'), unique('driver')];
    const peer = await dial(server, { token: await server.token('service', 'ship') });
    for (const driver of drivers)
      expect(await peer.ask({ type: 'open', stream: 'ship', driver })).toMatchObject({ type: 'opened', driver });
    for (const seq of [1, 2, 3]) for (const driver of drivers) peer.send({ ...fix(seq), driver });
    peer.send({ type: 'fixes', driver: drivers[0], fixes: [{ seq: 4, ...north(4), timestamp: at(4) }] });
    const acked = (driver: string | undefined, seq: number) => (ack: Of<'ack'>) => ack.driver === driver && ack.stored === seq;
    await until(
      () => peer.all('ack'),
      (acks) => acks.some(acked(drivers[0], 4)) && acks.some(acked(drivers[1], 3)),
    );
    expect(await stored(drivers[0] ?? '')).toHaveLength(4);
    expect(await stored(drivers[1] ?? '')).toHaveLength(3);
    await peer.close();
  });

  it('names the driver, or is told to', async () => {
    const peer = await dial(server, { token: await server.token('service', 'ship') });
    peer.send({ type: 'fix', ...CENTRE });
    expect(await peer.next('error')).toMatchObject({ code: 'bad_request', field: '/driver' });
    expect(await peer.ask({ type: 'open', stream: 's' })).toMatchObject({ type: 'error', code: 'bad_request', field: '/driver' });
    await peer.close();
  });
});
