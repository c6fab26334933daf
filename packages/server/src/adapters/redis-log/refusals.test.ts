import { randomUUID } from 'node:crypto';
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../../test/support/services/redis.ts';
import { until } from '../../../../../test/support/until.ts';
import type { Command } from '../../core/commands.ts';
import { T0 } from '../../hub/contracts/samples.ts';
import type { LogEntry } from '../../hub/ports.ts';
import { openRedis } from '../redis/open-redis.ts';
import { RedisLog } from './redis-log.ts';

const redis = await startRedis();
afterAll(() => redis.stop());
const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

async function logOn({ url }: TestRedis, more: { buffer?: number; bufferChars?: number } = {}) {
  const prefix = `test-${randomUUID()}:`;
  const connection = await openRedis({ url, prefix });
  const warned: string[] = [];
  const told: string[] = [];
  const log = new RedisLog({ connection, ...more, warn: (message) => warned.push(message), info: (message) => told.push(message) });
  opened.push(async () => {
    await log.shut();
    connection.close();
  });
  const entries: LogEntry[] = [];
  log.consume((batch) => entries.push(...batch));
  return { log, prefix, warned, told, entries };
}

function fixes(n: number, count = 1): Command {
  const fix = { lat: 1, lng: 2, at: T0 + n, speed: null, bearing: null, accuracy: null, altitude: null };
  const numbered = Array.from({ length: count }, (_, seq) => ({ seq, fix }));
  return { kind: 'fixes', driverId: 'a', receivedAt: T0, reply: n, live: true, stream: 's', base: null, sender: 1, fixes: numbered };
}

function status(n: number): Command {
  return { kind: 'availability', driverId: 'a', receivedAt: T0, reply: n, available: true };
}

const of = (entries: readonly LogEntry[], partition: number): number[] =>
  entries.filter((entry) => entry.partition === partition).map(({ command }) => command.reply);

/** A way in which Redis is there and takes nothing, and the end of it. */
interface Trouble {
  readonly code: string;
  readonly says: RegExp;
  begin(): Promise<unknown>;
  end(): Promise<unknown>;
}

/** Where Redis would write its file lies a folder of this name. */
const inTheWay = async (): Promise<string> => join(((await redis.client().config('GET', 'dir')) as string[])[1] ?? '', 'dump.rdb');

const TROUBLES: readonly Trouble[] = [
  {
    code: 'OOM',
    says: /it is full: give it more memory/,
    begin: () => redis.client().config('SET', 'maxmemory', '1'),
    end: () => redis.client().config('SET', 'maxmemory', '0'),
  },
  {
    code: 'MISCONF',
    says: /it cannot write to its disk/,
    begin: async () => {
      mkdirSync(await inTheWay());
      await redis.client().config('SET', 'save', '3600 1');
      await redis.client().bgsave();
      await until(
        () => redis.client().info('persistence'),
        (info) => info.includes('rdb_last_bgsave_status:err'),
      );
    },
    end: async () => {
      rmdirSync(await inTheWay());
      await redis.client().config('SET', 'save', '');
    },
  },
  {
    code: 'NOREPLICAS',
    says: /too few replicas follow it/,
    begin: () => redis.client().config('SET', 'min-replicas-to-write', '1'),
    end: () => redis.client().config('SET', 'min-replicas-to-write', '0'),
  },
];

describe.each(TROUBLES)('while Redis answers $code', ({ code, says, begin, end }) => {
  it('what waits is bounded, more is refused by name; it is said once, and all that was taken comes in order [A7, P5]', async () => {
    const { log, warned, told, entries } = await logOn(redis, { buffer: 300 });
    for (const partition of [0, 1, 2]) log.open(partition, 0);
    await begin();
    const taken: number[][] = [[], [], []];
    try {
      for (let n = 0; taken.flat().length < 300; n++) {
        log.append(n % 3, n % 5 === 0 ? status(n) : fixes(n));
        taken[n % 3]?.push(n);
      }
      await until(
        () => log.problem(),
        (problem) => problem !== null,
      );
      expect(log.problem()).toMatch(/^300 commands wait for Redis: /);
      expect(log.problem()).toMatch(says);
      const refused = expect.objectContaining({ code: 'storage_unavailable', retryAfter: 5 });
      expect(log.problem(63), 'nor would it take others').toBe(log.problem());
      expect(() => log.append(0, fixes(1_000))).toThrow(refused);
      log.append(0, { kind: 'tick', driverId: 'a', receivedAt: T0, reply: 1_001 });
      taken[0]?.push(1_001);
      expect(log.held()).toBe(301);
    } finally {
      await end();
    }
    await until(
      () => log.held(),
      (held) => held === 0,
    );
    expect(log.problem()).toBeNull();
    log.append(1, fixes(1_002));
    taken[1]?.push(1_002);
    await until(
      () => entries.length,
      (count) => count === taken.flat().length,
    );
    for (const partition of [0, 1, 2]) expect(of(entries, partition)).toEqual(taken[partition]);
    await until(
      () => told.length,
      (count) => count === 1,
    );
    expect(warned).toEqual([expect.stringMatching(new RegExp(`\\(${code}\\).*300 wait here`))]);
    expect(warned[0]).toMatch(says);
  });
});

