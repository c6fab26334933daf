import type { KeptFix } from './fix.ts';
import { haversine } from './haversine.ts';
import { stopCounts, type TruthStop } from './stop.ts';

export type StopEventKind = 'approaching' | 'arrived' | 'departed';

/** `at` is the capture of the deciding fix, epoch ms; `distance` from it to the stop in m, null when the trip's end decided. */
export interface TruthEvent {
  readonly stopId: string;
  readonly kind: StopEventKind;
  readonly at: number;
  readonly distance: number | null;
}

/**
 * G5. A stop that does not count (G7) is looked at as if it were not in the list; of several that fit by booking or
 * party the first in the list is the one.
 */
export function ownPickup(stops: readonly TruthStop[], dropoff: TruthStop): TruthStop | null {
  const pickups = stops.filter((stop) => stop.type === 'pickup' && stopCounts(stop));
  const byBooking = pickups.find((stop) => stop.bookingId !== undefined && stop.bookingId === dropoff.bookingId);
  const byParty = pickups.find((stop) => stop.partyId !== undefined && stop.partyId === dropoff.partyId);
  const before = pickups.filter((stop) => stops.indexOf(stop) < stops.indexOf(dropoff)).at(-1);
  return byBooking ?? byParty ?? before ?? null;
}

interface Visit {
  /** indexes into the fixes; -1: never */
  readonly approaching: number;
  readonly arrived: number;
  readonly departed: number;
}

/** G1-G4 for one stop that counts from fix `from` on, stated about the whole track at once. */
function visit(fixes: readonly KeptFix[], stop: TruthStop, from: number): Visit {
  const distances = fixes.map((fix) => haversine(fix, stop));
  const arriveRadius = stop.arriveRadius ?? 100;
  const within = (i: number, radius: number): boolean => i >= from && (distances[i] ?? Number.POSITIVE_INFINITY) <= radius;
  const decides = (i: number, radius: number): boolean => {
    const accuracy = fixes[i]?.accuracy ?? null;
    return within(i, radius) && (accuracy === null || accuracy <= 50 || within(i - 1, radius));
  };
  const beyond = (i: number): boolean => (distances[i] ?? 0) > 1.5 * arriveRadius;
  const arrived = fixes.findIndex((_, i) => decides(i, arriveRadius));
  const approaching = fixes.findIndex((_, i) => decides(i, stop.approachRadius ?? 500));
  const departed = fixes.findIndex((_, i) => arrived >= 0 && i - 1 > arrived && beyond(i - 1) && beyond(i));
  return { approaching: arrived >= 0 && approaching >= arrived ? -1 : approaching, arrived, departed };
}

/** G1-G7 over the plausible fixes counted for a trip, in capture order; `end` is the effect time of its end, epoch ms. */
export function stopEvents(fixes: readonly KeptFix[], stops: readonly TruthStop[], end: number | null): TruthEvent[] {
  const found: { index: number; group: number; place: number; event: TruthEvent }[] = [];
  stops.forEach((stop, place) => {
    if (!stopCounts(stop)) return;
    const pickup = stop.type === 'dropoff' ? ownPickup(stops, stop) : null;
    const from = pickup === null ? 0 : visit(fixes, pickup, 0).arrived;
    if (from < 0) return;
    const visited = visit(fixes, stop, from);
    for (const kind of ['approaching', 'arrived', 'departed'] as const) {
      const index = visited[kind];
      const fix = fixes[index];
      const event = (at: number, distance: number | null): TruthEvent => ({ stopId: stop.id, kind, at, distance });
      const group = stop.type === 'dropoff' ? 1 : 0;
      if (fix !== undefined) found.push({ index, group, place, event: event(fix.at, haversine(fix, stop)) });
      else if (kind === 'departed' && visited.arrived >= 0 && end !== null)
        found.push({ index: fixes.length, group: 0, place, event: event(end, null) });
    }
  });
  return found.sort((a, b) => a.index - b.index || a.group - b.group || a.place - b.place).map(({ event }) => event);
}
