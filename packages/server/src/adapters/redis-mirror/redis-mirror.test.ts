import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { startRedis } from '../../../../../test/support/services/redis.ts';
import { until } from '../../../../../test/support/until.ts';
import { location } from '../../hub/contracts/samples.ts';
import { openRedis } from '../redis/open-redis.ts';
import { type MirrorWrite, RedisMirror } from './redis-mirror.ts';

const redis = await startRedis();
afterAll(() => redis.stop());
const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

/** A dialect that writes each message in every way. */
function writesOf(key: string) {
  return ({ seq }: { seq: number }): MirrorWrite[] => [
    { kind: 'set', key: `${key}:latest`, value: String(seq), ttl: 300 },
    { kind: 'push', key: `${key}:past`, value: String(seq), keep: 50, ttl: 86_400 },
    { kind: 'publish', channel: `${key}:said`, message: String(seq) },
  ];
}

async function mirrorOf(key: string, url = redis.url) {
  const connection = await openRedis({ url });
  const mirror = new RedisMirror(connection, writesOf(key));
  opened.push(() => {
    mirror.close();
    connection.close();
  });
  return { mirror, connection };
}

describe('what other services read [P11]', () => {
  it('has the last value, the newest first of a list, and every message, under the very names', async () => {
    const key = randomUUID();
    const { mirror } = await mirrorOf(key);
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

  it('is written once for each key in a turn, however much happens in it', async () => {
    const key = randomUUID();
    const { mirror } = await mirrorOf(key);
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
    const { mirror, connection } = await mirrorOf(key, own.url);
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
});
