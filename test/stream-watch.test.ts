import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServerMessage, TripView } from '../packages/protocol/src/index.ts';
import { haversine } from './oracle/haversine.ts';
import { dial, type Of, type Peer } from './support/peer.ts';
import { CENTRE, delivery, north, PAST, ride, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer, tempDir } from './support/server.ts';
import { until } from './support/until.ts';

let server: TestServer;
let staff: Caller;

beforeAll(async () => {
  server = await startServer({ env: { LOCATION_UPDATE_RATE_LIMIT: '0', REST_RATE_LIMIT_PER_MINUTE: '1000000' } });
  staff = caller(server, await server.token('service', 'ship'));
});

afterAll(() => server.stop());

const watcher = async (): Promise<Peer> => dial(server, { token: await server.token('admin', 'car-a') });
const create = async (input: object): Promise<string> => (await staff.post('/v1/trips', input)).as(TripView, 201).id;
const at = (second: number) => new Date(PAST + second * 1000).toISOString();
const report = async (driver: string, body: object) => expect((await staff.post(`/v1/drivers/${driver}/locations`, body)).status).toBe(200);
const status = async (id: string, to: string) => expect((await staff.post(`/v1/trips/${id}/status`, { status: to })).status).toBe(200);

type Numbered = Extract<ServerMessage, { epoch: string; seq: number }>;
const isNumbered = (message: ServerMessage): message is Numbered => 'epoch' in message && 'seq' in message;
const numbered = (peer: Peer, feed: string): Numbered[] => peer.messages.filter(isNumbered).filter((message) => message.feed === feed);

/** Follows a feed; the answer, and the snapshot when there is one. */
async function follow(
  peer: Peer,
  feed: string,
  since?: { epoch: string; seq: number },
): Promise<{ resumed: boolean; snapshot: Of<'snapshot'> }> {
  const answer = await peer.ask({ type: 'subscribe', feed, ...(since && { since }) });
  if (answer.type !== 'subscribed') throw new Error(`no subscription: ${JSON.stringify(answer)}`);
  return {
    resumed: answer.resumed,
    snapshot: answer.resumed ? ({} as Of<'snapshot'>) : await peer.next('snapshot', (one) => one.feed === feed),
  };
}

