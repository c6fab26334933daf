import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../../test/support/services/redis.ts';
import { until } from '../../../../../test/support/until.ts';
import type { Command } from '../../core/commands.ts';
import { logContract } from '../../hub/contracts/log.ts';
import { T0 } from '../../hub/contracts/samples.ts';
import { type LogEntry, PARTITIONS } from '../../hub/ports.ts';
import { openRedis } from '../redis/open-redis.ts';
import { positionOf } from './positions.ts';
import { RedisLog } from './redis-log.ts';

const redis: TestRedis = await startRedis({ aof: true });
afterAll(() => redis.stop());
const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

/** A process of its own, as far as Redis can tell. */
async function processOf(
  prefix: string,
  more: { cap?: number; capBytes?: number; handedOn?: number; buffer?: number; url?: string } = {},
): Promise<RedisLog> {
  const connection = await openRedis({ url: more.url ?? redis.url, prefix });
  const warn = (message: string, error: unknown): void => {
    throw new Error(message, { cause: error });
  };
  const log = new RedisLog({ connection, ...more, warn });
  opened.push(async () => {
    await log.shut();
    connection.close();
  });
  return log;
}

const fresh = (): string => `test-${randomUUID()}:`;

logContract('RedisLog', (cap) => processOf(fresh(), { cap }));

function fixes(n: number, count = 1): Command {
  const fix = { lat: 1, lng: 2, at: T0 + n, speed: null, bearing: null, accuracy: null, altitude: null };
  const numbered = Array.from({ length: count }, () => ({ seq: n, fix }));
  return { kind: 'fixes', driverId: 'a', receivedAt: T0, reply: n, live: true, stream: 's', base: null, sender: 1, fixes: numbered };
}

function status(n: number): Command {
  return { kind: 'availability', driverId: 'a', receivedAt: T0, reply: n, available: true };
}

function reading(log: RedisLog, partition: number, after = 0): LogEntry[] {
  const entries: LogEntry[] = [];
  log.consume((batch) => entries.push(...batch));
  log.open(partition, after);
  return entries;
}

