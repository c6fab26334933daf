import { eta, type TruthEta } from './eta.ts';
import type { KeptFix, TruthFix } from './fix.ts';
import { haversine } from './haversine.ts';
import { plausible } from './plausible.ts';
import { settle } from './settle.ts';
import type { TruthStop } from './stop.ts';
import { stopEvents, type TruthEvent } from './stop-events.ts';

export { eta, type TruthEta } from './eta.ts';
export type { KeptFix, TruthFix } from './fix.ts';
export { haversine } from './haversine.ts';
export type { TruthStop } from './stop.ts';
export type { TruthEvent } from './stop-events.ts';

export interface TruthInput {
  /** everything one driver sent, in any order */
  readonly fixes: readonly TruthFix[];
  readonly stops: readonly TruthStop[];
  readonly kind: 'ride' | 'delivery';
  readonly maxPlausibleSpeedKmh: number;
  /** effect time of the trip's start, epoch ms: fixes captured before count for nothing; absent: open from ever */
  readonly start?: number | undefined;
  /** effect time of its end: fixes captured after count for nothing, and G4 departs; absent: still open */
  readonly end?: number | undefined;
}

export interface Truth {
  /** what history holds (F9), in capture order, ties by receipt (F12), quantised (F1) */
  readonly fixes: KeptFix[];
  /** beside `fixes` */
  readonly plausible: boolean[];
  /** the plausible ones within the trip: its track */
  readonly counted: KeptFix[];
  /** F8, of the driver, trip or no trip */
  readonly latest: KeptFix | null;
  /** m, T8 */
  readonly distance: number;
  readonly events: TruthEvent[];
  /** from `latest` to the stops that have not arrived; empty once the trip has ended */
  readonly etas: TruthEta[];
}

/** SPEC.md by brute force, in capture order: one driver, one trip, everything known beforehand. */
export function truth({ fixes, stops, kind, maxPlausibleSpeedKmh, start, end }: TruthInput): Truth {
  const kept = settle(fixes).stored.sort((a, b) => a.at - b.at || a.receivedAt - b.receivedAt);
  const verdict = plausible(kept, maxPlausibleSpeedKmh);
  const believed = kept.filter((_, i) => verdict[i]);
  const counted = believed.filter((fix) => (start === undefined || fix.at >= start) && (end === undefined || fix.at <= end));
  const events = stopEvents(counted, stops, end ?? null);
  const latest = believed.at(-1) ?? null;
  const arrived = new Set(events.filter((event) => event.kind === 'arrived').map((event) => event.stopId));
  const remaining = stops.filter((stop) => !arrived.has(stop.id));
  return {
    fixes: kept,
    plausible: verdict,
    counted,
    latest,
    distance: counted.reduce((sum, fix, i) => sum + haversine(counted[i - 1] ?? fix, fix), 0),
    events,
    etas: latest === null || end !== undefined ? [] : eta(kind, latest, remaining),
  };
}
