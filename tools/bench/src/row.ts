import type { GeneratorResult } from './generator.ts';
import type { Sample } from './proc.ts';

/** One measured run of one peer. Shares are of one core, 1 = all of it. */
export interface Row extends GeneratorResult {
  peer: string;
  round: number;
  /** delivered in time, of what was due */
  delivered: number;
  /** us of CPU of the whole server process per delivered message */
  cpuPerMessage: number;
  serverCpu: number;
  /** bytes at the window's end */
  rss: number;
  generatorCpu: number;
  /** CPU of the kernel's own threads, of both cores */
  kernelThreads: number;
  /** CPU of processes that are no part of the bench, of both cores */
  foreign: number;
  /** CPU the hypervisor gave to others, of both cores */
  stolen: number;
  generatorBound: boolean;
  disturbed: boolean;
}

/** ms: above this p99 lateness of sends the generator, not the server, makes latency. */
const LATE = 5;
/** Above these shares a run says little: somebody else was at work. */
const FOREIGN = 0.03;
const STOLEN = 0.03;

export function makeRow(peer: string, round: number, result: GeneratorResult, begin: Sample, end: Sample): Row {
  const seconds = (end.at - begin.at) / 1000;
  const share = (of: 'server' | 'generator' | 'bench' | 'kernel' | 'busy' | 'stolen') => (end[of] - begin[of]) / seconds;
  const generatorCpu = share('generator');
  const foreign = Math.max(0, share('busy') - share('server') - generatorCpu - share('bench') - share('kernel'));
  return {
    ...result,
    peer,
    round,
    delivered: result.onTime / result.intended,
    cpuPerMessage: ((end.server - begin.server) * 1e6) / Math.max(1, result.arrivedInWindow),
    serverCpu: share('server'),
    rss: end.serverRss,
    generatorCpu,
    kernelThreads: share('kernel'),
    foreign,
    stolen: share('stolen'),
    generatorBound: generatorCpu > 0.9 || result.lateP99 > LATE,
    disturbed: foreign > FOREIGN || share('stolen') > STOLEN,
  };
}

/** The bar of row 2: p99 at most 50 ms, 99.9 % delivered. */
export function holds(row: Row): boolean {
  return row.p99 >= 0 && row.p99 <= 50 && row.delivered >= 0.999 && row.closed === 0;
}

/** A row in one line while the bench goes on. */
export function rowLine(row: Row): string {
  const p99 = row.p99 < 0 ? 'never' : `${row.p99.toFixed(1)} ms`;
  const flags = [
    row.generatorBound ? 'generator-bound' : '',
    row.disturbed ? `disturbed: others took ${((row.foreign + row.stolen) * 100).toFixed(0)} % of a core` : '',
  ]
    .filter(Boolean)
    .join(', ');
  return (
    `round ${row.round} ${row.peer.padEnd(8)} ${String(row.rate).padStart(6)}/s  p99 ${p99.padStart(9)}  ` +
    `delivered ${(row.delivered * 100).toFixed(2)} %  ${row.cpuPerMessage.toFixed(1)} us/msg  server ${(row.serverCpu * 100).toFixed(0)} %  ` +
    `generator ${(row.generatorCpu * 100).toFixed(0)} %  late p99 ${row.lateP99.toFixed(2)} ms  ${holds(row) ? 'holds' : 'fails'}${flags ? `  [${flags}]` : ''}`
  );
}
