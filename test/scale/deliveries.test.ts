import type { Static } from 'typebox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeliverySession, Progress, TrackingStats } from '../../packages/server/src/dialects/delivery/messages.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { callerAs, dialTracking, tokenOf } from '../support/delivery.ts';
import { connect, type FleetClient, refusal } from '../support/fleet-client.ts';
import { fleetScene, place } from '../support/fleet-scene.ts';
import { CENTRE, north, unique } from '../support/places.ts';
import { type Caller, caller } from '../support/rest.ts';
import type { TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

let cluster: Cluster;
let a: TestServer;
let b: TestServer;

beforeAll(async () => {
  cluster = await startCluster({
    env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0', MAX_CONNECTIONS_PER_DRIVER: '3' },
  });
  [a, b] = cluster.servers as [TestServer, TestServer];
  await cluster.settled();
});
afterAll(() => cluster.stop());

/** What got lost between processes is found after 5 s: what comes sooner was not lost, ms. */
const AT_ONCE = 3_000;
const stats = async (by: Caller): Promise<TrackingStats> => (await by.get('/stats/tracking')).as(TrackingStats);

describe('a delivery on two processes', () => {
  it('is started on A, moved on B, watched and counted on both [P1 Y1 Y7 Y11 Y14]', async () => {
    const bosses = [callerAs(a, 'admin'), callerAs(b, 'admin')];
    const before = await Promise.all(bosses.map(stats));
    const sessions: { session: Static<typeof DeliverySession>; here: Caller; there: Caller }[] = [];
    for (const owner of [a, b]) {
      const riderId = await cluster.driverOf(owner, 'rider');
      const [here, there] = [callerAs(a, 'rider', riderId), callerAs(b, 'rider', riderId)];
      const body = { order_id: unique('order'), rider_id: riderId, dropoff_lat: CENTRE.lat, dropoff_lng: CENTRE.lng };
      const session = (await here.post('/tracking/start', body)).as(DeliverySession);
      expect((await there.post('/tracking/start', body)).as(DeliverySession), 'the order has its session').toEqual(session);
      sessions.push({ session, here, there });
    }
    for (const { session, here, there } of sessions) {
      const id = session.tracking_id;
      expect((await there.get(`/tracking/${id}`)).json()).toMatchObject({ order_id: session.order_id, status: 'ASSIGNED' });
      const watchers = [await dialTracking(a, id), await dialTracking(b, id, tokenOf('customer'))];
      for (const watcher of watchers) await watcher.next('initial_state');
      (await there.post(`/tracking/update/${id}`, { ...north(1_000), status: 'PICKED_UP' })).as(Progress);
      for (const watcher of watchers) expect((await watcher.next('status_change')).data).toMatchObject({ status: 'PICKED_UP' });
      const rider = await dialTracking(b, id, tokenOf('rider', session.rider_id ?? ''));
      await rider.next('initial_state');
      rider.send({ type: 'location_update', location: { ...north(800), status: 'IN_TRANSIT' } });
      for (const watcher of watchers) expect((await watcher.next('status_change')).data).toMatchObject({ status: 'IN_TRANSIT' });
      const read = (await here.get(`/tracking/${id}`)).json();
      expect(read).toMatchObject({ status: 'IN_TRANSIT', current_location: { lat: expect.closeTo(north(800).lat, 6) } });
      for (const watcher of watchers) {
        const shown = watcher.all('location_update').map(({ data }) => data.status);
        expect(shown.at(-1)).toBe('IN_TRANSIT');
      }
      for (const boss of bosses)
        await until(
          () => stats(boss),
          (seen) => seen.total_websocket_connections === 3,
        );
      await Promise.all([...watchers, rider].map((peer) => peer.close()));
    }
    for (const [n, boss] of bosses.entries())
      await until(
        () => stats(boss),
        (seen) =>
          seen.total_active_sessions === (before[n]?.total_active_sessions ?? 0) + 2 &&
          seen.status_distribution.IN_TRANSIT === (before[n]?.status_distribution.IN_TRANSIT ?? 0) + 2 &&
          seen.total_websocket_connections === 0,
        5_000,
      );
  });

  it('has one session for an order that is started on both at once [P1 Y5 T11]', async () => {
    for (let n = 0; n < 5; n++) {
      const riderId = await cluster.driverOf(n % 2 === 0 ? a : b, 'rider');
      const body = { order_id: unique('order'), rider_id: riderId, dropoff_lat: CENTRE.lat, dropoff_lng: CENTRE.lng };
      const answers = await Promise.all(
        [0, 1, 2, 3].map((k) => callerAs(k % 2 === 0 ? a : b, 'rider', riderId).post('/tracking/start', body)),
      );
      expect(new Set(answers.map((answer) => answer.as(DeliverySession).tracking_id)).size).toBe(1);
    }
  });
});

describe('Socket.IO on two processes', () => {
  const subscribe = async (watcher: FleetClient, driverId: string, tripId: string) =>
    expect(await watcher.ask('rider:subscribe', { driverId, tripId })).toMatchObject({ ok: true });

  it.each([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ])('the driver on A, the rider on B, who are owned by %i and told by %i [P1 K5 K6 K9]', async (owns, turned) => {
    const [sends, watches] = turned === 0 ? [a, b] : [b, a];
    const driverId = await cluster.driverOf(owns === 0 ? a : b, 'car');
    const party = unique('party');
    const scene = await fleetScene(a);
    const tripId = await scene.trip(driverId, party);
    const car = await connect(sends.url, await sends.token('driver', driverId), { transport: 'websocket' });
    const rider = await connect(watches.url, await watches.token('passenger', party), { transport: 'polling' });
    await subscribe(rider, driverId, tripId);
    expect(await rider.next('trip:update')).toMatchObject({ tripId, status: 'PENDING' });
    const first = await car.ask('driver:location', place(-1_000, { speed: 36 }));
    expect(first).toMatchObject({ ok: true, stored: true });
    await rider.next('driver:location', ({ speed }) => speed === 36, AT_ONCE);
    await scene.move(tripId, 'EN_ROUTE');
    expect(await rider.next('trip:update', ({ status }) => status === 'EN_ROUTE')).toMatchObject({ eta: expect.any(String) });
    const second = await car.ask('driver:location', place(-900, { speed: 37 }));
    expect((second as { seq: number }).seq).toBeGreaterThan((first as { seq: number }).seq);
    await rider.next('driver:location', ({ speed }) => speed === 37, AT_ONCE);
    expect(rider.all('driver:location')).toHaveLength(2);
    expect([...rider.all('error'), ...car.all('error')]).toEqual([]);
  });

  it('polls through nginx: each client comes to one process every time, and they meet [P1 K1]', async () => {
    const { url } = cluster.entry;
    const scene = await fleetScene(cluster.entry);
    const [driverId, party] = [unique('car'), unique('party')];
    const tripId = await scene.trip(driverId, party);
    const car = await connect(url, await a.token('driver', driverId), { transport: 'polling' });
    const riders = await Promise.all(
      Array.from({ length: 8 }, async () => connect(url, await a.token('passenger', party), { transport: 'upgrade', apart: true })),
    );
    const connections = (server: TestServer) =>
      fetch(`${server.url}/health`).then((answer) => answer.json() as Promise<{ connections: number }>);
    for (const server of [a, b]) expect((await connections(server)).connections, 'both have some').toBeGreaterThan(0);
    for (const rider of riders) await subscribe(rider, driverId, tripId);
    for (let n = 0; n < 20; n++) await car.ask('driver:location', place(-1_000 + n * 10, { speed: n }));
    for (const rider of riders) {
      await rider.next('driver:location', ({ speed }) => speed === 19);
      expect(rider.all('driver:location').map(({ speed }) => speed)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    }
  });

  it('counts the sockets of a driver over both [P8 L4 K2]', async () => {
    const driverId = unique('counted');
    const token = await a.token('driver', driverId);
    const peers = [await connect(a.url, token), await connect(b.url, token, { transport: 'polling' }), await connect(b.url, token)];
    for (const server of [a, b]) expect((await refusal(server.url, { token })).data).toMatchObject({ code: 'too_many_connections' });
    peers[1]?.close();
    await until(
      () =>
        connect(a.url, token).then(
          () => true,
          () => false,
        ),
      (isIn) => isIn,
    );
  });

  it('has a text written on A come to who is on B, and is on record at both [P1 K16 K17]', async () => {
    const [driverId, party] = [await cluster.driverOf(a, 'car'), unique('party')];
    const tripId = await (await fleetScene(a)).trip(driverId, party);
    const car = await connect(a.url, await a.token('driver', driverId));
    const rider = await connect(b.url, await b.token('passenger', party));
    await subscribe(rider, driverId, tripId);
    expect(await rider.ask('message', { tripId, text: 'at the corner' })).toMatchObject({ ok: true });
    expect(await car.next('message', () => true, AT_ONCE)).toMatchObject({ tripId, text: 'at the corner' });
    expect(await car.ask('message', { tripId, text: 'coming' })).toMatchObject({ ok: true });
    expect(await rider.next('message', ({ text }) => text === 'coming')).toMatchObject({ from: { id: driverId } });
    for (const server of [a, b]) {
      const boss = caller(server, await server.token('admin'));
      await until(
        async () => ((await boss.get('/v1/connections?open=true')).json() as { connections: { subject: string | null }[] }).connections,
        (seen) => [driverId, party].every((subject) => seen.some((one) => one.subject === subject)),
      );
    }
  });
});
