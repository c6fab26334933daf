import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TripView } from '../../packages/protocol/src/index.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { dialTracking, startSession } from '../support/delivery.ts';
import { fleetScene, place } from '../support/fleet-scene.ts';
import { dial } from '../support/peer.ts';
import { north, ride, unique } from '../support/places.ts';
import { caller } from '../support/rest.ts';
import type { TestServer } from '../support/server.ts';

let cluster: Cluster;
let a: TestServer;
let b: TestServer;
let redis: Redis;

beforeAll(async () => {
  cluster = await startCluster({ nginx: false, env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  [a, b] = cluster.servers as [TestServer, TestServer];
  redis = new Redis(cluster.redisUrl);
  await cluster.settled();
});
afterAll(async () => {
  redis.disconnect();
  await cluster.stop();
});

/** While this happens no process hears another, and what was kept for such a case is lost as well. */
async function deaf<T>(happens: () => Promise<T>): Promise<T> {
  let over = false;
  const cutting = (async () => {
    while (!over) {
      await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      const rings = await redis.keys('waycast:ring:*');
      if (rings.length > 0) await redis.del(...rings);
    }
  })();
  try {
    return await happens();
  } finally {
    over = true;
    await cutting;
  }
}

describe('what gets lost between processes, and out of Redis', () => {
  it('is told to fleet clients: every status, and where the driver is [P7 K9]', async () => {
    const [atA, atB] = [await fleetScene(a), await fleetScene(b)];
    const [car, pia] = [await cluster.driverOf(a, 'car'), unique('pia')];
    const [driver, rider] = [await atA.driver(car), await atB.rider(pia)];
    const trip = await atA.trip(car, pia);
    expect(await rider.ask('rider:subscribe', { driverId: car, tripId: trip })).toMatchObject({ ok: true });
    const statuses = ['EN_ROUTE', 'ARRIVED', 'IN_PROGRESS'];
    await deaf(async () => {
      for (const status of statuses) await atA.move(trip, status);
      await driver.ask('driver:location', place(700));
    });
    await rider.next('driver:location', ({ latitude }) => Math.abs(latitude - north(700).lat) < 1e-6);
    expect([...new Set(rider.all('trip:update').map(({ status }) => status))].at(-1)).toBe('IN_PROGRESS');
    // Nothing follows the last status.
    await deaf(() => atA.move(trip, 'COMPLETED'));
    await rider.next('trip:update', ({ status }) => status === 'COMPLETED', 15_000);
  });

  it('is told to who watches a delivery: every status, once, the last one too [P7 Y9]', async () => {
    const riderId = await cluster.driverOf(a, 'rider');
    const { session, rider } = await startSession(a, { rider_id: riderId }, riderId);
    const watcher = await dialTracking(b, session.tracking_id);
    await watcher.next('initial_state');
    await deaf(async () => {
      for (const [n, status] of ['PICKED_UP', 'IN_TRANSIT', 'DELIVERED'].entries())
        expect((await rider.post(`/tracking/update/${session.tracking_id}`, { ...north(900 - n), status })).status).toBe(200);
    });
    for (const status of ['PICKED_UP', 'IN_TRANSIT', 'DELIVERED'])
      await watcher.next('status_change', ({ data }) => data.status === status);
    expect(watcher.all('status_change')).toHaveLength(3);
  });

  it('of a person is found: a trip that was made, and one that was taken away [P7 O8]', async () => {
    const pia = unique('pia');
    const atA = caller(a, await a.token('dispatcher'));
    const customer = await dial(b, { token: await b.token('passenger', pia) });
    await customer.ask({ type: 'subscribe', feed: `party:${pia}` });
    const stops = ride({}).stops.map((stop) => ({ ...stop, partyId: pia }));
    const id = await deaf(async () => (await atA.post('/v1/trips', { ...ride({}), stops })).as(TripView, 201).id);
    await customer.next('subscribed', ({ feed }) => feed === `trip:${id}`);
    await customer.next('snapshot', ({ feed }) => feed === `trip:${id}`);
    await deaf(() => atA.delete(`/v1/trips/${id}`));
    await customer.next('unsubscribed', ({ feed }) => feed === `trip:${id}`);
  });
});
