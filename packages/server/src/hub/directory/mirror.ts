import { createHash } from 'node:crypto';
import {
  BOOKING_STATUSES,
  type BookingStatus,
  isId,
  type StopInput,
  type TripInput,
  type TripPatch,
  type TripStatus,
} from '@waycast/protocol';
import { type Stop, stopsFrom } from '../../core/stops.ts';
import type { Trip } from '../../core/trip.ts';
import type { ExternalBooking, ExternalRide } from './directory.ts';

/** Where the ride itself ends: a drop-off of nobody. */
const DESTINATION = 'destination';

/** What the services say; undefined where none is set, or nothing is known: then the own registry's word stands. */
export interface Outside {
  readonly ride: ExternalRide | undefined;
  readonly bookings: readonly ExternalBooking[] | undefined;
}

/** The trip that a ride outside becomes here [X3]. */
export function newMirror(ride: ExternalRide, bookings: readonly ExternalBooking[] | undefined): TripInput {
  const { id, driverId, driverName } = ride;
  return { id, kind: 'ride', driverId, driverName, stops: mirroredStops([], { ride, bookings }) };
}

/** What has to change for a trip to say what the services say; null when nothing has to. */
export function mirrorPatch(trip: Trip, outside: Outside): TripPatch | null {
  const { ride } = outside;
  const stops = mirroredStops(trip.stops, outside);
  const patch: TripPatch = {
    ...(ride !== undefined && ride.driverId !== trip.driverId && { driverId: ride.driverId }),
    ...(ride !== undefined && ride.driverName !== trip.driverName && { driverName: ride.driverName }),
    ...(!areSame(stopsFrom(stops), trip.stops) && { stops }),
  };
  return Object.keys(patch).length === 0 ? null : patch;
}

/** How a ride has ended outside; null while it has not, or in words nobody here knows [X5]. */
export function endOf(status: string): TripStatus | null {
  switch (status.trim().toLowerCase()) {
    case 'completed':
    case 'finished':
      return 'COMPLETED';
    case 'cancelled':
    case 'canceled':
      return 'CANCELLED';
    default:
      return null;
  }
}

/** The bookings by id, so that the order they were listed in means nothing; what is the trip's own; where it ends [X3]. */
function mirroredStops(before: readonly Stop[], { ride, bookings }: Outside): StopInput[] {
  const kept = before.filter(
    ({ id, bookingId }) => !(ride !== undefined && id === DESTINATION) && !(bookings !== undefined && bookingId !== null),
  );
  const stops = (bookings ?? []).toSorted((a, b) => (a.id < b.id ? -1 : 1)).flatMap(bookingStops);
  // A stop of the trip's own may have taken the name of one of these: events would hide each other's [G8].
  const taken = new Set(stops.map(({ id }) => id));
  for (const stop of kept) if (!taken.has(stop.id)) stops.push(asInput(stop));
  if (ride !== undefined && ride.destination !== null) stops.push({ id: DESTINATION, type: 'dropoff', ...ride.destination });
  return stops;
}

function bookingStops({ id, passengerId, status, pickup, dropoff }: ExternalBooking): StopInput[] {
  const booking = { partyId: passengerId, bookingId: id, bookingStatus: bookingStatus(status) };
  return [
    { id: stopId(id, 'p'), type: 'pickup', ...pickup, ...booking },
    { id: stopId(id, 'd'), type: 'dropoff', ...dropoff, ...booking },
  ];
}

/** A status nobody here knows opens no door and counts no stop: it is pending [X4]. */
function bookingStatus(status: string): BookingStatus {
  const lower = status.trim().toLowerCase();
  if (lower === 'canceled') return 'cancelled';
  return BOOKING_STATUSES.find((known) => known === lower) ?? 'pending';
}

/** A booking's id may be as long as ids may be; then its digest stands in the stop's. */
function stopId(bookingId: string, which: 'p' | 'd'): string {
  const id = `b.${bookingId}.${which}`;
  return isId(id) ? id : `b.${createHash('sha256').update(bookingId).digest('base64url')}.${which}`;
}

function asInput({ id, type, lat, lng, partyId, bookingId, bookingStatus, name, approachRadius, arriveRadius }: Stop): StopInput {
  return {
    id,
    type,
    lat,
    lng,
    ...(partyId !== null && { partyId }),
    ...(bookingId !== null && { bookingId }),
    ...(bookingStatus !== null && { bookingStatus }),
    ...(name !== null && { name }),
    approachRadius,
    arriveRadius,
  };
}

/** But for progress, which is the trip's own. */
function areSame(a: readonly Stop[], b: readonly Stop[]): boolean {
  const told = (stops: readonly Stop[]) => JSON.stringify(stops.map(asInput));
  return told(a) === told(b);
}
