import type { TruthFix } from './fix.ts';
import { haversine } from './haversine.ts';
import { quantise } from './quantise.ts';
import { stopCounts, type TruthStop } from './stop.ts';

/** `distance` still to go in m, not rounded; `seconds` whole. */
export interface TruthEta {
  readonly stopId: string;
  readonly seconds: number;
  readonly distance: number;
}

/** E1-E3 from one fix; `remainingStops` in list order without those that have arrived. Those of G7 are left out here. */
export function eta(kind: 'ride' | 'delivery', fix: TruthFix, remainingStops: readonly TruthStop[]): TruthEta[] {
  const from = quantise(fix);
  const left = remainingStops.filter(stopCounts);
  return left.map((stop, i) => {
    const legs = left.slice(0, i + 1).map((to, j) => haversine(left[j - 1] ?? from, to));
    const distance = legs.reduce((sum, leg) => sum + leg, 0);
    if (kind === 'delivery') return { stopId: stop.id, distance, seconds: Math.max(60, Math.trunc(distance / (30_000 / 3600))) };
    const kmh = from.speed !== null && from.speed > 0 ? from.speed : 40;
    const bare = Math.trunc(distance / ((kmh * 1000) / 3600));
    // Plus 20 %, truncated, in whole numbers: no float decides a multiple of five.
    return { stopId: stop.id, distance, seconds: bare + Math.floor(bare / 5) };
  });
}
