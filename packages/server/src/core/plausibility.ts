import type { Fix } from './fix.ts';
import { EARTH_RADIUS, haversine } from './geo.ts';

/** How far ahead of its receipt a fix may have been captured, ms [F4]. */
export const MAX_AHEAD_MS = 60_000;
/** Nearer than this nothing is a teleport, m [F5]. */
export const TELEPORT_METERS = 1_000;
/** This many suspects that agree are believed [F6]. */
const AGREEING = 3;

export type Suspicion = 'ahead' | 'teleport';
/** `cleared`: this fix and the suspects in `row` before it are believed after all [F6]. */
export type Verdict = 'plausible' | 'cleared' | Suspicion;

/** What the judgement of one track has to remember. Plain data. */
export interface Judgement {
  /** The last fix that was believed. */
  last: Fix | null;
  /** Teleport suspects in a row that agree with one another, oldest first; at most two. */
  row: readonly Fix[];
}

/** Nearly always: shared, as all drivers have one. */
const NO_ROW: readonly Fix[] = [];

export function newJudgement(): Judgement {
  return { last: null, row: NO_ROW };
}

/** Whether a vehicle could have got from `a` to `b` between their capture times [F5]. */
export function reachable(a: Fix, b: Fix, maxSpeedKmh: number): boolean {
  if (maxSpeedKmh <= 0) return true;
  const distance = haversine(a.lat, a.lng, b.lat, b.lng);
  if (distance <= TELEPORT_METERS) return true;
  return distance * 3600 <= maxSpeedKmh * Math.abs(b.at - a.at);
}

/**
 * Judges the next fix of a track and moves the judgement on [F4-F6]. After `cleared`, the row that was believed is
 * returned by `believed`; the caller counts it before the fix itself.
 */
export function judge(state: Judgement, fix: Fix, receivedAt: number, maxSpeedKmh: number): { verdict: Verdict; believed: readonly Fix[] } {
  if (fix.at > receivedAt + MAX_AHEAD_MS) return AHEAD;
  if (state.last === null || reachable(state.last, fix, maxSpeedKmh)) {
    state.last = fix;
    state.row = NO_ROW;
    return PLAUSIBLE;
  }
  const before = state.row.at(-1);
  if (before !== undefined && reachable(before, fix, maxSpeedKmh)) {
    if (state.row.length + 1 === AGREEING) {
      const believed = state.row;
      state.last = believed.reduce((newest, one) => (one.at > newest.at ? one : newest), fix);
      state.row = NO_ROW;
      return { verdict: 'cleared', believed };
    }
    state.row = [...state.row, fix];
    return TELEPORT;
  }
  state.row = [fix];
  return TELEPORT;
}

const PLAUSIBLE = { verdict: 'plausible', believed: [] } as const;
const AHEAD = { verdict: 'ahead', believed: [] } as const;
const TELEPORT = { verdict: 'teleport', believed: [] } as const;

/** Half around the Earth, m. */
const FURTHEST = Math.PI * EARTH_RADIUS;

/** Nothing so long before a fix, ms, can make a teleport of it [F5]: from there everywhere is in reach. */
export function memoryMs(maxSpeedKmh: number): number {
  return maxSpeedKmh === 0 ? 0 : Math.ceil((FURTHEST / 1_000 / maxSpeedKmh) * 3_600_000);
}

/** A late fix is judged alone, against the latest, and leaves the judgement as it was: a first opinion only [F8, F12]. */
export function judgeLate(state: Judgement, fix: Fix, maxSpeedKmh: number): 'plausible' | 'teleport' {
  return state.last === null || reachable(state.last, fix, maxSpeedKmh) ? 'plausible' : 'teleport';
}

/** The judgement of a whole track, in capture order: which of the fixes are believed [F12]. */
export function judgeTrack(fixes: readonly { fix: Fix; receivedAt: number }[], maxSpeedKmh: number): boolean[] {
  const state = newJudgement();
  const plausible = new Array<boolean>(fixes.length).fill(false);
  let row: number[] = [];
  fixes.forEach(({ fix, receivedAt }, index) => {
    const { verdict } = judge(state, fix, receivedAt, maxSpeedKmh);
    if (verdict === 'teleport') {
      if (state.row.length === 1) row = [];
      row.push(index);
      return;
    }
    if (verdict === 'ahead') return;
    plausible[index] = true;
    if (verdict === 'cleared') for (const earlier of row) plausible[earlier] = true;
    row = [];
  });
  return plausible;
}