describe('a trip', () => {
  it('is told as it stands, then as it goes on: positions, status, stops, seq +1 each [O1 O2]', async () => {
    const driver = unique('driver');
    const id = await create(ride({ driverId: driver, driverName: 'Drew' }));
    await report(driver, { ...north(-2_000), timestamp: at(0) });
    const peer = await watcher();
    const { resumed, snapshot } = await follow(peer, `trip:${id}`);
    expect(resumed).toBe(false);
    expect(snapshot).toMatchObject({ trip: { id, status: 'PENDING', driverId: driver }, location: { timestamp: at(0) } });
    expect(snapshot.driver).toMatchObject({ id: driver, status: 'ONLINE' });
    expect(snapshot.etas.map((eta) => eta.stopId)).toEqual(['from', 'to']);

    await status(id, 'EN_ROUTE');
    await report(driver, { ...north(-400), timestamp: at(60) });
    await report(driver, { ...north(-40), timestamp: at(120) });
    await peer.next('event', (message) => message.event.kind === 'arrived');
    await status(id, 'CANCELLED');
    await peer.next('event', (message) => message.event.kind === 'status' && message.event.status === 'CANCELLED');

    const told = numbered(peer, `trip:${id}`).slice(1);
    expect(told.map((message) => message.seq)).toEqual(told.map((_, i) => snapshot.seq + 1 + i));
    expect(new Set(told.map((message) => message.epoch))).toEqual(new Set([snapshot.epoch]));
    const kinds = told.map((message) =>
      message.type === 'event' ? ('status' in message.event ? message.event.status : message.event.kind) : message.type,
    );
    expect(kinds.filter((kind) => kind !== 'location')).toEqual(
      ['EN_ROUTE', 'approaching', 'arrived', 'departed', 'CANCELLED'].toSorted(byTold(kinds)),
    );
    expect(kinds.filter((kind) => kind === 'location')).toHaveLength(2);
    const moves = told.filter((message) => message.type === 'location');
    expect(moves.map((message) => message.timestamp)).toEqual([at(60), at(120)]);
    expect(moves[0]).toMatchObject({ driver, lat: Number(north(-400).lat.toFixed(7)) });
    await peer.close();
  });

  it('is not told late or suspect fixes [O5]', async () => {
    const driver = unique('driver');
    const id = await create(ride({ driverId: driver }));
    await report(driver, { ...north(-2_000), timestamp: at(100) });
    const peer = await watcher();
    await follow(peer, `trip:${id}`);
    await report(driver, { ...north(-2_100), timestamp: at(50) });
    await report(driver, { lat: 10, lng: 10, timestamp: at(101) });
    await report(driver, { ...north(-1_900), timestamp: Date.now() + 3_600_000 });
    await report(driver, { ...north(-1_950), timestamp: at(110) });
    expect((await peer.next('location')).timestamp).toBe(at(110));
    expect(peer.all('location')).toHaveLength(1);
    await peer.close();
  });

  it('is told only the newest position of a backlog, and every event [O6]', async () => {
    const driver = unique('driver');
    const id = await create(ride({ driverId: driver }));
    const peer = await watcher();
    await follow(peer, `trip:${id}`);
    const fixes = [-2_000, -1_000, -400, -50, -1_000, -2_000].map((metres, i) => ({ ...north(metres), timestamp: at(i * 60) }));
    await report(driver, { fixes });
    await report(driver, { ...north(-2_500), timestamp: at(600) });
    await peer.next('location', (message) => message.timestamp === at(600));
    expect(peer.all('location').map((message) => message.timestamp)).toEqual([at(300), at(600)]);
    expect(peer.all('event').map((message) => message.event.kind)).toEqual(['approaching', 'arrived', 'departed']);
    await peer.close();
  });

  it('that nobody drives yet goes on from its snapshot when it is given away [O1]', async () => {
    const id = await create(ride({ driverId: null }));
    const peer = await watcher();
    const { snapshot } = await follow(peer, `trip:${id}`);
    expect(snapshot).toMatchObject({ driver: null, location: null, etas: [] });
    const driver = unique('driver');
    expect((await staff.patch(`/v1/trips/${id}`, { driverId: driver })).status).toBe(200);
    expect(await peer.next('event')).toMatchObject({
      event: { kind: 'assignment', driverId: driver, previous: null },
      trip: { driverId: driver },
    });
    await report(driver, CENTRE);
    await peer.next('location');
    expectUnbroken(numbered(peer, `trip:${id}`));
    await peer.close();
  });

  it.each([
    ['changed', (id: string) => staff.patch(`/v1/trips/${id}`, { labels: ['new'] })],
    ['status', (id: string) => staff.post(`/v1/trips/${id}/status`, { status: 'CANCELLED' })],
  ] as const)('that nobody drives tells its watchers of %s too [O1]', async (kind, change) => {
    const id = await create(ride({ driverId: null }));
    const peer = await watcher();
    await follow(peer, `trip:${id}`);
    expect((await change(id)).status).toBe(200);
    expect((await peer.next('event', undefined, 2_000)).event).toMatchObject({ kind, tripId: id });
    expectUnbroken(numbered(peer, `trip:${id}`));
    await peer.close();
  });

  it('taken from its driver tells who watches it, and what happens to it then [T7 O1]', async () => {
    const id = await create(ride({ driverId: unique('driver') }));
    const peer = await watcher();
    await follow(peer, `trip:${id}`);
    expect((await staff.patch(`/v1/trips/${id}`, { driverId: null })).status).toBe(200);
    expect((await peer.next('event', undefined, 2_000)).event).toMatchObject({ kind: 'assignment', driverId: null });
    const driver = unique('driver');
    expect((await staff.patch(`/v1/trips/${id}`, { driverId: driver })).status).toBe(200);
    expect((await peer.next('event', undefined, 2_000)).event).toMatchObject({ kind: 'assignment', driverId: driver });
    await report(driver, CENTRE);
    await peer.next('location');
    expectUnbroken(numbered(peer, `trip:${id}`));
    await peer.close();
  });

  it('goes on at the next driver for who watches it [T7 O1]', async () => {
    const [first, second] = [unique('driver'), unique('driver')];
    const id = await create(ride({ driverId: first }));
    await report(first, { ...north(-2_000), timestamp: at(0) });
    const peer = await watcher();
    await follow(peer, `trip:${id}`);
    expect((await staff.patch(`/v1/trips/${id}`, { driverId: second })).status).toBe(200);
    await peer.next('event', (message) => message.event.kind === 'assignment');
    await report(first, { ...north(-1_900), timestamp: at(10) });
    await report(second, { ...north(-1_500), timestamp: at(20) });
    expect(await peer.next('location')).toMatchObject({ driver: second, timestamp: at(20) });
    expectUnbroken(numbered(peer, `trip:${id}`));
    await peer.close();
  });
});

