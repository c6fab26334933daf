import { holds, type Row } from './row.ts';
import type { Highest } from './search.ts';

/** Medians of one peer at one offered rate; disturbed runs count only where there is no other. */
export interface Cell {
  peer: string;
  rate: number;
  rounds: number;
  held: number;
  p50: number | null;
  p99: number | null;
  delivered: number;
  cpuPerMessage: number;
  serverCpu: number;
  rss: number;
  generatorCpu: number;
  lateP99: number;
  /** fixes whose `stored` watermark never came, of all rounds; null: the peer stores nothing */
  notStored: number | null;
  lost: number;
  generatorBound: boolean;
  disturbed: boolean;
}

export interface Ratio {
  of: string;
  to: string;
  /** median of the rounds' own ratios */
  rate: number | null;
  /** at the fixed rates that both held */
  cpuPerMessage: { rate: number; ratio: number }[];
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** A latency that never came is worse than any other. */
function medianLatency(values: number[]): number | null {
  const value = median(values.map((latency) => (latency < 0 ? Number.POSITIVE_INFINITY : latency)));
  return Number.isFinite(value) ? value : null;
}

export function summarise(rows: Row[]): Cell[] {
  const groups = Map.groupBy(rows, (row) => `${row.peer} ${row.rate}`);
  return [...groups.values()].flatMap((all) => {
    const calm = all.filter((row) => !row.disturbed);
    const group = calm.length > 0 ? calm : all;
    const first = group[0];
    if (first === undefined) return [];
    const of = (pick: (row: Row) => number) => median(group.map(pick));
    return {
      peer: first.peer,
      rate: first.rate,
      rounds: group.length,
      held: group.filter(holds).length,
      p50: medianLatency(group.map((row) => row.p50)),
      p99: medianLatency(group.map((row) => row.p99)),
      delivered: of((row) => row.delivered),
      cpuPerMessage: of((row) => row.cpuPerMessage),
      serverCpu: of((row) => row.serverCpu),
      rss: of((row) => row.rss),
      generatorCpu: of((row) => row.generatorCpu),
      lateP99: of((row) => row.lateP99),
      notStored: first.acknowledges ? all.reduce((sum, row) => sum + row.sentSum - row.storedSum, 0) : null,
      lost: all.reduce((sum, row) => sum + row.sentTotal - row.deliveredTotal, 0),
      generatorBound: group.filter((row) => row.generatorBound).length * 2 > group.length,
      disturbed: calm.length === 0,
    };
  });
}

export function ratio(of: string, to: string, cells: Cell[], highest: Map<string, Highest[]>): Ratio {
  const theirs = highest.get(to) ?? [];
  const pairs = (highest.get(of) ?? []).flatMap((mine, round) => {
    const other = theirs[round];
    return other !== undefined && other.rate > 0 ? mine.rate / other.rate : [];
  });
  const cpuPerMessage = cells.flatMap((cell) => {
    const other = cells.find((candidate) => candidate.peer === to && candidate.rate === cell.rate);
    const bothHeld = other !== undefined && cell.held * 2 > cell.rounds && other.held * 2 > other.rounds;
    return cell.peer === of && bothHeld ? { rate: cell.rate, ratio: cell.cpuPerMessage / other.cpuPerMessage } : [];
  });
  return { of, to, rate: pairs.length > 0 ? median(pairs) : null, cpuPerMessage };
}
