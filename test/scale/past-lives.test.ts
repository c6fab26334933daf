import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FixReceipt, TripView } from '../../packages/protocol/src/index.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { lasting } from '../support/fault-scene.ts';
import { dial, type Peer } from '../support/peer.ts';
import { north, ride } from '../support/places.ts';
import { caller } from '../support/rest.ts';
import type { TestServer } from '../support/server.ts';
import { startRedis, type TestRedis } from '../support/services/redis.ts';
import { until } from '../support/until.ts';

/** So often it is looked for what is not out of date. */
const LOOKS = 4;

interface Car {
  readonly id: string;
  readonly trip: string;
  /** By key. */
  readonly past: ReadonlyMap<string, string>;
}

let cluster: Cluster;
let b: TestServer;
let c: TestServer;
let own: TestRedis;
let redis: Redis;
/** Of `c`, whoever had them before: each with a trip, and what Redis showed of it then. */
let drivers: Car[];

beforeAll(async () => {
  own = await startRedis();
  redis = own.client();
  cluster = await startCluster({
    redis: own,
    nginx: false,
    env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' },
  });
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
  expect(drivers.length).toBeGreaterThan(3);
  for (const { id } of drivers) await drive(c, id, 800);
}, 60_000);
afterAll(async () => {
  await cluster?.stop();
  await own?.stop();
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
async function showPast({ past }: Car): Promise<void> {
  for (const [key, text] of past) await redis.set(key, text);
}

/** How often Redis was asked for a driver. */
async function looks(): Promise<number> {
  return Number(/^cmdstat_mget:calls=(\d+)/m.exec(await redis.info('commandstats'))?.[1] ?? 0);
}

/** Lives that were over, and that a watcher was told of all the same. */
function pastOf({ past }: Car, { messages }: Peer, feed: string): string[] {
  const told = messages.flatMap((one) => ('feed' in one && one.feed === feed && 'epoch' in one ? [one.epoch] : []));
  return told.filter((epoch) => past.values().some((text) => text.includes(`"${epoch}"`)));
}

describe('what Redis shows of a driver is out of date', () => {
  it('and somebody comes back who was told of a later life: nothing is told of the one that is over [O1 O2]', async () => {
    const [car] = drivers as [Car];
    for (const feed of [`driver:${car.id}`, `trip:${car.trip}`]) {
      await drive(c, car.id, 790);
      const first = await dial(b, { token: await b.token('admin') });
      await first.ask({ type: 'subscribe', feed });
      const { epoch, seq } = await first.next('snapshot', (one) => one.feed === feed);
      await first.close();
      await showPast(car);
      const again = await dial(b, { token: await b.token('admin') });
      await again.ask({ type: 'subscribe', feed, since: { epoch, seq } });
      // Nobody wrote it anew: it stands as stored.
      const stands = await again.next('snapshot', (one) => one.feed === feed);
      expect(stands.location).toMatchObject(place(790));
      await drive(c, car.id, 780);
      await again.next('snapshot', (one) => one.feed === feed && one.location?.lat === place(780).lat);
      expect(pastOf(car, again, feed)).toEqual([]);
      await again.close();
    }
  });

  it('and its owner writes it anew in a moment: whoever comes back goes on from where it stood [O2]', async () => {
    const [, car] = drivers as [unknown, Car];
    for (const feed of [`driver:${car.id}`, `trip:${car.trip}`]) {
      const first = await dial(b, { token: await b.token('admin') });
      await first.ask({ type: 'subscribe', feed });
      const { epoch, seq } = await first.next('snapshot', (one) => one.feed === feed);
      await showPast(car);
      const again = await dial(b, { token: await b.token('admin') });
      const answer = again.ask({ type: 'subscribe', feed, since: { epoch, seq } });
      await drive(c, car.id, 700);
      expect(await answer).toMatchObject({ type: 'subscribed', resumed: true });
      expect(await again.next('location', (one) => one.feed === feed)).toMatchObject({ epoch, seq: seq + 1, ...place(700) });
      await Promise.all([first.close(), again.close()]);
    }
  });

  it('and messages got lost: who watches is not told of the life that is over, and hears what follows [O1 P7]', async () => {
    const [, , car] = drivers as [unknown, unknown, Car];
    const feeds = [`driver:${car.id}`, `trip:${car.trip}`];
    const watcher = await dial(b, { token: await b.token('admin') });
    for (const feed of feeds) await watcher.ask({ type: 'subscribe', feed });
    await showPast(car);
    const before = await looks();
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    // Both feeds are looked at, and again when what was found is of the past.
    await until(looks, (count) => count >= before + 2 * LOOKS);
    await drive(c, car.id, 600);
    for (const feed of feeds) await watcher.next('location', (one) => one.feed === feed && one.lat === place(600).lat, 15_000);
    for (const feed of feeds) expect(pastOf(car, watcher, feed)).toEqual([]);
    await watcher.close();
  });
});

describe('Redis does not answer', () => {
  it('and somebody comes back: it goes on from where it stood, in the same life; who comes anew is told what is stored [O1 O2]', async () => {
    const [, , , car] = drivers as [unknown, unknown, unknown, Car];
    const feeds = [`driver:${car.id}`, `trip:${car.trip}`];
    await drive(c, car.id, 500);
    const first = await dial(b, { token: await b.token('admin') });
    for (const feed of feeds) await first.ask({ type: 'subscribe', feed });
    const stood = new Map(first.all('snapshot').map(({ feed, epoch, seq }) => [feed, { epoch, seq }]));
    expect(stood.size).toBe(2);
    await first.close();
    const [again, anew] = [await dial(b, { token: await b.token('admin') }), await dial(b, { token: await b.token('admin') })];
    await own.kill('SIGSTOP');
    try {
      await Promise.all(
        feeds.map(async (feed) => {
          expect(await again.ask({ type: 'subscribe', feed, since: stood.get(feed) })).toMatchObject({ type: 'subscribed', resumed: true });
          await anew.ask({ type: 'subscribe', feed });
          const { location } = await anew.next('snapshot', (one) => one.feed === feed);
          expect(location).toMatchObject(place(500));
        }),
      );
    } finally {
      await own.kill('SIGCONT');
    }
    await until(
      async () => (await caller(c, await c.token('admin')).post(`/v1/drivers/${car.id}/locations`, place(400))).status,
      (status) => status === 200,
    );
    for (const peer of [again, anew])
      for (const feed of feeds)
        await until(
          () => [...peer.all('snapshot').map((one) => ({ ...one, ...one.location })), ...peer.all('location')],
          (seen) => seen.some((one) => one.feed === feed && one.lat === place(400).lat && one.epoch === stood.get(feed)?.epoch),
        );
    for (const feed of feeds) {
      const lives = again.messages.flatMap((one) => ('feed' in one && one.feed === feed && 'epoch' in one ? [one.epoch] : []));
      expect(new Set(lives)).toEqual(new Set([stood.get(feed)?.epoch]));
    }
    await Promise.all([again.close(), anew.close()]);
  });
});

describe('an owner that was asleep', () => {
  it('puts nothing of its own over what the new owner shows [P4 O1]', async () => {
    const cars = drivers.slice(0, 4).map(({ id }) => ({ id, key: `waycast:{driver.${id}}:light` }));
    const epochs = async () =>
      (await redis.mget(cars.map(({ key }) => key))).map((text) => /"epoch":"([^"]+)"/.exec(text ?? '')?.[1] ?? null);
    const before = await epochs();
    process.kill(c.pid, 'SIGSTOP');
    const rest = caller(b, await b.token('admin'));
    // What comes meanwhile is what it finds when it wakes.
    const drives = async (metres: number) =>
      (await Promise.all(cars.map(({ id }) => rest.post(`/v1/drivers/${id}/locations`, place(metres))))).map(({ status }) => status);
    const since = performance.now();
    try {
      await drives(300);
      await until(
        async () => [await drives(290), await epochs()] as const,
        ([, now]) => now.every((epoch, i) => epoch !== null && epoch !== before[i]),
        30_000,
      );
    } finally {
      process.kill(c.pid, 'SIGCONT');
    }
    console.log(`asleep: others went on with its drivers after ${((performance.now() - since) / 1_000).toFixed(1)} s`);
    const taken = await epochs();
    const shown = cars.map(() => new Set<string>());
    let isSettled = false;
    const settling = cluster.settled([b, c]).then(() => {
      isSettled = true;
    });
    while (!isSettled) for (const [i, epoch] of (await epochs()).entries()) if (epoch !== null) shown[i]?.add(epoch);
    await settling;
    expect(await drives(280)).toEqual(cars.map(() => 200));
    for (const [i, lives] of shown.entries()) expect([...lives].filter((epoch) => epoch < (taken[i] ?? ''))).toEqual([]);
  });

  it('and whom nobody took for dead goes on as before, with all it had taken [P4 O1]', async () => {
    const cars = drivers.slice(0, 4);
    const rest = caller(b, await b.token('admin'));
    const epochs = () =>
      redis.mget(cars.map(({ id }) => `waycast:{driver.${id}}:light`)).then((all) => all.map((text) => text?.slice(0, 30)));
    for (const { id } of cars) await drive(b, id, 250);
    const before = await epochs();
    const asleep = [b, c];
    for (const { pid } of asleep) process.kill(pid, 'SIGSTOP');
    await lasting(4_500);
    for (const { pid } of asleep) process.kill(pid, 'SIGCONT');
    expect(
      (await Promise.all(cars.map(({ id }) => rest.post(`/v1/drivers/${id}/locations`, place(240))))).map(({ status }) => status),
    ).toEqual(cars.map(() => 200));
    expect(await epochs()).toEqual(before);
  });
});
