import { dangerOf, field } from './open-redis.ts';
import type { RedisConnection } from './redis-connection.ts';

/** What one Redis says of itself. */
export interface RedisFacts {
  readonly address: string;
  readonly version: string;
  readonly role: string;
  readonly aof: boolean;
  readonly policy: string;
  /** What may be lost under that policy, and what to do; null where nothing is thrown away. */
  readonly danger: string | null;
  readonly usedBytes: number;
  /** 0: no limit of its own. */
  readonly maxBytes: number;
  /** Which of its last writes to disk failed, by its own names. */
  readonly failedWrites: readonly string[];
}

const WRITES = ['rdb_last_bgsave_status', 'aof_last_bgrewrite_status', 'aof_last_write_status'];

/**
 * Each node that serves one of these keys, asked once.
 * @throws Error when one does not answer
 */
export async function inspectNodes(connection: RedisConnection, keys: readonly string[]): Promise<RedisFacts[]> {
  const keyAt = new Map<string, string>();
  for (const key of keys) keyAt.set(connection.addressOf(key) ?? 'nowhere', key);
  const replies = await connection.run([...keyAt.values()].map((key) => ({ key, args: ['INFO'] })));
  return [...keyAt.keys()].map((address, i) => {
    const info = replies[i];
    if (typeof info !== 'string') throw info instanceof Error ? info : new Error(`Redis at ${address} gives no INFO`);
    return factsOf(address, info);
  });
}

function factsOf(address: string, info: string): RedisFacts {
  const policy = field(info, 'maxmemory_policy') ?? 'noeviction';
  return {
    address,
    version: field(info, 'redis_version') ?? 'unknown',
    role: field(info, 'role') ?? 'unknown',
    aof: field(info, 'aof_enabled') === '1',
    policy,
    danger: policy === 'noeviction' ? null : dangerOf(policy),
    usedBytes: Number(field(info, 'used_memory') ?? 0),
    maxBytes: Number(field(info, 'maxmemory') ?? 0),
    failedWrites: WRITES.filter((name) => (field(info, name) ?? 'ok') !== 'ok'),
  };
}

/** How many of its slots a Cluster has somebody for who works; null where there is no Cluster. */
export async function slotsServed(connection: RedisConnection, key: string): Promise<number | null> {
  if (!connection.cluster) return null;
  const [info] = await connection.run([{ key, args: ['CLUSTER', 'INFO'] }]);
  if (typeof info !== 'string') throw info instanceof Error ? info : new Error('the Cluster gives no CLUSTER INFO');
  return Number(field(info, 'cluster_slots_ok') ?? 0);
}

/** The clock of the node that serves this key, epoch ms. */
export async function redisNow(connection: RedisConnection, key: string): Promise<number> {
  const [reply] = await connection.run([{ key, args: ['TIME'] }]);
  if (!Array.isArray(reply)) throw reply instanceof Error ? reply : new Error('Redis does not tell its time');
  const [seconds, micros] = reply as [string, string];
  return Number(seconds) * 1_000 + Number(micros) / 1_000;
}
