import type { NumberedFix } from '../oracle/tracks.ts';

/** Still ahead by more than F4 allows when it is sent within this time, ms. */
const SENT_WITHIN = 60_000;

/**
 * A recorded track as if it had been driven just now: every capture moved by the same time, so that the last one is
 * `now`; but what was ahead of its receipt is so again, whatever the clock of the server. Receipts are a ms apart.
 */
export function drivenJustNow(fixes: readonly NumberedFix[], now: number): NumberedFix[] {
  const firstOf = new Map<number, NumberedFix>();
  for (const fix of fixes) if (!firstOf.has(fix.seq)) firstOf.set(fix.seq, fix);
  const isAhead = (seq: number): boolean => {
    const first = firstOf.get(seq);
    return first !== undefined && first.at - first.receivedAt > 60_000;
  };
  const last = fixes.reduce((newest, { at, seq }) => (isAhead(seq) ? newest : Math.max(newest, at)), 0);
  return fixes.map((fix, i) => {
    const first = firstOf.get(fix.seq) ?? fix;
    const shift = isAhead(fix.seq) ? now + SENT_WITHIN - first.receivedAt : now - last;
    return { ...fix, at: fix.at + shift, receivedAt: now + i };
  });
}
