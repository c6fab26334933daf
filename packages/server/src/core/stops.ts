import type { BookingStatus, StopEvent, StopInput, StopType } from '@waycast/protocol';
import type { Fix } from './fix.ts';
import { haversine } from './geo.ts';

const APPROACH_METERS = 500;
const ARRIVE_METERS = 100;
/** Beyond this many arrival radii a stop is left [G4]. */
const DEPART_FACTOR = 1.5;
/** A fix this accurate, m, decides alone [G2]. */
const SURE_METERS = 50;

/** A stop of a trip with its progress. Plain data; degrees, m, epoch ms. */
export interface Stop {
  readonly id: string;
  readonly type: StopType;
  readonly lat: number;
  readonly lng: number;
  readonly partyId: string | null;
  readonly bookingId: string | null;
  readonly bookingStatus: BookingStatus | null;
  readonly name: string | null;
  readonly approachRadius: number;
  readonly arriveRadius: number;
  /** For a drop-off: where in the list its own pickup stands [G5]; -1 for none. */
  readonly pickup: number;
  approachingAt: number | null;
  arrivedAt: number | null;
  departedAt: number | null;
  /** Whether the fix counted last was inside the radii, or outside after arrival: "two in a row" [G2, G4]. */
  wasNear: boolean;
  wasIn: boolean;
  wasOut: boolean;
}

/** A decision about a stop. `distance` in m, null when the end of the trip decided. */
export interface StopHit {
  readonly stop: Stop;
  readonly kind: StopEvent;
  readonly distance: number | null;
}

/** Stops as given, with ids where none were, their pickups found [G5], and the progress `before` had under the same id. */
export function stopsFrom(inputs: readonly StopInput[], before: readonly Stop[] = []): Stop[] {
  const progress = new Map(before.map((stop) => [stop.id, stop]));
  return inputs.map((input, index) => {
    const id = input.id ?? `s${index + 1}`;
    const old = progress.get(id);
    return {
      id,
      type: input.type,
      lat: input.lat,
      lng: input.lng,
      partyId: input.partyId ?? null,
      bookingId: input.bookingId ?? null,
      bookingStatus: input.bookingStatus ?? null,
      name: input.name ?? null,
      approachRadius: input.approachRadius ?? APPROACH_METERS,
      arriveRadius: input.arriveRadius ?? ARRIVE_METERS,
      pickup: input.type === 'dropoff' ? ownPickup(inputs, index) : -1,
      approachingAt: old?.approachingAt ?? null,
      arrivedAt: old?.arrivedAt ?? null,
      departedAt: old?.departedAt ?? null,
      wasNear: old?.wasNear ?? false,
      wasIn: old?.wasIn ?? false,
      wasOut: old?.wasOut ?? false,
    };
  });
}

/** Same booking, else same party, else the nearest pickup before it in the list; pickups that do not count are as if absent [G5, G7]. */
function ownPickup(inputs: readonly StopInput[], dropoff: number): number {
  const { bookingId, partyId } = inputs[dropoff] as StopInput;
  const isPickup = (stop: StopInput | undefined) => stop?.type === 'pickup' && counts(stop.bookingStatus ?? null);
  const pickupWhere = (fits: (stop: StopInput) => boolean) => inputs.findIndex((stop) => isPickup(stop) && fits(stop));
  if (bookingId !== undefined) {
    const same = pickupWhere((stop) => stop.bookingId === bookingId);
    if (same >= 0) return same;
  }
  if (partyId !== undefined) {
    const same = pickupWhere((stop) => stop.partyId === partyId);
    if (same >= 0) return same;
  }
  for (let i = dropoff - 1; i >= 0; i--) if (isPickup(inputs[i])) return i;
  return -1;
}

/** Whether the booking lets the stop count at all [G7]. */
export function isWanted(stop: Stop): boolean {
  return counts(stop.bookingStatus);
}

function counts(status: BookingStatus | null): boolean {
  return status === null || status === 'approved' || status === 'completed';
}

/**
 * What one counted fix decides about the stops of a trip, in the order of G6. Moves their progress on.
 * This is where a fix becomes an event.
 */
export function judgeStops(stops: readonly Stop[], fix: Fix): StopHit[] {
  let hits = NONE;
  for (const stop of stops) if (stop.type !== 'dropoff') hits = judgeStop(stop, fix, hits);
  for (const stop of stops) {
    if (stop.type !== 'dropoff') continue;
    const pickup = stops[stop.pickup];
    if (pickup !== undefined && pickup.arrivedAt === null) continue;
    hits = judgeStop(stop, fix, hits);
  }
  return hits;
}

const NONE: StopHit[] = [];

function judgeStop(stop: Stop, fix: Fix, hits: StopHit[]): StopHit[] {
  if (stop.departedAt !== null || !isWanted(stop)) return hits;
  const distance = haversine(fix.lat, fix.lng, stop.lat, stop.lng);
  const kind = stop.arrivedAt === null ? entered(stop, fix, distance) : left(stop, distance);
  if (kind === null) return hits;
  if (kind === 'approaching') stop.approachingAt = fix.at;
  else if (kind === 'arrived') stop.arrivedAt = fix.at;
  else stop.departedAt = fix.at;
  const hit = { stop, kind, distance };
  return hits === NONE ? [hit] : [...hits, hit];
}

/** [G2, G3] */
function entered(stop: Stop, fix: Fix, distance: number): 'approaching' | 'arrived' | null {
  const sure = fix.accuracy === null || fix.accuracy <= SURE_METERS;
  const near = distance <= stop.approachRadius;
  const inside = distance <= stop.arriveRadius;
  const arrived = inside && (sure || stop.wasIn);
  const approaching = near && (sure || stop.wasNear) && stop.approachingAt === null;
  stop.wasNear = near;
  stop.wasIn = inside;
  if (arrived) return 'arrived';
  return approaching ? 'approaching' : null;
}

/** [G4] */
function left(stop: Stop, distance: number): 'departed' | null {
  const out = distance > DEPART_FACTOR * stop.arriveRadius;
  const departed = out && stop.wasOut;
  stop.wasOut = out;
  return departed ? 'departed' : null;
}

/** The end of the trip leaves every stop that had arrived [G4]. */
export function leaveStops(stops: readonly Stop[], at: number): StopHit[] {
  const hits: StopHit[] = [];
  for (const stop of stops) {
    if (stop.arrivedAt === null || stop.departedAt !== null) continue;
    stop.departedAt = at;
    hits.push({ stop, kind: 'departed', distance: null });
  }
  return hits;
}
