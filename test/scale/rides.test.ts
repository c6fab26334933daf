import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RideHistory, RideStatus } from '../../packages/server/src/dialects/rideshare/messages.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { dial } from '../support/peer.ts';
import { unique } from '../support/places.ts';
import { caller } from '../support/rest.ts';
import { createRide, dialRide, fixAt, moveRide, oldToken, type RidePeer } from '../support/rideshare.ts';
import type { TestServer } from '../support/server.ts';
import { shownPosition } from '../support/shown.ts';
import { until } from '../support/until.ts';

let cluster: Cluster;
let a: TestServer;
let b: TestServer;

beforeAll(async () => {
  cluster = await startCluster({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  [a, b] = cluster.servers as [TestServer, TestServer];
  await cluster.settled();
});
afterAll(() => cluster.stop());

/** What got lost between processes is found after 5 s: what comes sooner was not lost, ms. */
const AT_ONCE = 3_000;
const statusOf = async (server: TestServer, ride: string, user: string) =>
  (await caller(server, oldToken(user)).get(`/api/v1/tracking/ride/${ride}/status`)).as(RideStatus);
const historyOf = async (server: TestServer, ride: string, user: string) =>
  (await caller(server, oldToken(user)).get(`/api/v1/tracking/ride/${ride}/history`)).as(RideHistory);
const open = (peers: readonly RidePeer[]) => peers.filter(({ isOpen }) => isOpen);

/** A ride whose driver is owned by this server. */
async function rideOf(owner: TestServer) {
  const [ride, pia, paul] = [unique('ride'), unique('pia'), unique('paul')];
  const dana = await cluster.driverOf(owner, 'dana');
  const bookings = [pia, paul].map((passenger) => ({ id: `b-${passenger}`, passenger }));
  await createRide(a, ride, dana, bookings);
  return { ride, dana, pia, paul };
}

describe.concurrent('a ride on two processes', () => {
  it.each([0, 1])('has its driver on A and passengers on both; the owner is %i [P1 R4 R5 R8 R10 R12 R14]', async (owns) => {
    const { ride, dana, pia, paul } = await rideOf(owns === 0 ? a : b);
    const here = await dialRide(a, ride, 'passenger', pia);
    const there = await dialRide(b, ride, 'passenger', paul);
    const again = await dialRide(b, ride, 'passenger', pia);
    for (const peer of [here, there, again]) await peer.next('connected');
    const driver = await dialRide(a, ride, 'driver', dana);
    expect(await driver.next('connected')).toMatchObject({ passengers_connected: 3 });
    for (const peer of [here, there, again]) expect(await peer.next('driver_status')).toMatchObject({ driver_connected: true });
    for (const metres of [900, 450, 90, 40]) driver.send(fixAt(metres));
    for (const peer of [here, there, again]) {
      for (let n = 0; n < 4; n++) expect(await peer.next('location_update', AT_ONCE)).toMatchObject({ driver_id: dana });
      const events = await until(
        () => peer.all('geofence_event').map(({ event_type }) => event_type),
        (seen) => seen.length >= 2,
      );
      expect(events).toEqual(['approaching_pickup', 'arrived_pickup']);
    }
    for (const server of [a, b]) {
      expect(await statusOf(server, ride, pia)).toMatchObject({ is_active: true, driver_connected: true, passengers_connected: 3 });
      // What was broadcast is stored a moment later, which R14 waits for unless the store stalls.
      await until(
        async () => (await historyOf(server, ride, paul)).count,
        (count) => count === 4,
      );
    }
    await there.close();
    for (const server of [a, b])
      await until(
        () => statusOf(server, ride, pia),
        (seen) => seen.passengers_connected === 2,
      );
    await driver.close();
    for (const peer of [here, again]) expect(await peer.next('driver_status')).toMatchObject({ driver_connected: false });
    // Whatever comes twice would have come by now.
    for (const peer of [here, again]) {
      await peer.roundTrip();
      expect(peer.all('geofence_event')).toHaveLength(2);
      expect(peer.all('driver_status')).toHaveLength(2);
    }
    await moveRide(b, ride, 'EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED');
    for (const server of [a, b]) expect(await statusOf(server, ride, pia)).toMatchObject({ is_active: false });
  });

  it('has one driver socket: the later one, on whichever process it is [P9 R7]', async () => {
    const { ride, dana } = await rideOf(b);
    const first = await dialRide(a, ride, 'driver', dana);
    await first.next('connected');
    const second = await dialRide(b, ride, 'driver', dana);
    await second.next('connected');
    expect(await first.closed()).toMatchObject({ code: 4001 });
    await second.roundTrip();
    const third = await dialRide(a, ride, 'driver', dana);
    await third.next('connected');
    expect(await second.closed()).toMatchObject({ code: 4001 });
    await third.roundTrip();
    await third.close();
  });

  it('has one driver socket left when many come at once to both [P9 R7]', async () => {
    for (let round = 0; round < 5; round++) {
      const { ride, dana, pia } = await rideOf(round % 2 === 0 ? a : b);
      const peers = await Promise.all(Array.from({ length: 6 }, (_, n) => dialRide(n % 2 === 0 ? a : b, ride, 'driver', dana)));
      await until(
        () => open(peers).length,
        (count) => count === 1,
      );
      const left = open(peers)[0] as RidePeer;
      await left.roundTrip();
      for (const peer of peers) if (peer !== left) expect(await peer.closed()).toMatchObject({ code: 4001 });
      for (const server of [a, b]) expect(await statusOf(server, ride, pia)).toMatchObject({ driver_connected: true });
      await left.close();
      for (const server of [a, b])
        await until(
          () => statusOf(server, ride, pia),
          (seen) => !seen.driver_connected,
        );
    }
  });

  it('gives its driver to another: the socket of the one before closes on the other process [P1 R13]', async () => {
    const { ride, dana, pia } = await rideOf(a);
    const olga = await cluster.driverOf(b, 'olga');
    const driver = await dialRide(b, ride, 'driver', dana);
    const passenger = await dialRide(a, ride, 'passenger', pia);
    await Promise.all([driver.next('connected'), passenger.next('connected')]);
    const staff = caller(a, await a.token('dispatcher'));
    expect((await staff.patch(`/v1/trips/${ride}`, { driverId: olga })).status).toBe(200);
    expect(await driver.closed()).toMatchObject({ code: 4003 });
    const next = await dialRide(b, ride, 'driver', olga);
    await next.next('connected');
    next.send(fixAt(700));
    expect(await passenger.next('location_update')).toMatchObject({ driver_id: olga });
    await Promise.all([next.close(), passenger.close()]);
  });

  it('is the same trip for the native stream and Socket.IO of the other process [P1]', async () => {
    const { ride, dana, pia } = await rideOf(a);
    const watcher = await dial(b, { token: await b.token('passenger', pia) });
    await watcher.ask({ type: 'subscribe', feed: `trip:${ride}` });
    const driver = await dialRide(a, ride, 'driver', dana);
    await driver.next('connected');
    driver.send(fixAt(700));
    expect(await shownPosition(watcher, `trip:${ride}`)).toMatchObject({ driver: dana, speed: 30 });
    await Promise.all([driver.close(), watcher.close()]);
  });
});
