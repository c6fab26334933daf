import type { KeptFix, TruthFix } from '../oracle/fix.ts';
import { plausible } from '../oracle/plausible.ts';
import { settle } from '../oracle/settle.ts';

/** What a server can know of a fix at the moment it comes in. */
export interface Arrival {
  readonly fix: KeptFix;
  /** captured before the newest plausible capture that had arrived: stored, and nothing else (F8) */
  readonly late: boolean;
  /** what its sender is told (F7): the first opinion, which history may overrule (F12) */
  readonly told: 'ahead' | 'teleport' | null;
}

/**
 * The stored fixes of one driver in order of receipt, by brute force: each is judged among all that came before it and
 * were not late. Live distance and events are defined by those that are not late, and by nothing else.
 */
export function arrivals(fixes: readonly TruthFix[], maxKmh: number): Arrival[] {
  // Nothing before the last believed fix changes a verdict after it: what counts is that one and what came since.
  let window: KeptFix[] = [];
  let latest: KeptFix | null = null;
  return settle(fixes).stored.map((fix): Arrival => {
    if (fix.at - fix.receivedAt > 60_000) return { fix, late: false, told: 'ahead' };
    if (latest !== null && fix.at < latest.at) {
      const believed = plausible([latest, fix], maxKmh)[1] === true;
      return { fix, late: true, told: believed ? null : 'teleport' };
    }
    window.push(fix);
    if (plausible(window, maxKmh).at(-1) !== true) return { fix, late: false, told: 'teleport' };
    latest = fix;
    window = [fix];
    return { fix, late: false, told: null };
  });
}
