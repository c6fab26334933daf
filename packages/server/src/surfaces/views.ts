import {
  type DriverErasure,
  type DriverView,
  type Eta,
  isoTime,
  type Location,
  type MessageEvent,
  type NearbyDriver as NearbyDriverView,
  type StopView,
  type StoredLocation,
  type TrackingEvent,
  type TrackSearchResult,
  type TripView,
} from '@waycast/protocol';
import { driverStatus, type SeenDriver } from '../core/driver.ts';
import type { FixRow } from '../core/effects.ts';
import type { StopEta } from '../core/eta.ts';
import type { Happened, MessageHappened } from '../core/events.ts';
import type { Fix } from '../core/fix.ts';
import type { Stop } from '../core/stops.ts';
import type { Trip } from '../core/trip.ts';
import type { FleetRow } from '../hub/delivery.ts';
import type { NearbyDriver } from '../hub/nearby.ts';
import type { Erasure, Pass } from '../hub/storage-ports.ts';

/** What is inside as clients see it: ISO times, no bookkeeping. The native shape, shared by REST and stream. */

function timeOrNull(at: number | null): string | null {
  return at === null ? null : isoTime(at);
}

export function locationView({ lat, lng, speed, bearing, accuracy, altitude, at }: Fix): Location {
  return { lat, lng, speed, bearing, accuracy, altitude, timestamp: isoTime(at) };
}

export function storedLocationView({ fix, receivedAt }: FixRow, suspect: boolean): StoredLocation {
  return { ...locationView(fix), receivedAt: isoTime(receivedAt), suspect };
}

function stopView(stop: Stop): StopView {
  const { id, type, lat, lng, partyId, bookingId, bookingStatus, name, approachRadius, arriveRadius } = stop;
  return {
    id,
    type,
    lat,
    lng,
    partyId,
    bookingId,
    bookingStatus,
    name,
    approachRadius,
    arriveRadius,
    approachingAt: timeOrNull(stop.approachingAt),
    arrivedAt: timeOrNull(stop.arrivedAt),
    departedAt: timeOrNull(stop.departedAt),
  };
}

export function tripView(trip: Trip): TripView {
  const { id, kind, status, driverId, driverName, labels, revision, startedAt, completedAt } = trip;
  return {
    id,
    kind,
    status,
    driverId,
    driverName,
    stops: trip.stops.map(stopView),
    labels: [...labels],
    orderId: trip.order?.id ?? null,
    revision,
    distance: Math.round(trip.distance * 10) / 10,
    duration: startedAt === null || completedAt === null ? null : (completedAt - startedAt) / 1000,
    createdAt: isoTime(trip.createdAt),
    startedAt: timeOrNull(startedAt),
    arrivedAt: timeOrNull(trip.arrivedAt),
    completedAt: timeOrNull(completedAt),
    cancelledAt: timeOrNull(trip.cancelledAt),
    expiresAt: timeOrNull(trip.expiresAt),
  };
}

export function driverView(driver: SeenDriver): DriverView {
  const { id, available, stale, latest, lastSeenAt, profile } = driver;
  return {
    id,
    status: driverStatus(driver),
    available,
    stale,
    location: latest === null ? null : locationView(latest),
    lastSeenAt: timeOrNull(lastSeenAt),
    trips: driver.trips.map((active) => active.trip.id),
    ...profile,
  };
}

export function erasureView({ driver, at }: Erasure): DriverErasure {
  return { driver, since: isoTime(at), state: 'erasing' };
}

export function etaViews(etas: readonly StopEta[]): Eta[] {
  return etas.map(({ stopId, seconds, distance, at }) => ({ stopId, seconds, distance, at: isoTime(at) }));
}

export function eventView(event: Happened): TrackingEvent {
  return { ...event, at: isoTime(event.at) };
}

/** What somebody wrote on a trip. */
export function messageView(event: MessageHappened): MessageEvent {
  return { ...event, at: isoTime(event.at) };
}

export function fleetRowView({ driver, name, status, stale, lat, lng, speed, bearing, at, trips }: FleetRow) {
  return { driver, name, status, stale, lat, lng, speed, bearing, timestamp: isoTime(at), trips: [...trips] };
}

export function nearbyDriverView({ row, distance }: NearbyDriver): NearbyDriverView {
  const { driver, name, vehicle, lat, lng, speed, bearing, at, status } = row;
  return { id: driver, name, vehicle, lat, lng, speed, bearing, timestamp: isoTime(at), status, distance: Math.round(distance * 10) / 10 };
}

export function passView({ driver, first, last, fixes, nearest }: Pass): TrackSearchResult['passes'][number] {
  const { lat, lng, at, distance } = nearest;
  const found = { lat, lng, timestamp: isoTime(at), distance: Math.round(distance * 10) / 10 };
  return { driver, first: isoTime(first), last: isoTime(last), fixes, nearest: found };
}
