import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { sharedRedis, startRedis } from '../../../../../test/support/services/redis.ts';
import { until } from '../../../../../test/support/until.ts';
import { presenceContract } from '../../hub/contracts/presence.ts';
import { openRedis } from '../redis/open-redis.ts';
import { RedisPresence } from './redis-presence.ts';

const redis = await sharedRedis();
afterAll(() => redis.stop());
const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

const LEASE_MS = 600;
const fresh = (): string => `test-${randomUUID()}:`;

async function processOf(prefix: string, leaseMs?: number) {
  const connection = await openRedis({ url: redis.url, prefix });
  const presence = new RedisPresence({ connection, ...(leaseMs !== undefined && { leaseMs }) });
  opened.push(async () => {
    await presence.close();
    connection.close();
  });
  return { presence, connection };
}

presenceContract('RedisPresence', async () => (await processOf(fresh())).presence);

describe('rooms that processes share', () => {
  it('count over all processes and have one limit [P8, L4]', async () => {
    const prefix = fresh();
    const [one, two] = [(await processOf(prefix)).presence, (await processOf(prefix)).presence];
    const answers = await Promise.all(
      [one, two].flatMap((from, p) => Array.from({ length: 5 }, (_, n) => from.enter('r', `${p}.${n}`, 3))),
    );
    expect(answers.filter((count) => count !== null).toSorted()).toEqual([1, 2, 3]);
    expect([await one.count('r'), await two.count('r')]).toEqual([3, 3]);
    const numbers = await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? one : two).next('s')));
    expect(new Set(numbers).size).toBe(20);
    expect(await two.next('s')).toBeGreaterThan(Math.max(...numbers));
  });

  it('give back what a process held that died, and keep those of the living [P8]', async () => {
    const prefix = fresh();
    const one = await processOf(prefix, LEASE_MS);
    const two = (await processOf(prefix, LEASE_MS)).presence;
    await one.presence.enter('r', 'dies', 2);
    await two.enter('r', 'lives', 2);
    // As when it dies: nobody renews any more.
    one.connection.close();
    await until(
      () => two.count('r'),
      (count) => count === 1,
      5_000,
    );
    const renewed = Number(await redis.client().zscore(`${prefix}room:r`, 'lives'));
    await until(
      async () => Number(await redis.client().zscore(`${prefix}room:r`, 'lives')),
      (score) => score > renewed + LEASE_MS,
      5_000,
    );
    expect(await two.enter('r', 'next', 2)).toBe(2);
  });

  it('are whole again after a wipe with the next renewal, 10,000 members too [P8]', async () => {
    const own = await startRedis();
    opened.push(() => own.stop());
    const connection = await openRedis({ url: own.url });
    const presence = new RedisPresence({ connection, leaseMs: 9_000 });
    opened.push(async () => connection.close());
    await Promise.all(
      Array.from({ length: 10_000 }, (_, n) => presence.enter(n < 3_000 ? 'big' : `r${n % 2_000}`, `m${n}`, Number.POSITIVE_INFINITY)),
    );
    expect(await presence.count('big')).toBe(3_000);
    await own.client().flushall();
    await until(
      () => presence.count('big'),
      (count) => count === 3_000,
      5_000,
    );
    await until(
      () => own.client().dbsize(),
      (keys) => keys === 2_001,
      5_000,
    );
  });

  it('while Redis is away: no one is let in under a limit, and who leaves has left when it is back [P8]', async () => {
    const own = await startRedis({ aof: true });
    opened.push(() => own.stop());
    const connection = await openRedis({ url: own.url });
    const presence = new RedisPresence({ connection });
    opened.push(async () => connection.close());
    await presence.enter('r', 'a', 3);
    await presence.enter('r', 'b', 3);
    await own.kill('SIGKILL');
    await until(
      () => connection.health().ok,
      (ok) => !ok,
    );
    const unavailable = expect.objectContaining({ code: 'storage_unavailable', retryAfter: 5 });
    await expect(presence.enter('r', 'c', 3)).rejects.toEqual(unavailable);
    await expect(presence.next('s')).rejects.toEqual(unavailable);
    await expect(presence.count('r')).rejects.toEqual(unavailable);
    expect(await presence.enter('free', 'd', Number.POSITIVE_INFINITY)).toBe(1);
    expect(await presence.leave('r', 'a')).toBe(1);
    await own.start();
    await until(
      () => own.client().zrange('waycast:room:r', '0', '-1'),
      (members) => members.join() === 'b',
    );
    await until(
      () => own.client().zrange('waycast:room:free', '0', '-1'),
      (members) => members.join() === 'd',
    );
  });
});
