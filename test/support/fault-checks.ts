import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { PARTITIONS } from '../../packages/server/src/hub/ports.ts';
import type { RecordedEvent } from '../oracle/check-events.ts';
import { check } from '../oracle/checker.ts';
import { readJournals } from '../oracle/journal.ts';
import type { HistoryRow, Watched } from '../oracle/observed.ts';
import type { Cluster } from './cluster.ts';
import { type FaultScene, feedsOf, type LoadScene } from './fault-scene.ts';
import { atRest, tell } from './load-checks.ts';
import { until } from './until.ts';

/** A process under this load never needs as much, MB, unless it has more to do. */
const MOST_MB = 450;
const MOST_REDIS_MB = 64;
/** Entries that may be left in the log when all is stored: ticks come and go. */
const LEFT_IN_LOG = 20;

export interface Holding {
  /** Of the one there is, or of all nodes of a Cluster. */
  readonly redis: Redis | readonly Redis[];
  /** An owner died or lost a partition: what it had published and not stored may be seen again, under the same id [A6]. */
  readonly ownersChanged: boolean;
  /** What a process may take at most, MB. */
  readonly mostMb?: number;
}

/** I1 while the load goes on: what was acknowledged before this is asked is in the database, once. */
export async function storedHolds({ cluster, load }: FaultScene): Promise<number> {
  const { acks } = readJournals(load.journals);
  const history = await historyIn(
    cluster,
    load.drivers.map(({ id }) => id),
  );
  // Attempts are written before they are sent: what history has is among those read after it.
  const { attempts } = readJournals(load.journals);
  const wrong = check({ attempts, acks, history, watched: [] });
  expect(wrong.map((one) => tell('under load', one))).toEqual([]);
  return history.length;
}

/**
 * The load comes to rest, and everything holds: I1 to I3 and events once, by what the servers answer and by what the
 * database itself has; the log is empty and memory is bounded, I4. Answers what there was, for people.
 */
export async function allHolds(scene: FaultScene, { redis, ownersChanged, mostMb = MOST_MB }: Holding): Promise<string> {
  const { cluster, load, watchers, seed } = scene;
  await load.finish();
  await everybodyEnds(scene);
  const [first] = watchers;
  if (first === undefined) throw new Error('nobody watches');
  const own = Object.assign(first, { feeds: feedsOf(load).length });
  const late = await lateIn(cluster);
  const { wrong, fixes, events } = await atRest(load, own, cluster.entry, late);
  const drivers = load.drivers.map(({ id }) => id);
  const history = await historyIn(cluster, drivers);
  const recorded = await eventsIn(cluster);
  const found = check({ ...readJournals(load.journals), history, watched: watchers, events: recorded });
  wrong.push(...found.map((one) => tell('in the database', one)), ...(await beyondCursors(cluster)), ...(await numbersTwice(cluster)));
  const again = watchers.flatMap((one) => seenAgain(one));
  if (!ownersChanged) wrong.push(...again.map((one) => `events: ${one}`));
  wrong.push(...watchers.flatMap((one) => seenTwiceInALife(one)).map((one) => `events: ${one}`));
  expect(wrong, `seed ${seed}`).toEqual([]);
  expect(history).toHaveLength(fixes);
  expect(events).toBeGreaterThan(0);
  const redisMb = await bounded([redis].flat(), scene.mostMb(), mostMb);
  const lateCount = [...late.values()].reduce((sum, { size }) => sum + size, 0);
  return `${fixes} fixes (${lateCount} late) and ${recorded.length} events, each once; seen again ${again.length}; most ${Math.round(scene.mostMb())} MB a process, Redis ${redisMb.toFixed(0)} MB`;
}

/** I3: every watcher comes to the last fix of every driver. */
export async function everybodyEnds({ load, watchers }: LoadScene): Promise<void> {
  const ends = load.drivers
    .filter(({ id }) => /-[01]$/.test(id))
    .map(({ id, road, published }) => ({ feed: `driver:${id}` as const, at: road.fix(published - 1).at }));
  await until(
    () =>
      watchers.flatMap((one) =>
        ends.flatMap(({ feed, at }) => {
          const seen = one.lastPosition(feed);
          return seen !== null && Date.parse(seen.timestamp) === at ? [] : [`${one.watcher} ${feed} is at ${seen?.timestamp}`];
        }),
      ),
    (behind) => behind.length === 0,
  );
}

/** I4: nothing is left over in the log, and nobody has grown. Answers what a Redis takes at most, MB. */
async function bounded(nodes: readonly Redis[], used: number, mostMb: number): Promise<number> {
  await until(
    async () => (await Promise.all(nodes.map((node) => inLog(node)))).reduce((sum, left) => sum + left, 0),
    (left) => left <= LEFT_IN_LOG,
  );
  const sizes = await Promise.all(nodes.map(async (node) => Number(/^used_memory:(\d+)/m.exec(await node.info('memory'))?.[1])));
  const usedByRedis = Math.max(...sizes) / 1024 / 1024;
  expect(used).toBeLessThan(mostMb);
  expect(usedByRedis).toBeLessThan(MOST_REDIS_MB);
  return usedByRedis;
}