const replies = (entries: readonly LogEntry[]): number[] => entries.map(({ command }) => command.reply);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe('a log that processes share', () => {
  it('takes from one process what another one reads, whoever opens the partition [P1]', async () => {
    const prefix = fresh();
    const [one, two] = [await processOf(prefix), await processOf(prefix)];
    const entries = reading(two, 9);
    for (const n of upTo(500)) one.append(9, fixes(n));
    await until(
      () => entries.length,
      (count) => count === 500,
    );
    expect(replies(entries)).toEqual(upTo(500));
    two.trim(9, entries[199]?.position ?? 0);
    await until(
      () => redis.client().xlen(`${prefix}{log.9}`),
      (length) => length === 300,
    );
    expect(await redis.client().exists(`${prefix}{log.8}`), 'nothing of ours elsewhere').toBe(0);

    const third = reading(await processOf(prefix), 9, entries[299]?.position ?? 0);
    await until(
      () => third.length,
      (count) => count === 200,
    );
    expect(replies(third)).toEqual(upTo(500).slice(300));
  });

  it('ages entries of others by the clock, never to the future', async () => {
    const prefix = fresh();
    const one = await processOf(prefix);
    const before = performance.now();
    one.append(1, fixes(1));
    await until(
      () => one.held(),
      (held) => held === 0,
    );
    const two = await processOf(prefix);
    const entries = reading(two, 1);
    await until(
      () => entries.length,
      (count) => count === 1,
    );
    const at = entries[0]?.appendedAt ?? 0;
    expect(at).toBeLessThanOrEqual(performance.now());
    expect(Math.abs(at - before)).toBeLessThan(1_000);
  });

  it('refuses once a partition has its cap in Redis, whoever filled it; others go on [P5]', async () => {
    const prefix = fresh();
    const [one, two] = [await processOf(prefix, { cap: 50 }), await processOf(prefix, { cap: 50 })];
    for (const n of upTo(50)) one.append(3, fixes(n));
    await until(
      () => redis.client().xlen(`${prefix}{log.3}`),
      (length) => length === 50,
    );
    two.append(3, fixes(50));
    await until(
      () => two.problem(3),
      (problem) => problem !== null,
    );
    expect(() => two.append(3, fixes(51))).toThrow(/51 commands wait to be stored in partition 3/);
    // The process as a whole can be acknowledged from, and so can the drivers of the others.
    expect([two.problem(), two.problem(4)]).toEqual([null, null]);
    two.append(3, { kind: 'tick', driverId: 'a', receivedAt: T0, reply: 52 });
    two.append(4, fixes(53));
    const entries = reading(one, 3);
    await until(
      () => entries.length,
      (count) => count === 52,
    );
    one.trim(3, entries.at(-1)?.position ?? 0);
    await until(
      () => two.problem(3),
      (problem) => problem === null,
    );
    expect(await redis.client().xlen(`${prefix}{log.3}`)).toBe(0);
  });

  it('counts what a partition has in Redis in bytes as well, whoever filled it: a command may be a thousand fixes [P5]', async () => {
    const prefix = fresh();
    const limits = { capBytes: 200_000 };
    const [one, two] = [await processOf(prefix, limits), await processOf(prefix, limits)];
    const bytes = JSON.stringify(fixes(0, 1_000)).length;
    let taken = 0;
    expect(() => {
      for (; taken < 100; taken++) one.append(3, fixes(taken, 1_000));
    }).toThrow(/^\d commands wait to be stored in partition 3, 2\d{5} bytes$/);
    expect(taken * bytes).toBeLessThan(1_000_000);
    expect(one.problem(4)).toBeNull();
    two.append(3, fixes(taken, 1));
    await until(
      () => two.problem(3),
      (problem) => problem !== null,
    );
    expect(two.problem(3)).toMatch(/2\d{5} bytes$/);
    const entries = reading(one, 3);
    await until(
      () => entries.length,
      (count) => count === taken + 1,
    );
    one.trim(3, entries.at(-1)?.position ?? 0);
    await until(
      () => [one.problem(3), two.problem(3)],
      ([mine, others]) => mine === null && others === null,
    );
  });

  it('leaves in Redis what is more than may wait in an owner, and goes on as some of it is stored [P5]', async () => {
    const prefix = fresh();
    const owner = await processOf(prefix, { handedOn: 1_000 });
    const another = await processOf(prefix);
    const entries = reading(owner, 3);
    owner.open(4, 0);
    for (const n of upTo(10)) owner.append(3, fixes(n, 100));
    await until(
      () => entries.length,
      (count) => count === 10,
    );
    for (const n of upTo(10)) owner.append(n % 2 === 0 ? 3 : 4, fixes(10 + n, 100));
    const seen = reading(another, 3);
    another.open(4, 0);
    await until(
      () => seen.length,
      (count) => count === 20,
    );
    expect(entries).toHaveLength(10);
    // They are taken all the same; but nobody is to be taken for silent now.
    expect([owner.problem(3), owner.problem(5), owner.problem(), another.problem(3)]).toEqual([
      '1000 fixes and other commands that were read wait to be stored',
      null,
      null,
      null,
    ]);
    owner.trim(3, entries[0]?.position ?? 0);
    await until(
      () => entries.length,
      (count) => count === 20,
    );
    expect(new Set(replies(entries))).toEqual(new Set(upTo(20)));
    for (const n of upTo(2)) owner.append(4, fixes(20 + n));
    await until(
      () => seen.length,
      (count) => count === 22,
    );
    expect(entries).toHaveLength(20);
    // Begun anew, nothing of it is in this process any more.
    owner.close(3);
    await until(
      () => entries.length,
      (count) => count === 22,
    );
  });

  it('reads no more at once than memory bears, however large the commands that wait are [P5]', async () => {
    const log = await processOf(fresh(), { handedOn: Number.POSITIVE_INFINITY });
    const partitions = upTo(8);
    for (const partition of partitions) for (const n of upTo(80)) log.append(partition, fixes(n, 1_000));
    await until(
      () => log.held(),
      (held) => held === 0,
    );
    const sizes: number[] = [];
    log.consume((batch) => sizes.push(batch.length));
    for (const partition of partitions) log.open(partition, 0);
    await until(
      () => sizes.reduce((sum, one) => sum + one, 0),
      (count) => count === 640,
    );
    const most = (16 * 1_024 * 1_024) / JSON.stringify(Array.from({ length: 1_000 }, () => [0, 1, 2, T0, null, null, null, null])).length;
    expect(Math.max(...sizes)).toBeLessThanOrEqual(most);
  });

  it('takes nothing at all, and says so, once every partition has its cap [A7, P5]', async () => {
    const log = await processOf(fresh(), { cap: 2 });
    for (let partition = 0; partition < PARTITIONS; partition++) {
      expect(log.problem()).toBeNull();
      for (const n of upTo(2)) log.append(partition, fixes(n));
    }
    expect(log.problem()).toMatch(/^2 commands, .* wait to be stored in every partition/);
    const entries = reading(log, 5);
    await until(
      () => entries.length,
      (count) => count === 2,
    );
    log.trim(5, entries.at(-1)?.position ?? 0);
    await until(
      () => log.problem(),
      (problem) => problem === null,
    );
    log.append(5, fixes(3));
  });

  it('goes on above its cursor after the streams are wiped, also when the clock is behind [A6]', async () => {
    const prefix = fresh();
    const log = await processOf(prefix);
    // As if the last life had run with a clock a day ahead.
    const ahead = positionOf(`${Date.now() + 86_400_000}-7`);
    const entries = reading(log, 5, ahead);
    await until(
      () => redis.client().exists(`${prefix}{log.5}`),
      (there) => there === 1,
    );
    for (const n of upTo(3)) log.append(5, fixes(n));
    await until(
      () => entries.length,
      (count) => count === 3,
    );
    expect(entries.every(({ position }) => position > ahead)).toBe(true);

    await redis.client().del(`${prefix}{log.5}`);
    await until(
      () => redis.client().exists(`${prefix}{log.5}`),
      (there) => there === 1,
    );
    for (const n of [3, 4]) log.append(5, fixes(n));
    await until(
      () => entries.length,
      (count) => count === 5,
    );
    expect(replies(entries)).toEqual(upTo(5));
  });

  it('never has more ids in a millisecond than positions have room for, with a clock that was set back [A6]', async () => {
    const prefix = fresh();
    const log = await processOf(prefix);
    const ahead = positionOf(`${Date.now() + 86_400_000}-0`);
    const entries = reading(log, 6, ahead);
    await until(
      () => redis.client().exists(`${prefix}{log.6}`),
      (there) => there === 1,
    );
    for (const n of upTo(9_000)) log.append(6, fixes(n));
    await until(
      () => entries.length,
      (count) => count === 9_000,
    );
    expect(replies(entries)).toEqual(upTo(9_000));
    expect(new Set(entries.map(({ position }) => position)).size).toBe(9_000);
  });

  it('leaves out what is none of its own', async () => {
    const prefix = fresh();
    const connection = await openRedis({ url: redis.url, prefix });
    const warned: string[] = [];
    const log = new RedisLog({ connection, warn: (message) => warned.push(message) });
    opened.push(async () => {
      await log.shut();
      connection.close();
    });
    const entries = reading(log, 0);
    await redis.client().xadd(`${prefix}{log.0}`, '*', 'c', 'no JSON');
    log.append(0, fixes(1));
    await until(
      () => entries.length,
      (count) => count === 1,
    );
    expect(warned).toEqual([expect.stringMatching(/none of ours/)]);
  });
});

