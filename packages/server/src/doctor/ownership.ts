import { readHoldings, readNames } from '../adapters/postgres-ownership/holdings.ts';
import type { Inspection } from '../adapters/postgres-store/inspect.ts';
import { redisNow } from '../adapters/redis/inspect.ts';
import type { RedisConnection } from '../adapters/redis/redis-connection.ts';
import { logKey, readBacklog } from '../adapters/redis-log/backlog.ts';
import { PARTITIONS } from '../hub/ports.ts';
import { milliseconds } from './amounts.ts';
import { type Check, check, type Finding, notApplicable, ok, warning } from './check.ts';
import { askedOfTables } from './database.ts';
import { setAsideFinding } from './schema.ts';

const CHECK_MS = 8_500;
/** Of 20,000, at which new fixes are refused [P5]. */
const MANY = 15_000;
/** What is stored within moments where all is well, ms. */
const LONG = 30_000;

/** Who owns what, and what waits for its owner. */
export function checkOwnership(opened: Promise<Inspection>, redis: Promise<RedisConnection> | null): Promise<Check>[] {
  const of = (name: string, find: (inspection: Inspection) => Promise<Finding>): Promise<Check> =>
    check('ownership', name, CHECK_MS, () => askedOfTables(opened, find));
  return [
    of('processes', processes),
    of('partitions', partitions),
    of('backlog', (inspection) => backlog(inspection, redis)),
    of('set aside', async (inspection) => {
      const { count, last } = await inspection.setAside();
      return setAsideFinding(count, last, 'psql, in this database: ');
    }),
  ];
}

async function processes(inspection: Inspection): Promise<Finding> {
  const { members } = await inspection.ask(readHoldings);
  if (members.length === 0) return notApplicable('none serves this fleet just now');
  const names = await inspection.ask(readNames);
  return ok(`${members.length} alive: ${members.map((home) => names.get(home) ?? `number ${home}`).join(', ')}`);
}

async function partitions(inspection: Inspection): Promise<Finding> {
  const { members, owners } = await inspection.ask(readHoldings);
  if (members.length === 0) return notApplicable('nobody owns any, since no process serves this fleet');
  const counts = members.map((home) => [...owners.values()].filter((owner) => owner === home).length);
  const said = `${owners.size} of ${PARTITIONS} owned, ${counts.join(' + ')}`;
  if (owners.size === PARTITIONS) return ok(said);
  return warning(
    `${said}; nobody has ${PARTITIONS - owners.size}`,
    'while processes come and go that passes within seconds: run doctor again, then see their logs',
  );
}

async function backlog(inspection: Inspection, redis: Promise<RedisConnection> | null): Promise<Finding> {
  if (redis === null) return notApplicable('without REDIS_URL it is in the memory of the one process');
  const connection = await redis.catch(() => null);
  if (connection === null) return notApplicable('Redis cannot be asked');
  const waiting = (await readBacklog(connection, await inspection.cursors())).filter(({ oldest }) => oldest !== null);
  if (waiting.length === 0) return ok('everything that was taken is stored');
  const now = await redisNow(connection, logKey(connection.prefix, 0));
  const age = Math.max(0, ...waiting.map(({ oldest }) => now - (oldest ?? now)));
  const [largest] = waiting.sort((a, b) => b.entries - a.entries);
  const said = `${waiting.length} partitions have commands that are not stored, the oldest for ${milliseconds(age)}; at most ${largest?.entries} in partition ${largest?.partition}`;
  if (age < LONG && (largest?.entries ?? 0) < MANY) return ok(said);
  return warning(said, 'see that processes serve, and how PostgreSQL does: at 20,000 in a partition new fixes are refused');
}
