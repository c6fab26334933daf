import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { startRedis } from '../../../../../test/support/services/redis.ts';
import { until } from '../../../../../test/support/until.ts';
import type { Published } from '../../core/effects.ts';
import { location } from '../../hub/contracts/samples.ts';
import type { MirrorWrite } from '../../hub/mirror-write.ts';
import { openRedis } from '../redis/open-redis.ts';
import { RedisMirror, type RedisMirrorOptions } from './redis-mirror.ts';

const redis = await startRedis();
afterAll(() => redis.stop());
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

/** A dialect that writes each message in every way. */
function writesOf(key: string) {
  return ({ seq }: { seq: number }): MirrorWrite[] => [
    { kind: 'set', key: `${key}:latest`, value: String(seq), ttl: 300 },
    { kind: 'push', key: `${key}:past`, value: String(seq), keep: 50, ttl: 86_400 },
    { kind: 'publish', channel: `${key}:said`, message: String(seq) },
  ];
}

/** A dialect that keeps the latest of each feed. */
const latestOf = ({ feed, seq }: { feed: string; seq: number }): MirrorWrite[] => [
  { kind: 'set', key: feed, value: String(seq), ttl: 300 },
];

async function mirrorOf(
  encode: (published: Published) => MirrorWrite[],
  more: { url?: string; mostKeys?: number; keys?: RedisMirrorOptions['keys'] } = {},
) {
  const { url = redis.url, keys = () => [], ...rest } = more;
  const connection = await openRedis({ url });
  const warned: string[] = [];
  const mirror = new RedisMirror({ connection, encode, keys, ...rest, warn: (message) => warned.push(message) });
  opened.unshift(async () => {
    await mirror.close();
    connection.close();
  });
  return { mirror, connection, warned };
}

