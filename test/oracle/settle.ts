import type { KeptFix, TruthFix } from './fix.ts';
import { quantise } from './quantise.ts';

export interface Settled {
  /** What is stored, in order of receipt, quantised. */
  readonly stored: KeptFix[];
  /** The same again: acknowledged again, stored once. */
  readonly duplicates: KeptFix[];
  /** A known number with other content: refused. */
  readonly conflicts: KeptFix[];
}

function content(fix: KeptFix): string {
  return JSON.stringify([fix.at, fix.lat, fix.lng, fix.speed, fix.bearing, fix.accuracy, fix.altitude]);
}

/** F9 for one driver with a memory without end: which of the fixes sent are stored. Equal receipts keep the order given. */
export function settle(fixes: readonly TruthFix[]): Settled {
  const byReceipt = fixes.map(quantise).sort((a, b) => a.receivedAt - b.receivedAt);
  const known = new Map<string, KeptFix>();
  const settled: Settled = { stored: [], duplicates: [], conflicts: [] };
  for (const fix of byReceipt) {
    const numbered = fix.seq !== null;
    const identity = JSON.stringify(numbered ? [fix.stream, fix.seq] : [fix.at, fix.lat, fix.lng, 'unnumbered']);
    const first = known.get(identity);
    if (first === undefined) {
      known.set(identity, fix);
      settled.stored.push(fix);
    } else if (numbered && content(first) !== content(fix)) settled.conflicts.push(fix);
    else settled.duplicates.push(fix);
  }
  return settled;
}
