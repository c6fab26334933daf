import type { Actor, TripInput, TripKind, TripPatch, TripStatus } from '@waycast/protocol';
import { WaycastError } from '@waycast/protocol/errors';
import type { MessageHappened, TripHappened } from './events.ts';
import type { Fix } from './fix.ts';
import { haversine } from './geo.ts';
import { firstStatus, isOpen, type Stamp, stampOf, wayTo } from './lifecycle.ts';
import { isWanted, judgeStops, leaveStops, type Stop, type StopHit, stopsFrom } from './stops.ts';

/** Who drove a trip when; epoch ms, `to` null while it lasts. */
export interface Assignment {
  readonly driverId: string;
  readonly from: number;
  to: number | null;
}

/** A job of a kind done by one driver over ordered stops. Plain data; epoch ms and m. */
export interface Trip extends Record<Stamp, number | null> {
  readonly id: string;
  readonly kind: TripKind;
  status: TripStatus;
  driverId: string | null;
  driverName: string | null;
  stops: Stop[];
  labels: readonly string[];
  /** What a delivery brings, and whom text messages about it go to. */
  readonly order: { readonly id: string; readonly phone: string | null } | null;
  /** Still open then, it is cancelled [T10]; null: never. */
  readonly expiresAt: number | null;
  /** +1 with every change that is stored; the higher one wins. */
  revision: number;
  /** Of the content it was created with, to tell a repeat from another trip [T4]. */
  readonly digest: string;
  readonly createdAt: number;
  /** Of the last fix counted or the last change, whichever is later. */
  updatedAt: number;
  distance: number;
  /** The last fix counted: the next leg starts there [T8]. */
  lastPoint: Fix | null;
  assignments: Assignment[];
  /** Capture times of the first and last counted fix: the interval its track covers. */
  firstFixAt: number | null;
  lastFixAt: number | null;
}

/**
 * @param expiresAt epoch ms; the moment `input.expiresAt` names
 */
export function newTrip(id: string, input: TripInput, digest: string, at: number, expiresAt: number | null = null): Trip {
  const driverId = input.driverId ?? null;
  return {
    id,
    kind: input.kind,
    status: firstStatus(input.kind),
    driverId,
    driverName: input.driverName ?? null,
    stops: stopsFrom(input.stops),
    labels: input.labels ?? [],
    order: input.orderId === undefined ? null : { id: input.orderId, phone: input.phone ?? null },
    expiresAt,
    revision: 1,
    digest,
    createdAt: at,
    startedAt: null,
    arrivedAt: null,
    completedAt: null,
    cancelledAt: null,
    updatedAt: at,
    distance: 0,
    lastPoint: null,
    assignments: driverId === null ? [] : [{ driverId, from: at, to: null }],
    firstFixAt: null,
    lastFixAt: null,
  };
}

export function isOpenTrip(trip: Trip): boolean {
  return isOpen(trip.kind, trip.status);
}

export function hasStarted(trip: Trip): boolean {
  return trip.startedAt !== null;
}

/** Whose trip it is besides its driver's: those named by a stop that counts [S3, G7]. */
export function partiesOf(trip: Pick<Trip, 'stops'>): ReadonlySet<string> {
  const parties = new Set<string>();
  for (const stop of trip.stops) if (stop.partyId !== null && isWanted(stop)) parties.add(stop.partyId);
  return parties;
}

export function isParty(trip: Pick<Trip, 'stops'>, id: string): boolean {
  return trip.stops.some((stop) => stop.partyId === id && isWanted(stop));
}

/** The effect time of the trip's end, null while it is open. */
export function endedAt(trip: Trip): number | null {
  return trip.completedAt ?? trip.cancelledAt;
}

/** The first thing that happened to a trip. */
export function createdEvent(trip: Trip, by: Actor): TripHappened {
  return statusEvent(trip, null, trip.createdAt, by);
}

/** Counts one plausible fix: distance [T8] and stops [G]. */
export function countFix(trip: Trip, fix: Fix): TripHappened[] {
  if (trip.lastPoint !== null) trip.distance += haversine(trip.lastPoint.lat, trip.lastPoint.lng, fix.lat, fix.lng);
  trip.lastPoint = fix;
  trip.updatedAt = Math.max(trip.updatedAt, fix.at);
  trip.firstFixAt ??= fix.at;
  trip.lastFixAt = fix.at;
  const hits = judgeStops(trip.stops, fix);
  return hits.length === 0 ? NOTHING : hits.map((hit) => stopEvent(trip, hit, fix.at));
}