const byTold = (kinds: (string | undefined)[]) => (a: string, b: string) => kinds.indexOf(a) - kinds.indexOf(b);

/** seq goes up by one, or a new epoch begins at 1: nothing else is promised, nothing else may come [O1 O3]. */
function expectUnbroken(messages: readonly Numbered[]): void {
  for (const [i, message] of messages.entries()) {
    const before = messages[i - 1];
    if (before === undefined || message.type === 'snapshot') continue;
    expect(message.seq, `${JSON.stringify(before)} then ${JSON.stringify(message)}`).toBe(
      message.epoch === before.epoch ? before.seq + 1 : 1,
    );
  }
}

describe('a feed that is taken up again', () => {
  /** A trip with ten positions behind it, and what a watcher saw of them. */
  async function watched(): Promise<{ id: string; driver: string; feed: string; told: Numbered[]; epoch: string }> {
    const driver = unique('driver');
    const id = await create(ride({ driverId: driver }));
    const feed = `trip:${id}`;
    const peer = await watcher();
    const { snapshot } = await follow(peer, feed);
    for (let i = 0; i < 10; i++) await report(driver, { ...north(-3_000 + i), timestamp: at(i) });
    await peer.next('location', (message) => message.timestamp === at(9));
    await peer.close();
    return { id, driver, feed, told: numbered(peer, feed), epoch: snapshot.epoch };
  }

  it('is not taken back by a process that knows less of it, and does not lead others astray [O2]', async () => {
    const { driver, feed, told, epoch } = await watched();
    const seq = (told.at(-1)?.seq ?? 0) + 1;
    const [ahead, other] = [await watcher(), await watcher()];
    expect(await follow(ahead, feed, { epoch, seq })).toMatchObject({ resumed: true });
    expect(await follow(other, feed)).toMatchObject({ resumed: false });
    await report(driver, { ...north(-2_990), timestamp: at(10) });
    await report(driver, { ...north(-2_980), timestamp: at(11) });
    await ahead.next('location', ({ timestamp }) => timestamp === at(11));
    await other.next('location', ({ timestamp }) => timestamp === at(11));
    expect(numbered(ahead, feed).map((one) => one.seq)).toEqual([seq + 1]);
    expect(other.all('location').map((one) => one.seq)).toEqual([seq, seq + 1]);
    const nonsense = await watcher();
    expect(await follow(nonsense, feed, { epoch, seq: seq + 1_000 })).toMatchObject({ resumed: false });
  });

  it('gets exactly the gap since what it had [O2]', async () => {
    const { feed, told, epoch } = await watched();
    for (const missing of [10, 4, 1, 0]) {
      const since = told.at(-1 - missing) as Numbered;
      const peer = await watcher();
      expect(await follow(peer, feed, { epoch, seq: since.seq })).toMatchObject({ resumed: true });
      const marker = await peer.ask({ type: 'subscribe', feed: `driver:${unique('nobody')}` });
      expect(marker.type).toBe('subscribed');
      expect(numbered(peer, feed)).toEqual(missing === 0 ? [] : told.slice(-missing));
      expect(peer.all('snapshot').filter((message) => message.feed === feed)).toEqual([]);
      await peer.close();
    }
  });

  it.each([
    ['an epoch nobody knows', (epoch: string, seq: number) => ({ epoch: `${epoch[0] === 'x' ? 'y' : 'x'}${epoch.slice(1)}`, seq })],
    ['a number from the future', (epoch: string, seq: number) => ({ epoch, seq: seq + 1_000 })],
  ])('gets a snapshot for %s [O2]', async (_what, since) => {
    const { feed, told, epoch } = await watched();
    const last = told.at(-1)?.seq ?? 0;
    const peer = await watcher();
    const { resumed, snapshot } = await follow(peer, feed, since(epoch, last));
    expect(resumed).toBe(false);
    expect(snapshot).toMatchObject({ feed, epoch, seq: last });
    await peer.close();
  });

  it('gets a snapshot when more than 300 messages are missing, the gap of 300 otherwise [O2]', async () => {
    const driver = unique('driver');
    const feed = `driver:${driver}`;
    const first = await watcher();
    const { snapshot } = await follow(first, feed);
    const sender = await dial(server, { token: await server.token('driver', driver) });
    for (let i = 1; i <= 320; i++) sender.send({ type: 'fix', ...north(i), timestamp: at(i) });
    const last = await first.next('location', (message) => message.timestamp === at(320));
    expectUnbroken(numbered(first, feed));
    expect(snapshot.driver).toBeNull();

    const peer = await watcher();
    expect((await follow(peer, feed, { epoch: last.epoch, seq: last.seq - 300 })).resumed).toBe(true);
    await peer.next('location', (message) => message.timestamp === at(320));
    expect(numbered(peer, feed)).toHaveLength(300);
    const late = await watcher();
    expect((await follow(late, feed, { epoch: last.epoch, seq: last.seq - 301 })).resumed).toBe(false);
    for (const one of [first, sender, peer, late]) await one.close();
  });

  it('misses nothing of a trip that had no driver, was given one and lost it again [O2]', async () => {
    const id = await create(ride({ driverId: null }));
    const first = await watcher();
    const { snapshot } = await follow(first, `trip:${id}`);
    await first.close();
    const driver = unique('driver');
    for (const change of [{ driverId: driver }, { driverId: null }, { labels: ['changed'] }])
      expect((await staff.patch(`/v1/trips/${id}`, change)).status).toBe(200);
    const again = await watcher();
    const { resumed, snapshot: now } = await follow(again, `trip:${id}`, { epoch: snapshot.epoch, seq: snapshot.seq });
    if (resumed) await again.next('event', (message) => message.event.kind === 'changed');
    else expect(now).toMatchObject({ trip: { driverId: null, labels: ['changed'] } });
    await again.close();
  });

  it('has a new epoch after a restart, and says so by a snapshot [O1]', async () => {
    const dataDir = tempDir();
    const before = await startServer({ dataDir });
    const token = await before.token('service', 'ship');
    const driver = unique('driver');
    await caller(before, token).post(`/v1/drivers/${driver}/locations`, { ...CENTRE, timestamp: at(0) });
    const first = await dial(before, { token });
    const { snapshot } = await follow(first, `driver:${driver}`);
    await before.stop();
    expect((await first.closed).code).toBe(1012);
    const after = await startServer({ dataDir, port: before.port });
    const again = await dial(after, { token });
    const resumed = await follow(again, `driver:${driver}`, { epoch: snapshot.epoch, seq: snapshot.seq });
    expect(resumed.resumed).toBe(false);
    expect(resumed.snapshot.epoch).not.toBe(snapshot.epoch);
    expect(resumed.snapshot).toMatchObject({ driver: { id: driver }, location: { ...CENTRE, timestamp: at(0) } });
    await caller(after, token).post(`/v1/drivers/${driver}/locations`, { ...CENTRE, timestamp: at(1) });
    await again.next('location');
    expectUnbroken(numbered(again, `driver:${driver}`));
    await after.stop();
    rmSync(dataDir, { recursive: true });
  });
});

