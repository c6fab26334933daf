import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DriverView, FixReceipt, LocationList, NearbyList, TripView } from '../../packages/protocol/src/index.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { dial, type Peer, refused } from '../support/peer.ts';
import { CENTRE, north, PAST, ride, unique } from '../support/places.ts';
import { type Caller, caller } from '../support/rest.ts';
import type { TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

let cluster: Cluster;
let a: TestServer;
let b: TestServer;
let atA: Caller;
let atB: Caller;

beforeAll(async () => {
  cluster = await startCluster({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  [a, b] = cluster.servers as [TestServer, TestServer];
  const token = await a.token('service', 'ship');
  [atA, atB] = [caller(a, token), caller(b, token)];
  await cluster.settled();
});
afterAll(() => cluster.stop());

/** What got lost between processes is found after 5 s: what comes sooner was not lost, ms. */
const AT_ONCE = 3_000;
const at = (second: number) => new Date(PAST + second * 1000).toISOString();
const fix = (seq: number) => ({ type: 'fix', seq, ...north(seq), timestamp: at(seq) });
const driverOn = async (server: TestServer, driver: string) => dial(server, { token: await server.token('driver', driver) });
const watcherOn = async (server: TestServer) => dial(server, { token: await server.token('admin') });
const numbers = (peer: Peer, feed: string) =>
  peer.messages.flatMap((one) => ('epoch' in one && 'seq' in one && one.feed === feed && one.type !== 'snapshot' ? [one.seq] : []));

async function follow(peer: Peer, feed: string) {
  expect(await peer.ask({ type: 'subscribe', feed })).toMatchObject({ type: 'subscribed', resumed: false });
  return await peer.next('snapshot', (one) => one.feed === feed);
}

/** Who sends, who owns and who watches, by 0 and 1. */
const PLACES = [0, 1].flatMap((sends) => [0, 1].flatMap((owns) => [0, 1].map((watches) => ({ sends, owns, watches }))));
const server = (n: number): TestServer => (n === 0 ? a : b);

describe.concurrent('the native stream on two processes', () => {
  it.each(PLACES)(
    'goes from sender %o to watcher: snapshot, positions, events, watermarks [P1 P7 A1 A2]',
    async ({ sends, owns, watches }) => {
      const driver = await cluster.driverOf(server(owns), `way-${sends}${owns}${watches}`);
      const { id } = (await (watches === 0 ? atB : atA).post('/v1/trips', ride({ driverId: driver }))).as(TripView, 201);
      await until(
        async () => ((await atA.get(`/v1/drivers/${driver}`)).json() as { trips?: string[] }).trips,
        (trips) => trips?.includes(id) === true,
      );
      const watcher = await watcherOn(server(watches));
      expect(await follow(watcher, `trip:${id}`)).toMatchObject({ trip: { id, status: 'PENDING', driverId: driver } });
      const phone = await driverOn(server(sends), driver);
      expect(await phone.ask({ type: 'open', stream: 'run' })).toMatchObject({ accepted: 0, stored: 0 });
      for (let seq = 1; seq <= 20; seq++) phone.send(fix(seq));
      expect(await phone.next('ack', (ack) => ack.stored === 20)).toMatchObject({ driver, stream: 'run', accepted: 20 });
      await watcher.next('location', ({ timestamp }) => timestamp === at(20), AT_ONCE);
      expect(watcher.all('location').map(({ timestamp }) => timestamp)).toEqual(Array.from({ length: 20 }, (_, n) => at(n + 1)));
      expect(watcher.all('event').map(({ event }) => event.kind)).toEqual(['arrived']);
      expect((await atA.post(`/v1/trips/${id}/status`, { status: 'EN_ROUTE' })).status).toBe(200);
      expect(await watcher.next('event', ({ event }) => event.kind === 'status', AT_ONCE)).toMatchObject({ trip: { status: 'EN_ROUTE' } });
      const told = numbers(watcher, `trip:${id}`);
      expect(told).toEqual(told.map((_, n) => (told[0] ?? 0) + n));
      // Read at once, where it was not sent.
      const stored = await (sends === 0 ? atB : atA).get(`/v1/drivers/${driver}/locations`);
      expect(stored.as(LocationList).locations.map(({ timestamp }) => timestamp)).toHaveLength(20);
      await Promise.all([phone.close(), watcher.close()]);
    },
  );

  it('goes on at the other process from where it was cut: exactly what followed [P1 P7 O2]', async () => {
    const driver = await cluster.driverOf(a, 'cut');
    const feed = `driver:${driver}`;
    const first = await watcherOn(a);
    await follow(first, feed);
    const send = async (second: number) =>
      (await atB.post(`/v1/drivers/${driver}/locations`, { ...north(second), timestamp: at(second) })).as(FixReceipt);
    await send(1);
    const { epoch, seq } = await first.next('location', ({ timestamp }) => timestamp === at(1));
    first.socket.terminate();
    for (const second of [2, 3, 4]) await send(second);
    const second = await watcherOn(b);
    expect(await second.ask({ type: 'subscribe', feed, since: { epoch, seq } })).toMatchObject({ type: 'subscribed', resumed: true });
    await second.next('location', ({ timestamp }) => timestamp === at(4));
    await send(5);
    await second.next('location', ({ timestamp }) => timestamp === at(5));
    expect(second.all('snapshot')).toEqual([]);
    expect(numbers(second, feed)).toEqual([1, 2, 3, 4].map((n) => seq + n));
    await second.close();
  });

  it('opens a numbering at the other process where it stands; numbers sent again there are stored once [A4 F9 P1]', async () => {
    const driver = await cluster.driverOf(a, 'numbers');
    const first = await driverOn(a, driver);
    await first.ask({ type: 'open', stream: 'run' });
    for (const seq of [1, 2, 3]) first.send(fix(seq));
    await first.next('ack', ({ stored }) => stored === 3);
    await first.close();
    const second = await driverOn(b, driver);
    expect(await second.ask({ type: 'open', stream: 'run' })).toMatchObject({ type: 'opened', accepted: 3, stored: 3 });
    for (const seq of [2, 3, 4]) second.send(fix(seq));
    await second.next('ack', ({ stored }) => stored === 4);
    expect((await atA.get(`/v1/drivers/${driver}/locations`)).as(LocationList).locations).toHaveLength(4);
    await second.close();
  });

  it('has heartbeats that say the same at both [O4 P7]', async () => {
    const driver = await cluster.driverOf(b, 'beat');
    const feed = `driver:${driver}`;
    const both = [await watcherOn(a), await watcherOn(b)];
    for (const peer of both) await follow(peer, feed);
    await atA.post(`/v1/drivers/${driver}/locations`, CENTRE);
    for (const peer of both) await peer.next('location');
    const beats = await Promise.all(
      both.map((peer) => peer.next('heartbeat', ({ feeds }) => feeds.some((one) => one.feed === feed), 20_000)),
    );
    expect(beats[0]?.feeds).toEqual(beats[1]?.feeds);
    expect(beats[0]?.feeds[0]?.seq).toBe(both[0]?.all('location')[0]?.seq);
    for (const peer of both) await peer.close();
  });
});

describe.concurrent('REST on two processes', () => {
  it('answers counts for a driver whom the other process owns, and all is read at once on both [A5 P1]', async () => {
    for (const [owner, here, there] of [
      [a, atB, atA],
      [b, atA, atB],
    ] as const) {
      const driver = await cluster.driverOf(owner, 'batch');
      const fixes = [1, 2, 3, 2].map((second) => ({ ...north(second), timestamp: at(second) }));
      const receipt = (await here.post(`/v1/drivers/${driver}/locations`, { fixes: [...fixes, { lat: 99, lng: 1 }] })).as(FixReceipt);
      expect(receipt).toMatchObject({ accepted: 4, stored: 3, duplicates: 1, rejected: [{ index: 4, code: 'invalid_fix' }] });
      for (const one of [here, there]) {
        expect((await one.get(`/v1/drivers/${driver}/locations`)).as(LocationList).locations).toHaveLength(3);
        expect((await one.get(`/v1/drivers/${driver}`)).as(DriverView)).toMatchObject({ id: driver, location: { timestamp: at(3) } });
      }
    }
  });

  it('shows at once, everywhere, what was answered: a trip, its status, who has it, a profile, availability [P1 A5]', async () => {
    for (const owner of [a, b]) {
      const driver = await cluster.driverOf(owner, 'own');
      const other = await cluster.driverOf(owner === a ? b : a, 'other');
      const { id } = (await atA.post('/v1/trips', ride({ driverId: driver }))).as(TripView, 201);
      expect((await atB.get(`/v1/trips/${id}`)).as(TripView)).toMatchObject({ status: 'PENDING', driverId: driver });
      expect((await atB.post(`/v1/trips/${id}/status`, { status: 'EN_ROUTE' })).as(TripView).status).toBe('EN_ROUTE');
      expect((await atA.get(`/v1/trips/${id}`)).as(TripView).status).toBe('EN_ROUTE');
      expect((await atA.post(`/v1/trips/${id}/status`, { status: 'EN_ROUTE' })).as(TripView).status).toBe('EN_ROUTE');
      expect((await atB.patch(`/v1/trips/${id}`, { driverId: other })).as(TripView).driverId).toBe(other);
      expect((await atA.get(`/v1/trips/${id}`)).as(TripView)).toMatchObject({ driverId: other, status: 'EN_ROUTE' });
      expect((await atA.post(`/v1/trips/${id}/status`, { status: 'ARRIVED' })).as(TripView).driverId).toBe(other);
      expect((await atB.get(`/v1/trips/${id}`)).as(TripView).status).toBe('ARRIVED');
      await atA.put(`/v1/drivers/${driver}`, { name: 'Ida', vehicle: 'Van', plate: 'B-X 1' });
      await atB.put(`/v1/drivers/${driver}/availability`, { available: false });
      for (const one of [atA, atB])
        expect((await one.get(`/v1/drivers/${driver}`)).as(DriverView)).toMatchObject({ name: 'Ida', status: 'BUSY' });
    }
  });

  it('makes one trip of two requests at once for one id, wherever they come [T4 P1]', async () => {
    for (let n = 0; n < 5; n++) {
      const id = unique('same');
      const bodies = [ride({ id, driverId: unique('car') }), ride({ id, driverId: unique('car') })];
      const answers = await Promise.all([atA.post('/v1/trips', bodies[0]), atB.post('/v1/trips', bodies[1])]);
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    }
  });
});

describe.concurrent('one fleet at both processes', () => {
  it('is found by nearby alike, and nothing else is [N1 N2 P1]', async () => {
    const place = { lat: -30, lng: 140 };
    const drivers = await Promise.all(Array.from({ length: 12 }, (_, n) => cluster.driverOf(n % 2 === 0 ? a : b, 'near')));
    for (const [n, driver] of drivers.entries())
      await (n % 3 === 0 ? atA : atB).post(`/v1/drivers/${driver}/locations`, { lat: place.lat + n / 10_000, lng: place.lng });
    const found = async (by: Caller) =>
      (await by.get(`/v1/drivers/nearby?lat=${place.lat}&lng=${place.lng}&limit=10`)).as(NearbyList).drivers.map(({ id }) => id);
    for (const by of [atA, atB])
      await until(
        () => found(by),
        (seen) => JSON.stringify(seen) === JSON.stringify(drivers.slice(0, 10)),
        5_000,
      );
    await atA.put(`/v1/drivers/${drivers[0]}/availability`, { available: false });
    for (const by of [atA, atB])
      await until(
        () => found(by),
        (seen) => seen[0] === drivers[1] && seen.length === 10,
        5_000,
      );
  });

  it('has tickets that are good once, at whichever process [S8 P1]', async () => {
    const boss = caller(a, await a.token('admin'));
    for (const [first, second] of [
      [b, a],
      [a, b],
      [b, b],
    ] as const) {
      const { ticket } = (await boss.post('/v1/tickets')).json() as { ticket: string };
      const peer = await dial(first, { query: `?ticket=${ticket}` });
      await peer.next('welcome');
      expect((await refused(second, {}, `?ticket=${ticket}`)).status).toBe(401);
      await peer.close();
    }
  });

  it('tells both when the last socket is counted: connections of a driver over all processes [L4 P8]', async () => {
    const driver = unique('limited');
    const peers = [await driverOn(a, driver), await driverOn(b, driver), await driverOn(a, driver)];
    const authorization = `Bearer ${await a.token('driver', driver)}`;
    for (const one of [a, b]) expect((await refused(one, { authorization })).status).toBe(429);
    await peers[0]?.close();
    const again = await until(
      async () => driverOn(b, driver).catch(() => undefined),
      (seen) => seen !== undefined,
    );
    await Promise.all([...peers.slice(1), again].map((peer) => peer?.close()));
  });
});
