import type { Peer } from './peers/peer.ts';
import type { Highest } from './search.ts';
import { type Cell, median, type Ratio } from './summary.ts';

const HEAD = [
  'peer',
  'offered/s',
  'p50 ms',
  'p99 ms',
  'delivered',
  'us CPU/msg',
  'server',
  'RSS MB',
  'generator',
  'late p99',
  'not stored',
  '',
];

/** Columns of equal width, the first to the left. */
export function align(rows: string[][]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const pad = (cell: string, column: number) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0));
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}

function percent(share: number, digits = 0): string {
  return `${(share * 100).toFixed(digits)} %`;
}

function tableRow(cell: Cell): string[] {
  const notes = [
    cell.held * 2 > cell.rounds ? '' : 'fails',
    cell.generatorBound ? 'generator-bound' : '',
    cell.disturbed ? 'disturbed' : '',
    cell.lost > 0 ? `${cell.lost} not delivered` : '',
  ];
  return [
    cell.peer,
    String(cell.rate),
    cell.p50?.toFixed(2) ?? 'never',
    cell.p99?.toFixed(2) ?? 'never',
    percent(cell.delivered, 2),
    cell.cpuPerMessage.toFixed(1),
    percent(cell.serverCpu),
    (cell.rss / 2 ** 20).toFixed(0),
    percent(cell.generatorCpu),
    cell.lateP99.toFixed(2),
    cell.notStored === null ? '-' : String(cell.notStored),
    notes.filter(Boolean).join(', '),
  ];
}

/** Medians of all rounds at the fixed rates. */
export function fixedTable(cells: Cell[]): string {
  return align([HEAD, ...cells.map(tableRow)]);
}

/** The highest of the fixed rates that was delivered whole in time, however late. */
function deliversAll(peer: string, cells: Cell[]): string {
  const whole = cells.filter((cell) => cell.peer === peer && cell.delivered >= 0.999).map((cell) => cell.rate);
  return whole.length > 0 ? `${Math.max(...whole)}` : '-';
}

export function highestTable(highest: Map<string, Highest[]>, cells: Cell[]): string {
  const rows = [...highest].map(([peer, rounds]) => [
    peer,
    String(median(rounds.map((round) => round.rate))),
    rounds.map((round) => `${round.rate}${round.generatorBound ? '*' : ''}`).join(' '),
    deliversAll(peer, cells),
  ]);
  return align([['peer', 'median/s', 'rounds (* the generator was at its end)', 'fixed rate delivered whole at any latency'], ...rows]);
}

const REACH: Record<string, number> = { ws: 0.7, socketio: 1.5 };

export function ratioLines(ratios: Ratio[]): string {
  return ratios
    .map((ratio) => {
      const reach = REACH[ratio.to];
      const verdict =
        ratio.rate === null || reach === undefined ? '' : ` (budget >= ${reach}: ${ratio.rate >= reach ? 'reached' : 'missed'})`;
      const cpu = ratio.cpuPerMessage.map((point) => `${point.ratio.toFixed(2)} at ${point.rate}/s`).join(', ') || 'no rate that both held';
      return `${ratio.of} / ${ratio.to}: rate ${ratio.rate?.toFixed(2) ?? '-'}x${verdict}; CPU per message ${cpu}`;
    })
    .join('\n');
}

export function doesNotLines(peers: Peer[]): string {
  return peers.map((peer) => `${peer.label}: ${peer.doesNot}`).join('\n');
}
