import { TRIP_STATUSES, type TripKind, type TripStatus } from '@waycast/protocol';
import { wayTo } from '../../core/lifecycle.ts';

/** The shortest way between two statuses, a step of the lifecycle each [T1], `to` the last; empty when there is none. */
export function statusSteps(kind: TripKind, from: TripStatus, to: TripStatus): TripStatus[] {
  const ways = new Map<TripStatus, TripStatus[]>([[from, []]]);
  for (const [at, way] of ways) {
    if (at === to) return way;
    for (const next of TRIP_STATUSES) if (!ways.has(next) && wayTo(kind, at, next, false) !== null) ways.set(next, [...way, next]);
  }
  return [];
}