/** Entries in the streams of all partitions that this Redis serves. */
export async function inLog(redis: Redis): Promise<number> {
  let count = 0;
  for (let partition = 0; partition < PARTITIONS; partition++) count += await lengthOf(redis, partition);
  return count;
}

export async function lengthOf(redis: Redis, partition: number): Promise<number> {
  try {
    return await redis.xlen(`waycast:{log.${partition}}`);
  } catch (error) {
    // Another node of the Cluster has it.
    if (error instanceof Error && error.message.startsWith('MOVED')) return 0;
    throw error;
  }
}

/** What the database has of these drivers, read past the servers. */
export async function historyIn(cluster: Cluster, drivers: readonly string[]): Promise<HistoryRow[]> {
  const rows = await cluster.query<Record<'at' | 'received' | 'lat' | 'lng' | 'suspect', number> & Quality & { id: string }>(
    `SELECT d.id, h.at::float8 AS at, h.received::float8 AS received, h.lat, h.lng, h.speed, h.bearing, h.accuracy, h.altitude, h.suspect
     FROM location_history h JOIN driver d ON d.n = h.driver WHERE d.id = ANY ($1)`,
    [drivers],
  );
  const unit = (value: number | null): number | null => (value === null ? null : value / 100);
  return rows.map((row) => ({
    driver: row.id,
    lat: row.lat / 1e7,
    lng: row.lng / 1e7,
    speed: unit(row.speed),
    bearing: unit(row.bearing),
    accuracy: unit(row.accuracy),
    altitude: unit(row.altitude),
    timestamp: row.at,
    receivedAt: row.received,
    suspect: row.suspect !== 0,
  }));
}

type Quality = Record<'speed' | 'bearing' | 'accuracy' | 'altitude', number | null>;

/** Of each driver the captures of fixes that were applied after newer ones: what Redis lost on their way, and was sent again [F8]. */
async function lateIn(cluster: Cluster): Promise<Map<string, ReadonlySet<number>>> {
  const rows = await cluster.query<{ id: string; late: number[] }>(
    `SELECT id, array_agg(at) AS late FROM (
       SELECT d.id, h.at::float8 AS at, max(h.at) OVER (PARTITION BY h.driver ORDER BY h.position, h.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS newest
       FROM location_history h JOIN driver d ON d.n = h.driver) AS applied
     WHERE at < newest GROUP BY id`,
  );
  return new Map(rows.map(({ id, late }) => [id, new Set(late)]));
}

async function eventsIn(cluster: Cluster): Promise<RecordedEvent[]> {
  const rows = await cluster.query<{ doc: RecordedEvent }>('SELECT doc FROM event ORDER BY n');
  return rows.map(({ doc }) => doc);
}

/** A2, P2: a row is stored together with the cursor that passes it. */
async function beyondCursors(cluster: Cluster): Promise<string[]> {
  const rows = await cluster.query<{ id: string }>(
    `SELECT DISTINCT d.id FROM location_history h JOIN driver d ON d.n = h.driver JOIN driver_snapshot s ON s.driver = d.n
     JOIN partition_cursor c ON c.partition = s.partition WHERE h.position > c.position`,
  );
  return rows.map(({ id }) => `P2: a row of ${id} lies beyond the cursor of its partition`);
}

async function numbersTwice(cluster: Cluster): Promise<string[]> {
  const rows = await cluster.query<{ id: string; seq: string }>(
    `SELECT d.id, h.seq FROM location_history h JOIN driver d ON d.n = h.driver WHERE h.seq IS NOT NULL
     GROUP BY d.id, h.stream, h.seq HAVING count(*) > 1`,
  );
  return rows.map(({ id, seq }) => `F9: number ${seq} of ${id} is stored twice`);
}

/** Events that came to a watcher more than once on one feed, in lives of its counter that follow each other. */
function seenAgain(watched: Watched): string[] {
  const seen = new Set<string>();
  return watched.messages.flatMap(({ feed, event }) => {
    if (event === undefined) return [];
    const key = `${feed} ${event.id}`;
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [`${watched.watcher} saw ${event.id} again on ${feed}`];
  });
}

/** Within one life nothing comes twice, whatever happened. */
function seenTwiceInALife(watched: Watched): string[] {
  const seen = new Set<string>();
  return watched.messages.flatMap(({ feed, epoch, event }) => {
    if (event === undefined) return [];
    const key = `${feed} ${epoch} ${event.id}`;
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [`${watched.watcher} saw ${event.id} twice on ${feed} in epoch ${epoch}`];
  });
}
