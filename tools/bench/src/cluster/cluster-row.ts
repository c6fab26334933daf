import type { GeneratorResult } from '../generator.ts';
import type { Shape } from './cluster-session.ts';

/** CPU seconds so far. */
export interface Spent {
  /** ms, monotonic */
  readonly at: number;
  readonly servers: readonly number[];
  readonly redis: number;
  readonly postgres: number;
  readonly generator: number;
  /** this process */
  readonly bench: number;
  /** both cores together, by whomever */
  readonly busy: number;
  readonly stolen: number;
}

/** One measured run. Shares are of one core, 1 = all of it. */
export interface ClusterRow extends GeneratorResult {
  readonly road: string;
  readonly processes: number;
  readonly watchers: number;
  /** delivered in time, of what was due */
  readonly delivered: number;
  readonly deliveriesPerSecond: number;
  /** of each process */
  readonly servers: readonly number[];
  readonly redis: number;
  readonly postgres: number;
  readonly generator: number;
  /** what is no part of the bench, kernel threads and other machines included */
  readonly foreign: number;
  readonly generatorBound: boolean;
}

/** Above this p99 lateness of sends the generator, not a server, makes latency. */
const LATE_MS = 5;

export function clusterRow(road: string, { processes, watchers }: Shape, result: GeneratorResult, begin: Spent, end: Spent): ClusterRow {
  const seconds = (end.at - begin.at) / 1000;
  const share = (of: 'redis' | 'postgres' | 'generator' | 'bench' | 'busy' | 'stolen') => (end[of] - begin[of]) / seconds;
  const servers = end.servers.map((spent, i) => (spent - (begin.servers[i] ?? 0)) / seconds);
  const generator = share('generator');
  const ours = sum(servers) + share('redis') + share('postgres') + generator + share('bench');
  return {
    ...result,
    ...{ road, processes, watchers, servers, redis: share('redis'), postgres: share('postgres'), generator },
    delivered: result.onTime / result.intended,
    deliveriesPerSecond: result.arrivedInWindow / seconds,
    foreign: Math.max(0, share('busy') + share('stolen') - ours),
    generatorBound: generator > 0.9 || result.lateP99 > LATE_MS,
  };
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** One second of the CPU of the servers delivers so many. */
export function perCpuSecond(row: ClusterRow): number {
  return row.deliveriesPerSecond / sum(row.servers);
}

/** The same with what Redis takes for it. */
export function perCpuSecondWithRedis(row: ClusterRow): number {
  return row.deliveriesPerSecond / (sum(row.servers) + row.redis);
}

/** A row in one line while the bench goes on. */
export function clusterLine(row: ClusterRow): string {
  const ms = (value: number) => (value < 0 ? 'never' : `${value.toFixed(1)} ms`);
  const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
  const flags = [
    row.generatorBound ? 'generator-bound' : '',
    row.foreign > 0.1 ? `others took ${percent(row.foreign)} of a core` : '',
    row.acknowledges && row.storedSum < row.sentSum ? `${row.sentSum - row.storedSum} not stored` : '',
    row.closed > 0 ? `${row.closed} closed` : '',
    row.firstError,
  ].filter(Boolean);
  return (
    `${row.road.padEnd(8)} ${row.processes} processes 1:${row.watchers} ${String(row.rate).padStart(6)} fixes/s  p50 ${ms(row.p50)} p99 ${ms(row.p99)}  ` +
    `delivered ${(row.delivered * 100).toFixed(2)} %  servers ${row.servers.map(percent).join(' + ')}  redis ${percent(row.redis)}  ` +
    `postgres ${percent(row.postgres)}  generator ${percent(row.generator)}${flags.length > 0 ? `  [${flags.join(', ')}]` : ''}`
  );
}