describe('what other services read [P11]', () => {
  it('has the last value, the newest first of a list, and every message, under the very names', async () => {
    const key = randomUUID();
    const { mirror } = await mirrorOf(writesOf(key));
    const said: string[] = [];
    const listener = redis.client().duplicate();
    opened.push(() => listener.disconnect());
    listener.on('message', (_channel: string, message: string) => said.push(message));
    await listener.subscribe(`${key}:said`);
    for (let seq = 1; seq <= 120; seq++) {
      mirror.published(location('trip:t', 'e', seq), null);
      if (seq % 7 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await until(
      () => said.length,
      (count) => count === 120,
    );
    expect(said).toEqual(Array.from({ length: 120 }, (_, n) => String(n + 1)));
    expect(await redis.client().get(`${key}:latest`)).toBe('120');
    expect(await redis.client().ttl(`${key}:latest`)).toBeGreaterThan(290);
    expect(await redis.client().lrange(`${key}:past`, '0', '-1')).toEqual(Array.from({ length: 50 }, (_, n) => String(120 - n)));
    expect(await redis.client().ttl(`${key}:past`)).toBeGreaterThan(86_000);
  });

  it('has nothing of what is to be forgotten, written or not, and then what is new [I11]', async () => {
    const key = randomUUID();
    const { mirror } = await mirrorOf(writesOf(key), { keys: (whom) => ('tripId' in whom ? [`${key}:latest`, `${key}:past`] : []) });
    const left = () => redis.client().keys(`${key}*`);
    mirror.published(location('trip:t', 'e', 1), null);
    await until(left, (keys) => keys.length === 2);
    mirror.published(location('trip:t', 'e', 2), null);
    mirror.forget({ driverId: 't' });
    mirror.forget({ tripId: 't' });
    await until(left, (keys) => keys.length === 0);
    mirror.published(location('trip:t', 'f', 3), null);
    await until(left, (keys) => keys.length === 2);
    expect(await redis.client().get(`${key}:latest`)).toBe('3');
    expect(await redis.client().lrange(`${key}:past`, '0', '-1')).toEqual(['3']);
    mirror.forget({ tripId: 't' });
    mirror.published(location('trip:t', 'f', 4), null);
    await until(
      () => redis.client().get(`${key}:latest`),
      (value) => value === '4',
    );
    expect(await redis.client().lrange(`${key}:past`, '0', '-1')).toEqual(['4']);
  });

  it('has nothing of what another process wrote once that is answered [I11]', async () => {
    const key = randomUUID();
    const keys = () => [`${key}:latest`, `${key}:past`];
    const [{ mirror: one }, { mirror: two }] = [await mirrorOf(writesOf(key), { keys }), await mirrorOf(writesOf(key), { keys })];
    one.published(location('trip:t', 'e', 1), null);
    await until(
      () => redis.client().exists(...keys()),
      (count) => count === 2,
    );
    expect(await two.forget({ tripId: 't' })).toBe(true);
    expect(await redis.client().exists(...keys())).toBe(0);
  });

  it('is written once for each key in a turn, however much happens in it', async () => {
    const key = randomUUID();
    const { mirror } = await mirrorOf(writesOf(key));
    const sets = async (): Promise<number> => Number(/cmdstat_set:calls=(\d+)/.exec(await redis.client().info('commandstats'))?.[1] ?? 0);
    const before = await sets();
    for (let seq = 1; seq <= 100; seq++) mirror.published(location('trip:t', 'e', seq), null);
    await until(
      () => redis.client().get(`${key}:latest`),
      (latest) => latest === '100',
    );
    expect((await sets()) - before).toBe(1);
  });

  it('has the last value when Redis is back, and none of the messages it was too late for', async () => {
    const own = await startRedis();
    opened.push(() => void own.stop());
    const key = randomUUID();
    const { mirror, connection } = await mirrorOf(writesOf(key), { url: own.url });
    await own.kill('SIGKILL');
    await until(
      () => connection.health().ok,
      (ok) => !ok,
    );
    for (let seq = 1; seq <= 10; seq++) mirror.published(location('trip:t', 'e', seq), null);
    await new Promise<void>((resolve) => setImmediate(resolve));
    await own.start();
    await until(
      () => own.client().get(`${key}:latest`),
      (latest) => latest === '10',
    );
    expect(await own.client().exists(`${key}:past`)).toBe(0);
  });

  it('has the last value of every key once Redis takes it, without anything new, and is not asked over and over until then', async () => {
    const { mirror, warned } = await mirrorOf(latestOf);
    const feeds = Array.from({ length: 3_000 }, () => randomUUID());
    const rejected = async (): Promise<number> =>
      Number(/cmdstat_set:.*rejected_calls=(\d+)/.exec(await redis.client().info('commandstats'))?.[1] ?? 0);
    const before = await rejected();
    await redis.client().config('SET', 'maxmemory', '1');
    const began = performance.now();
    try {
      for (const feed of feeds) for (const seq of [1, 2]) mirror.published(location(feed, 'e', seq), null);
      await until(rejected, (count) => count >= before + 8_000);
      expect((await rejected()) - before).toBeLessThan(3_000 + 1_000 * (1 + (performance.now() - began) / 200));
    } finally {
      await redis.client().config('SET', 'maxmemory', '0');
    }
    await until(
      () => redis.client().mget(feeds),
      (values) => values.every((value) => value === '2'),
    );
    expect(warned).toEqual([expect.stringMatching(/^Redis refuses what other services read \(OOM\): it is full/)]);
  });

  it('has the last value of a key that was on its way when Redis hung', async () => {
    const own = await startRedis();
    opened.push(() => own.stop());
    const { mirror, connection } = await mirrorOf(latestOf, { url: own.url });
    await own.kill('SIGSTOP');
    mirror.published(location('resting', 'e', 1), null);
    await until(
      () => connection.health().ok,
      (ok) => !ok,
    );
    // Whatever had reached it is gone with it.
    await own.kill('SIGKILL');
    await own.start();
    await until(
      () => own.client().get('resting'),
      (value) => value === '1',
    );
  });

  it('does not get a value that would have ended while Redis was away, and of the others only the rest of their time', async () => {
    const own = await startRedis();
    opened.push(() => own.stop());
    const encode = ({ feed, seq }: Published): MirrorWrite[] => [{ kind: 'set', key: feed, value: String(seq), ttl: seq / 5 }];
    const { mirror, connection } = await mirrorOf(encode, { url: own.url });
    await own.kill('SIGKILL');
    await until(
      () => connection.health().ok,
      (ok) => !ok,
    );
    const began = performance.now();
    mirror.published(location('short', 'e', 1), null);
    mirror.published(location('long', 'e', 100), null);
    await until(
      () => performance.now() - began,
      (ms) => ms > 250,
    );
    await own.start();
    await until(
      () => own.client().pttl('long'),
      (ttl) => ttl > 0,
    );
    expect(await own.client().pttl('long')).toBeLessThan(20_000 - 250);
    expect(await own.client().exists('short')).toBe(0);
  });

  it('keeps the values of so many keys for it, says once that there are more, and leaves out those that waited longest', async () => {
    const own = await startRedis();
    opened.push(() => own.stop());
    const { mirror, connection, warned } = await mirrorOf(latestOf, { url: own.url, mostKeys: 100 });
    await own.kill('SIGKILL');
    await until(
      () => connection.health().ok,
      (ok) => !ok,
    );
    for (let n = 0; n < 250; n++) mirror.published(location(`feed ${n}`, 'e', n), null);
    await until(
      () => warned.length,
      (count) => count > 0,
    );
    await own.start();
    await until(
      () => own.client().dbsize(),
      (size) => size === 100,
    );
    expect(await own.client().mget('feed 149', 'feed 150', 'feed 249')).toEqual([null, '150', '249']);
    expect(warned).toEqual([expect.stringMatching(/100 values for other services wait/)]);
  });

  it('has what was said just before the mirror closed', async () => {
    const key = randomUUID();
    const { mirror } = await mirrorOf(latestOf);
    mirror.published(location(key, 'e', 9), null);
    await mirror.close();
    expect(await redis.client().get(key)).toBe('9');
  });
});
