import { align } from '../report.ts';
import { type Highest, highestRate } from '../search.ts';
import { median } from '../summary.ts';
import { type ClusterRow, clusterLine, sum } from './cluster-row.ts';
import { ClusterSession, type Shape } from './cluster-session.ts';
import type { ClusterRig } from './rig.ts';
import type { Road } from './roads.ts';

/** After the window's end the last fix of a rate that holds is stored, ms. */
const STORED_WITHIN_MS = 2_000;

export interface ScalingLoad {
  readonly topics: number;
  /** fixes/s at which CPU is compared, and from which the search starts */
  readonly rate: number;
  readonly rounds: number;
  readonly seconds: number;
  /** of the search, fixes/s; 0: no search */
  readonly resolution: number;
}

export interface ScalingRow {
  readonly processes: number;
  readonly round: number;
  readonly fixed: ClusterRow;
  readonly highest: Highest<ClusterRow> | undefined;
}

/** One process against two on the same PostgreSQL and Redis, in turns. Drivers and watchers are spread over both. */
export async function scaling(road: Road, load: ScalingLoad, rig: ClusterRig): Promise<ScalingRow[]> {
  const rows: ScalingRow[] = [];
  for (let round = 1; round <= load.rounds; round++)
    for (const processes of [1, 2]) rows.push(await turn(road, processes, round, load, rig));
  return rows;
}

async function turn(road: Road, processes: number, round: number, load: ScalingLoad, rig: ClusterRig): Promise<ScalingRow> {
  const shape: Shape = {
    ...{ processes, topics: load.topics, watchers: 1 },
    driverOn: (topic) => topic % processes,
    // Every other driver has its watcher on the other process.
    watcherOn: (topic) => (topic >> 1) % processes,
  };
  let session = await ClusterSession.open(road, shape, rig, load.rate);
  const runAt = async (rate: number): Promise<ClusterRow> => {
    const row = await session.run(rate, { seconds: load.seconds, lead: 0.5, drain: 30 });
    console.log(`round ${round}: ${clusterLine(row)}`);
    if (!row.complete || row.closed > 0) {
      await session.close();
      session = await ClusterSession.open(road, shape, rig, load.rate);
    }
    return row;
  };
  try {
    const fixed = await runAt(load.rate);
    const deadline = Date.now() + 120_000;
    const step = Math.max(load.resolution, load.rate / 2);
    const highest = load.resolution > 0 ? await highestRate([fixed], load.resolution, deadline, runAt, storedInTime, step) : undefined;
    if (highest !== undefined) console.log(`round ${round}, ${processes} processes: hold ${highest.rate} fixes/s`);
    return { processes, round, fixed, highest };
  } finally {
    await session.close();
  }
}

/** p99 at most 50 ms, 99.9 % delivered, and everything stored soon. */
function storedInTime(row: ClusterRow): boolean {
  const stored = row.storedMs >= 0 && row.storedMs <= STORED_WITHIN_MS;
  return stored && row.p99 >= 0 && row.p99 <= 50 && row.delivered >= 0.999 && row.closed === 0;
}

const HEAD = ['processes', 'offered/s', 'p50 ms', 'p99 ms', 'us/fix: servers', 'each process', 'redis', 'postgres', 'highest/s', 'rounds'];

const CAVEAT =
  'PostgreSQL, Redis, the servers and the generator share the cores of this machine: CPU a fix, and how evenly it is split, say more than the rate.';

/** Medians of the rounds. */
export function scalingTable(rows: readonly ScalingRow[]): string {
  const groups = [...Map.groupBy(rows, ({ processes }) => processes)];
  const lines = groups.map(([processes, all]) => {
    const middle = (of: (row: ClusterRow) => number) => median(all.map(({ fixed }) => of(fixed)));
    const us = (share: (row: ClusterRow) => number) => middle((row) => (share(row) * 1e6) / row.deliveriesPerSecond).toFixed(1);
    const highest = all.flatMap((row) => row.highest?.rate ?? []);
    return [
      String(processes),
      String(all[0]?.fixed.rate ?? ''),
      middle(({ p50 }) => p50).toFixed(2),
      middle(({ p99 }) => p99).toFixed(2),
      us(({ servers }) => sum(servers)),
      Array.from({ length: processes }, (_, i) => us(({ servers }) => servers[i] ?? 0)).join(' + '),
      us(({ redis }) => redis),
      us(({ postgres }) => postgres),
      highest.length > 0 ? String(median(highest)) : '-',
      highest.join(' ') || '-',
    ];
  });
  return `${align([HEAD, ...lines])}\n${CAVEAT}`;
}