describe('while Redis is away', () => {
  it('killed: what is appended meanwhile comes after, in order, every fix at least once; the reader goes on [I1]', async () => {
    const prefix = fresh();
    const [one, two] = [await processOf(prefix), await processOf(prefix)];
    const entries = reading(two, 2);
    let n = 0;
    const append = setInterval(() => one.append(2, fixes(n++)), 1);
    await until(
      () => entries.length,
      (count) => count > 100,
    );
    await redis.kill('SIGKILL');
    await until(
      () => one.held(),
      (held) => held > 100,
    );
    await redis.start();
    const count = entries.length;
    await until(
      () => entries.length,
      (now) => now > count + 100,
    );
    clearInterval(append);
    await until(
      () => entries.at(-1)?.command.reply,
      (last) => last === n - 1,
    );
    const seen = new Set(replies(entries));
    expect(upTo(n).filter((one) => !seen.has(one))).toEqual([]);
    const firsts = replies(entries).filter((one, i, all) => all.indexOf(one) === i);
    expect(firsts).toEqual(firsts.toSorted((a, b) => a - b));
  });

  it('buffers up to its cap, then refuses by name, and takes again when Redis is back [P5]', async () => {
    const own = await startRedis();
    try {
      const log = await processOf(fresh(), { buffer: 10, url: own.url });
      await own.kill('SIGKILL');
      await until(
        () => log.problem(),
        (problem) => problem !== null,
      );
      expect(log.problem()).toMatch(/^new fixes wait for Redis: /);
      for (const n of upTo(10)) log.append(n % 3, fixes(n));
      expect(() => log.append(0, fixes(11))).toThrow(/10 commands wait for Redis/);
      log.append(0, { kind: 'tick', driverId: 'a', receivedAt: T0, reply: 11 });
      await own.start();
      await until(
        () => log.held(),
        (held) => held === 0,
      );
      expect(log.problem()).toBeNull();
    } finally {
      await own.stop();
    }
  });

  it('hung: noticed within seconds; what may be repeated is sent again, what may not is dropped [A6]', async () => {
    const own = await startRedis();
    try {
      const connection = await openRedis({ url: own.url, prefix: fresh() });
      const log = new RedisLog({ connection, warn: () => undefined });
      opened.push(async () => {
        await log.shut();
        connection.close();
      });
      const entries = reading(log, 2);
      log.append(2, fixes(0));
      await until(
        () => entries.length,
        (count) => count === 1,
      );
      await own.kill('SIGSTOP');
      log.append(2, fixes(1));
      log.append(2, status(2));
      log.append(2, fixes(3));
      await until(
        () => connection.health(),
        ({ ok }) => !ok,
        6_000,
      );
      expect(connection.health().problem).toMatch(/nothing for 3 s/);
      await until(
        () => log.held(),
        (held) => held === 2,
      );
      await own.kill('SIGCONT');
      await until(
        () => [...new Set(replies(entries))].length,
        (count) => count >= 3,
      );
      await until(
        () => log.held(),
        (held) => held === 0,
      );
      expect(new Set(replies(entries).filter((one) => one !== 2))).toEqual(new Set([0, 1, 3]));
      expect(replies(entries).filter((one) => one === 2).length).toBeLessThanOrEqual(1);
    } finally {
      await own.stop();
    }
  });
});