const NOTHING: TripHappened[] = [];

/**
 * Moves a trip to a status by its lifecycle [T1-T3]; at its end it leaves its stops [G4]. The same status again is nothing.
 * `mayJump`: steps in between may be left out where the lifecycle allows it [T1].
 * @throws WaycastError `illegal_transition`, naming both
 */
export function changeStatus(trip: Trip, status: TripStatus, at: number, by: Actor, mayJump = false): TripHappened[] {
  const previous = trip.status;
  if (status === previous) return [];
  const steps = wayTo(trip.kind, previous, status, mayJump);
  if (steps === null) {
    throw new WaycastError('illegal_transition', `a ${trip.kind} cannot go from ${previous} to ${status}`, { field: '/status' });
  }
  trip.status = status;
  changed(trip, at);
  for (const step of steps) {
    const stamp = stampOf(trip.kind, step);
    if (stamp !== undefined) trip[stamp] = at;
  }
  const happened = [statusEvent(trip, previous, at, by)];
  if (isOpenTrip(trip)) return happened;
  closeAssignment(trip, at);
  for (const hit of leaveStops(trip.stops, at)) happened.push(stopEvent(trip, hit, at));
  return happened;
}

/** What may change about a trip besides its driver and its status. */
export type TripChanges = Omit<TripPatch, 'driverId' | 'at'>;

/** Changes what is named; stops keep their progress by id. */
export function patchTrip(trip: Trip, patch: TripChanges, at: number, by: Actor): TripHappened[] {
  if (!isOpenTrip(trip)) throw new WaycastError('trip_closed', `the trip is ${trip.status}`);
  if (patch.stops !== undefined) trip.stops = stopsFrom(patch.stops, trip.stops);
  if (patch.labels !== undefined) trip.labels = patch.labels;
  if (patch.driverName !== undefined) trip.driverName = patch.driverName;
  changed(trip, at);
  return [{ id: `${trip.id}/changed/${trip.revision}`, kind: 'changed', tripId: trip.id, driverId: trip.driverId, at, by }];
}

/** Gives an open trip to a driver, or to nobody [T7]. */
export function assign(trip: Trip, driverId: string | null, at: number): void {
  if (!isOpenTrip(trip)) throw new WaycastError('trip_closed', `the trip is ${trip.status}`);
  closeAssignment(trip, at);
  trip.driverId = driverId;
  trip.lastPoint = null;
  if (driverId !== null) trip.assignments.push({ driverId, from: at, to: null });
  changed(trip, at);
}

function changed(trip: Trip, at: number): void {
  trip.revision++;
  trip.updatedAt = Math.max(trip.updatedAt, at);
}

function closeAssignment(trip: Trip, at: number): void {
  const current = trip.assignments.at(-1);
  if (current !== undefined && current.to === null) current.to = at;
}

/** A text on an open trip. */
export function messageEvent(trip: Trip, message: { id: string; text: string; to: string | null; at: number; by: Actor }): MessageHappened {
  if (!isOpenTrip(trip)) throw new WaycastError('trip_closed', `the trip is ${trip.status}`);
  const { id, text, to, at, by } = message;
  return { id: `${trip.id}/message/${id}`, kind: 'message', tripId: trip.id, driverId: trip.driverId, text, to, at, by };
}

function statusEvent(trip: Trip, previous: TripStatus | null, at: number, by: Actor): TripHappened {
  return {
    id: `${trip.id}/status/${trip.status}`,
    kind: 'status',
    tripId: trip.id,
    driverId: trip.driverId,
    status: trip.status,
    previous,
    at,
    by,
  };
}

export function assignmentEvent(trip: Trip, previous: string | null, at: number, by: Actor): TripHappened {
  return { id: `${trip.id}/assignment/${trip.revision}`, kind: 'assignment', tripId: trip.id, driverId: trip.driverId, previous, at, by };
}

function stopEvent(trip: Trip, hit: StopHit, at: number): TripHappened {
  const { stop, kind, distance } = hit;
  return {
    id: `${trip.id}/${stop.id}/${kind}`,
    kind,
    tripId: trip.id,
    // Stops are only ever decided by the fixes or the end of a trip that somebody drives.
    driverId: trip.driverId as string,
    stopId: stop.id,
    stopType: stop.type,
    partyId: stop.partyId,
    bookingId: stop.bookingId,
    distance: distance === null ? null : Math.round(distance * 10) / 10,
    at,
  };
}
