import { inspectNodes, type RedisFacts, redisNow, slotsServed } from '../adapters/redis/inspect.ts';
import { openRedis } from '../adapters/redis/open-redis.ts';
import type { RedisConnection } from '../adapters/redis/redis-connection.ts';
import { prefixOf } from '../adapters/redis/redis-url.ts';
import { logKey } from '../adapters/redis-log/backlog.ts';
import type { Config } from '../config.ts';
import { PARTITIONS } from '../hub/ports.ts';
import { StartupError } from '../startup-error.ts';
import { bytes } from './amounts.ts';
import { type Check, check, type Finding, failed, notApplicable, ok, refused, warning } from './check.ts';
import { clockOffset } from './clock.ts';

const CONNECT_MS = 4_000;
const CHECK_MS = 8_500;
const ALL_SLOTS = 16_384;
/** Of its memory. */
const NEARLY_FULL = 0.8;

/** The way to Redis, as a server opens it; who asks for it first hears why there is none. */
export function connectRedis(redisUrl: string, { redisPassword }: Config): Promise<RedisConnection> {
  const opened = openRedis({ url: redisUrl, password: redisPassword, prefix: prefixOf(redisUrl), withinMs: CONNECT_MS });
  opened.catch(() => undefined);
  return opened;
}

/** Redis, each node that has a part of the log. */
export function checkRedis(opened: Promise<RedisConnection>): Promise<Check>[] {
  const facts = opened.then((connection) =>
    inspectNodes(
      connection,
      Array.from({ length: PARTITIONS }, (_, partition) => logKey(connection.prefix, partition)),
    ),
  );
  facts.catch(() => undefined);
  const of = (name: string, find: (nodes: readonly RedisFacts[]) => Finding): Promise<Check> =>
    check('redis', name, CHECK_MS, async () => ((await isThere(opened)) ? find(await facts) : notApplicable('Redis cannot be asked')));
  return [
    check('redis', 'Redis', CHECK_MS, () => server(opened, facts)),
    check('redis', 'slots', CHECK_MS, () => slots(opened)),
    of('persistence', persistence),
    of('maxmemory-policy', policy),
    of('memory', memory),
    check('clock', 'Redis', CHECK_MS, async () => {
      const connection = await opened.catch(() => null);
      if (connection === null) return notApplicable('Redis cannot be asked');
      return clockOffset('Redis', () => redisNow(connection, logKey(connection.prefix, 0)));
    }),
  ];
}

function isThere(opened: Promise<RedisConnection>): Promise<boolean> {
  return opened.then(
    () => true,
    () => false,
  );
}

async function server(opened: Promise<RedisConnection>, facts: Promise<RedisFacts[]>): Promise<Finding> {
  try {
    const { cluster } = await opened;
    const nodes = await facts;
    const said = nodes.map(({ address, version, role }) => `${version} at ${address}, ${role}`).join('; ');
    const follower = nodes.find(({ role }) => role !== 'master');
    if (follower !== undefined) return failed(`${said}: ${follower.address} is a replica`, 'name its master in REDIS_URL');
    return ok(`${cluster ? 'Cluster: ' : ''}${said}`);
  } catch (error) {
    if (error instanceof StartupError) return refused(error.message);
    throw error;
  }
}

async function slots(opened: Promise<RedisConnection>): Promise<Finding> {
  const connection = await opened.catch(() => null);
  if (connection === null) return notApplicable('Redis cannot be asked');
  const served = await slotsServed(connection, logKey(connection.prefix, 0));
  if (served === null) return notApplicable('a single Redis has none');
  const said = `${served} of ${ALL_SLOTS} served`;
  return served === ALL_SLOTS ? ok(said) : failed(said, 'bring the missing nodes back: redis-cli --cluster check');
}

function persistence(nodes: readonly RedisFacts[]): Finding {
  const broken = nodes.find(({ failedWrites }) => failedWrites.length > 0);
  if (broken !== undefined)
    return failed(
      `${broken.address} could not write to its disk (${broken.failedWrites.join(', ')})`,
      'see its log and the room on its disk',
    );
  const volatile = nodes.filter(({ aof }) => !aof).map(({ address }) => address);
  if (volatile.length === 0) return ok('append-only file on');
  return warning(
    `append-only file off at ${volatile.join(', ')}: after a restart senders send again what was not stored`,
    'set appendonly yes',
  );
}

function policy(nodes: readonly RedisFacts[]): Finding {
  const evicting = nodes.find(({ danger }) => danger !== null);
  if (evicting?.danger == null) return ok('noeviction');
  return { ...refused(evicting.danger), verdict: 'warning' };
}

function memory(nodes: readonly RedisFacts[]): Finding {
  const said = nodes
    .map(
      ({ address, usedBytes, maxBytes }) =>
        `${bytes(usedBytes)} of ${maxBytes === 0 ? 'what the machine has' : bytes(maxBytes)} at ${address}`,
    )
    .join('; ');
  const full = nodes.some(({ usedBytes, maxBytes }) => maxBytes > 0 && usedBytes / maxBytes > NEARLY_FULL);
  return full ? warning(said, 'raise maxmemory: a Redis that is full takes no fixes') : ok(said);
}
