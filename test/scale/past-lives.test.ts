import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FixReceipt, TripView } from '../../packages/protocol/src/index.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { dial, type Peer } from '../support/peer.ts';
import { north, ride } from '../support/places.ts';
import { caller } from '../support/rest.ts';
import type { TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

/** So often it is looked for what is not out of date. */
const LOOKS = 4;

let cluster: Cluster;
let b: TestServer;
let c: TestServer;
let redis: Redis;
/** Of `c`, whoever had them before: each with a trip, and what Redis showed of it then. */
let drivers: { readonly id: string; readonly trip: string; readonly past: ReadonlyMap<string, string> }[];

beforeAll(async () => {
  cluster = await startCluster({ nginx: false, env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  redis = new Redis(cluster.redisUrl);
  await cluster.settled();
  const [a, stays] = cluster.servers as [TestServer, TestServer];
  b = stays;
  const ids = await Promise.all(Array.from({ length: 24 }, (_, i) => cluster.driverOf(i % 2 === 0 ? a : b)));
  const all = await Promise.all(
    ids.map(async (id) => {
      const rest = caller(a, await a.token('admin'));
      const trip = (await rest.post('/v1/trips', { ...ride({}), driverId: id })).as(TripView, 201).id;
      await drive(a, id, 900);
      const keys = [`waycast:{driver.${id}}:light`, `waycast:{driver.${id}}:heavy`];
      const shown = await until(
        () => redis.mget(keys),
        (texts) => texts.every((text) => text?.includes(trip)),
      );
      return { id, trip, past: new Map(keys.map((key, i) => [key, shown[i] ?? ''])) };
    }),
  );
  await a.kill();
  await cluster.settled();
  c = await cluster.join();
  await cluster.settled();
  const owners = await Promise.all(all.map(({ id }) => cluster.ownerOf(id)));
  drivers = all.filter((_, i) => owners[i] === c);
  expect(drivers.length).toBeGreaterThan(2);
  for (const { id } of drivers) await drive(c, id, 800);
}, 60_000);
afterAll(async () => {
  redis?.disconnect();
  await cluster?.stop();
});

async function drive(at: TestServer, id: string, metres: number): Promise<void> {
  (await caller(at, await at.token('admin')).post(`/v1/drivers/${id}/locations`, place(metres))).as(FixReceipt);
}

/** As it is kept. */
function place(metres: number): { lat: number; lng: number } {
  const { lat, lng } = north(metres);
  return { lat: Number(lat.toFixed(7)), lng };
}

/** As Redis would show it that has lost its last moments, or in which an owner that woke late wrote over it. */
async function showPast({ past }: (typeof drivers)[number]): Promise<void> {
  for (const [key, text] of past) await redis.set(key, text);
}

/** How often Redis was asked for a driver. */
async function looks(): Promise<number> {
  return Number(/^cmdstat_mget:calls=(\d+)/m.exec(await redis.info('commandstats'))?.[1] ?? 0);
}

/** Lives that were over, and that a watcher was told of all the same. */
function pastOf({ past }: (typeof drivers)[number], { messages }: Peer, feed: string): string[] {
  const told = messages.flatMap((one) => ('feed' in one && one.feed === feed && 'epoch' in one ? [one.epoch] : []));
  return told.filter((epoch) => past.values().some((text) => text.includes(`"${epoch}"`)));
}

describe('what Redis shows of a driver is out of date', () => {
  it('and somebody comes back who was told of a later life: nothing is told of the one that is over [O1 O2]', async () => {
    const [own] = drivers as [(typeof drivers)[number]];
    for (const feed of [`driver:${own.id}`, `trip:${own.trip}`]) {
      await drive(c, own.id, 790);
      const first = await dial(b, { token: await b.token('admin') });
      await first.ask({ type: 'subscribe', feed });
      const { epoch, seq } = await first.next('snapshot', (one) => one.feed === feed);
      await first.close();
      await showPast(own);
      const again = await dial(b, { token: await b.token('admin') });
      await again.ask({ type: 'subscribe', feed, since: { epoch, seq } });
      // Nobody wrote it anew: it stands as stored.
      const stands = await again.next('snapshot', (one) => one.feed === feed);
      expect(stands.location).toMatchObject(place(790));
      await drive(c, own.id, 780);
      await again.next('snapshot', (one) => one.feed === feed && one.location?.lat === place(780).lat);
      expect(pastOf(own, again, feed)).toEqual([]);
      await again.close();
    }
  });

  it('and its owner writes it anew in a moment: whoever comes back goes on from where it stood [O2]', async () => {
    const [, own] = drivers as [unknown, (typeof drivers)[number]];
    for (const feed of [`driver:${own.id}`, `trip:${own.trip}`]) {
      const first = await dial(b, { token: await b.token('admin') });
      await first.ask({ type: 'subscribe', feed });
      const { epoch, seq } = await first.next('snapshot', (one) => one.feed === feed);
      await showPast(own);
      const again = await dial(b, { token: await b.token('admin') });
      const answer = again.ask({ type: 'subscribe', feed, since: { epoch, seq } });
      await drive(c, own.id, 700);
      expect(await answer).toMatchObject({ type: 'subscribed', resumed: true });
      expect(await again.next('location', (one) => one.feed === feed)).toMatchObject({ epoch, seq: seq + 1, ...place(700) });
      await Promise.all([first.close(), again.close()]);
    }
  });

  it('and messages got lost: who watches is not told of the life that is over, and hears what follows [O1 P7]', async () => {
    const [, , own] = drivers as [unknown, unknown, (typeof drivers)[number]];
    const feeds = [`driver:${own.id}`, `trip:${own.trip}`];
    const watcher = await dial(b, { token: await b.token('admin') });
    for (const feed of feeds) await watcher.ask({ type: 'subscribe', feed });
    await showPast(own);
    const before = await looks();
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    // Both feeds are looked at, and again when what was found is of the past.
    await until(looks, (count) => count >= before + 2 * LOOKS);
    await drive(c, own.id, 600);
    for (const feed of feeds) await watcher.next('location', (one) => one.feed === feed && one.lat === place(600).lat, 15_000);
    for (const feed of feeds) expect(pastOf(own, watcher, feed)).toEqual([]);
    await watcher.close();
  });
});