describe('while Redis takes nothing', () => {
  it('it is asked now and then, not over and over', async () => {
    const { log } = await logOn(redis, { buffer: 300 });
    const asked = async (): Promise<number> => {
      const stats = await redis.client().info('commandstats');
      const counts = stats.matchAll(/^cmdstat_(?:eval|xadd):calls=(\d+),.*rejected_calls=(\d+)/gm);
      return [...counts].reduce((sum, [, calls, rejected]) => sum + Number(calls) + Number(rejected), 0);
    };
    await redis.client().config('SET', 'maxmemory', '1');
    try {
      log.append(0, fixes(0));
      await until(
        () => log.problem(),
        (problem) => problem !== null,
      );
      const before = await asked();
      const began = performance.now();
      for (let n = 1; n < 300; n++) {
        log.append(0, fixes(n));
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      await until(asked, (count) => count >= before + 3);
      expect((await asked()) - before).toBeLessThanOrEqual(3 + (performance.now() - began) / 100);
    } finally {
      await redis.client().config('SET', 'maxmemory', '0');
    }
  });

  it('one partition that is refused holds up no other [P5]', async () => {
    const { log, prefix, entries, warned } = await logOn(redis, { buffer: 10 });
    log.open(1, 0);
    await redis.client().set(`${prefix}{log.0}`, 'not ours');
    for (let n = 0; n < 10; n++) log.append(0, fixes(n));
    await until(
      () => warned,
      ([first]) => first !== undefined,
    );
    expect(warned).toEqual([expect.stringMatching(/\(WRONGTYPE\): somebody else uses a key of ours/)]);
    expect(() => log.append(0, fixes(10))).toThrow(/10 commands wait for Redis/);
    expect([log.problem(), log.problem(1)]).toEqual([null, null]);
    expect(log.problem(0)).toMatch(/somebody else uses a key of ours/);
    log.append(1, fixes(11));
    await until(
      () => of(entries, 1),
      (replies) => replies.length === 1,
    );
    await redis.client().del(`${prefix}{log.0}`);
    await until(
      () => log.held(),
      (held) => held === 0,
    );
    expect(log.problem()).toBeNull();
  });

  it('few commands may be much: their size is bounded as well [P5]', async () => {
    const { log } = await logOn(redis, { bufferChars: 100_000 });
    expect(() => {
      for (let n = 0; n < 100; n++) log.append(0, fixes(n, 100));
    }).toThrow(/commands wait for Redis, \d{6} characters$/);
    expect(log.problem()).toMatch(/commands wait for Redis/);
    await until(
      () => log.held(),
      (held) => held === 0,
    );
    log.append(0, fixes(1_000));
    expect(log.problem()).toBeNull();
  });

  it('what was stored is trimmed once it takes that, though nothing new comes [P5]', async () => {
    const { log, prefix, entries } = await logOn(redis);
    log.open(4, 0);
    for (let n = 0; n < 5; n++) log.append(4, fixes(n));
    await until(
      () => entries.length,
      (count) => count === 5,
    );
    const trims = async (): Promise<number> =>
      Number(/cmdstat_xtrim:calls=\d+,.*rejected_calls=(\d+)/.exec(await redis.client().info('commandstats'))?.[1] ?? 0);
    const before = await trims();
    await redis.client().config('SET', 'min-replicas-to-write', '1');
    try {
      log.trim(4, entries.at(-1)?.position ?? 0);
      await until(trims, (count) => count > before);
    } finally {
      await redis.client().config('SET', 'min-replicas-to-write', '0');
    }
    await until(
      () => redis.client().xlen(`${prefix}{log.4}`),
      (length) => length === 0,
    );
    await until(
      () => log.backlog(),
      (backlog) => backlog === 0,
    );
  });
});

describe('while the address of Redis leads to a replica', () => {
  it('what waits is bounded, it is said once, and nothing is lost when it leads to a master again [A7, P5]', async () => {
    const own = await startRedis();
    opened.push(() => own.stop());
    const health: (string | null)[] = [];
    const connection = await openRedis({ url: own.url, onHealth: ({ problem }) => health.push(problem) });
    const warned: string[] = [];
    const log = new RedisLog({ connection, buffer: 50, warn: (message) => warned.push(message) });
    opened.unshift(async () => {
      await log.shut();
      connection.close();
    });
    const entries: LogEntry[] = [];
    log.consume((batch) => entries.push(...batch));
    await own.client().replicaof('127.0.0.1', redis.port);
    for (let n = 0; n < 50; n++) log.append(7, n % 5 === 0 ? status(n) : fixes(n));
    await until(
      () => log.problem(),
      (problem) => problem !== null && /is a replica and takes no writes/.test(problem),
    );
    expect(() => log.append(7, fixes(50))).toThrow(/50 commands wait for Redis: .* is a replica and takes no writes/);
    // It is tried again, which makes no noise.
    await until(
      () => own.client().info('stats'),
      (stats) => Number(/total_connections_received:(\d+)/.exec(stats)?.[1]) > 6,
    );
    expect(health).toEqual([expect.stringMatching(/is a replica/)]);
    await own.client().replicaof('NO', 'ONE');
    log.open(7, 0);
    await until(
      () => entries.length,
      (count) => count >= 50,
    );
    expect(of(entries, 7)).toEqual(Array.from({ length: 50 }, (_, n) => n));
    expect(health).toEqual([expect.stringMatching(/is a replica/), null]);
    expect(log.problem()).toBeNull();
  });
});
