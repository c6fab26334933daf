import { align } from '../report.ts';
import { median } from '../summary.ts';
import { type ClusterRow, clusterLine, perCpuSecond, perCpuSecondWithRedis, sum } from './cluster-row.ts';
import { ClusterSession, type Shape } from './cluster-session.ts';
import type { ClusterRig } from './rig.ts';
import type { Road } from './roads.ts';

/** What the other process may add to p50: half of the 1 ms in which the log's reader gathers a batch, and 1 ms. */
const ADDED_MS = 1.5;
const REACH = 5;

/** Where watchers are: with the drivers, or all on the other process. */
export type Place = 'same' | 'other';
const PLACES: readonly Place[] = ['same', 'other'];

export interface FanOutLoad {
  readonly topics: number;
  readonly fanOuts: readonly number[];
  /** offered, of all watchers together */
  readonly deliveries: number;
  readonly rounds: number;
  readonly seconds: number;
}

export interface FanOutRow extends ClusterRow {
  readonly place: Place;
  readonly round: number;
}

/** Row 8: two processes, drivers on one, watchers on it or on the other; roads take turns. */
export async function fanOut(roads: readonly Road[], load: FanOutLoad, rig: ClusterRig): Promise<FanOutRow[]> {
  const rows: FanOutRow[] = [];
  for (let round = 1; round <= load.rounds; round++) {
    for (const watchers of load.fanOuts) {
      for (const road of roads) {
        for (const place of PLACES) {
          const row = { ...(await once(road, watchers, place, load, rig)), place, round };
          console.log(`round ${round}, watchers on the ${place} process: ${clusterLine(row)}`);
          rows.push(row);
        }
      }
    }
  }
  return rows;
}

async function once(road: Road, watchers: number, place: Place, load: FanOutLoad, rig: ClusterRig): Promise<ClusterRow> {
  // As many sockets whatever the fan-out.
  const topics = Math.max(1, Math.round((load.topics * 2) / (1 + watchers)));
  const shape: Shape = { processes: 2, topics, watchers, driverOn: () => 0, watcherOn: () => (place === 'same' ? 0 : 1) };
  const rate = load.deliveries / watchers;
  const session = await ClusterSession.open(road, shape, rig, rate);
  try {
    return await session.run(rate, { seconds: load.seconds, lead: 0.5, drain: 20 });
  } finally {
    await session.close();
  }
}

interface Cell {
  readonly road: string;
  readonly watchers: number;
  readonly place: Place;
  readonly p50: number;
  readonly p99: number;
  readonly delivered: number;
  readonly perCpu: number;
  readonly perCpuWithRedis: number;
  /** us of CPU a delivery */
  readonly servers: number;
  readonly redis: number;
  readonly postgres: number;
  readonly foreign: number;
}

function cells(rows: readonly FanOutRow[]): Cell[] {
  const groups = Map.groupBy(rows, ({ road, watchers, place }) => `${road} ${watchers} ${place}`);
  return [...groups.values()].map((all) => {
    const [first] = all as [FanOutRow];
    const middle = (of: (row: FanOutRow) => number) => median(all.map(of));
    const us = (share: number, row: FanOutRow) => (share * 1e6) / row.deliveriesPerSecond;
    return {
      ...{ road: first.road, watchers: first.watchers, place: first.place },
      p50: middle((row) => (row.p50 < 0 ? Number.POSITIVE_INFINITY : row.p50)),
      p99: middle((row) => (row.p99 < 0 ? Number.POSITIVE_INFINITY : row.p99)),
      delivered: middle((row) => row.delivered),
      perCpu: middle(perCpuSecond),
      perCpuWithRedis: middle(perCpuSecondWithRedis),
      servers: middle((row) => us(sum(row.servers), row)),
      redis: middle((row) => us(row.redis, row)),
      postgres: middle((row) => us(row.postgres, row)),
      foreign: middle((row) => row.foreign),
    };
  });
}

const HEAD = [
  'road',
  'fan-out',
  'watchers on',
  'p50 ms',
  'p99 ms',
  'delivered',
  'deliveries/CPU-s',
  'with redis',
  'us/delivery: servers',
  'redis',
  'postgres',
  'others',
];

/** Medians of the rounds. */
export function fanOutTable(rows: readonly FanOutRow[]): string {
  const lines = cells(rows).map((cell) => [
    cell.road,
    `1:${cell.watchers}`,
    cell.place,
    cell.p50.toFixed(2),
    cell.p99.toFixed(2),
    `${(cell.delivered * 100).toFixed(2)} %`,
    cell.perCpu.toFixed(0),
    cell.perCpuWithRedis.toFixed(0),
    cell.servers.toFixed(1),
    cell.redis.toFixed(1),
    cell.postgres.toFixed(1),
    `${(cell.foreign * 100).toFixed(0)} %`,
  ]);
  return align([HEAD, ...lines]);
}

/** What the second process adds to p50, and how Waycast stands to the others. */
export function fanOutRatios(rows: readonly FanOutRow[]): string {
  const all = cells(rows);
  const of = (road: string, watchers: number, place: Place) =>
    all.find((cell) => cell.road === road && cell.watchers === watchers && cell.place === place);
  const across = all.filter(({ place }) => place === 'other');
  const added = across.map((cell) => {
    const ms = cell.p50 - (of(cell.road, cell.watchers, 'same')?.p50 ?? Number.NaN);
    const verdict = cell.road === 'waycast' ? ` (budget <= ${ADDED_MS} ms: ${ms <= ADDED_MS ? 'reached' : 'missed'})` : '';
    return `${cell.road} 1:${cell.watchers}: the other process adds ${ms.toFixed(2)} ms to p50${verdict}`;
  });
  const ratios = across
    .filter(({ road }) => road !== 'waycast')
    .flatMap((cell) => {
      const ours = of('waycast', cell.watchers, 'other');
      if (ours === undefined) return [];
      const times = ours.perCpu / cell.perCpu;
      const verdict = `budget >= ${REACH}: ${times >= REACH ? 'reached' : 'missed'}`;
      return `waycast / ${cell.road} 1:${cell.watchers}: deliveries per CPU-second of the servers ${times.toFixed(2)}x (${verdict}), with redis ${(ours.perCpuWithRedis / cell.perCpuWithRedis).toFixed(2)}x, CPU of redis a delivery ${(ours.redis / cell.redis).toFixed(2)}x`;
    });
  return [...added, ...ratios].join('\n');
}