describe('arrival times', () => {
  const places = [north(2_000), north(5_000)] as const;
  const legs = (from: { lat: number; lng: number }) => [haversine(from, places[0]), haversine(from, places[0]) + haversine(...places)];
  const stops = places.map((place, i) => ({ id: `s${i}`, type: 'waypoint', ...place }));

  it.each([
    ['ride', 36, (m: number) => Math.trunc(Math.trunc(m / 10) * 1.2)],
    ['ride', 0, (m: number) => Math.trunc(Math.trunc(m / (40 / 3.6)) * 1.2)],
    ['ride', null, (m: number) => Math.trunc(Math.trunc(m / (40 / 3.6)) * 1.2)],
    ['delivery', 90, (m: number) => Math.max(60, Math.trunc(m / (30 / 3.6)))],
  ] as const)('of a %s at %s km/h, to the next stop and those after it [E1 E2 E3]', async (kind, speed, seconds) => {
    const driver = unique('driver');
    const id = await create({ ...(kind === 'ride' ? ride : delivery)({ driverId: driver }), stops });
    const peer = await watcher();
    await follow(peer, `trip:${id}`);
    const before = Date.now();
    await report(driver, { ...CENTRE, speed });
    const { etas } = await peer.next('location');
    const distances = legs(CENTRE);
    expect(etas?.map((eta) => [eta.stopId, eta.seconds])).toEqual(distances.map((metres, i) => [`s${i}`, seconds(metres)]));
    for (const [i, eta] of (etas ?? []).entries()) {
      expect(eta.distance).toBeCloseTo(distances[i] ?? 0, 0);
      expect(Date.parse(eta.at)).toBeGreaterThanOrEqual(before + eta.seconds * 1000);
      expect(Date.parse(eta.at)).toBeLessThanOrEqual(Date.now() + eta.seconds * 1000);
    }
    await peer.close();
  });

  it('is at least a minute for a delivery, and leaves out who has arrived and who does not count [E2 E3 G7]', async () => {
    const driver = unique('driver');
    const near = [
      { id: 'here', type: 'waypoint', ...CENTRE },
      { id: 'off', type: 'pickup', ...north(300), bookingId: 'b', bookingStatus: 'cancelled' },
      { id: 'next', type: 'waypoint', ...north(200) },
    ];
    const id = await create({ ...delivery({ driverId: driver }), stops: near });
    const peer = await watcher();
    await follow(peer, `trip:${id}`);
    await report(driver, { ...CENTRE, speed: 100 });
    const { etas } = await peer.next('location');
    expect(etas?.map((eta) => [eta.stopId, eta.seconds])).toEqual([['next', 60]]);
    await peer.close();
  });
});

describe('drivers and the fleet', () => {
  it('are told when somebody comes [D3]', async () => {
    const driver = unique('driver');
    const peer = await watcher();
    expect((await follow(peer, `driver:${driver}`)).snapshot).toMatchObject({ driver: null, location: null, etas: [] });
    await report(driver, CENTRE);
    expect((await peer.next('event')).event).toMatchObject({ kind: 'online', driverId: driver });
    expect(await peer.next('location')).toMatchObject({ driver, ...CENTRE });
    expectUnbroken(numbered(peer, `driver:${driver}`));
    await peer.close();
  });

  it('fleet tells everybody first, then who moved, and what happens to trips [S5]', async () => {
    const driver = unique('driver');
    await report(driver, { ...CENTRE, speed: 7, timestamp: at(0) });
    const peer = await watcher();
    expect(await peer.ask({ type: 'subscribe', feed: 'fleet' })).toMatchObject({ type: 'subscribed', feed: 'fleet' });
    await peer.next('positions', (message) => message.full);
    const shown = () => peer.all('positions').flatMap(({ positions }) => positions.filter((one) => one.driver === driver));
    expect((await until(shown, (rows) => rows.length > 0))[0]).toMatchObject({ ...CENTRE, speed: 7, status: 'ONLINE', trips: [] });
    const id = await create(ride({ driverId: driver }));
    await peer.next('fleet-event', (message) => message.trip?.id === id);
    await report(driver, { ...north(10), timestamp: at(1) });
    const moved = await peer.next(
      'positions',
      (message) => !message.full && message.positions.some((one) => one.driver === driver && one.timestamp === at(1)),
    );
    expect(moved.positions.filter((one) => one.driver === driver)).toEqual([expect.objectContaining({ trips: [id], timestamp: at(1) })]);
    await peer.close();
  });

  it('are left by unsubscribe: nothing more comes of that feed', async () => {
    const [left, kept] = [unique('driver'), unique('driver')];
    const peer = await watcher();
    await follow(peer, `driver:${left}`);
    await follow(peer, `driver:${kept}`);
    expect(await peer.ask({ type: 'unsubscribe', feed: `driver:${left}` })).toMatchObject({ type: 'unsubscribed', feed: `driver:${left}` });
    await report(left, CENTRE);
    await report(kept, CENTRE);
    await peer.next('location', (message) => message.driver === kept);
    expect(peer.all('location').map((message) => message.driver)).toEqual([kept]);
    expect(await peer.ask({ type: 'unsubscribe', feed: `driver:${left}` }), 'twice is safe').toMatchObject({ type: 'unsubscribed' });
    await peer.close();
  });
});
