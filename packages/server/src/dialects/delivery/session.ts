import type { TripStatus } from '@waycast/protocol';
import { secondsFor } from '../../core/eta.ts';
import type { Fix } from '../../core/fix.ts';
import { haversine } from '../../core/geo.ts';
import { endedAt, type Trip } from '../../core/trip.ts';
import type { DeliverySession, Progress, PublicSession, Step } from './messages.ts';

/** What a session shows of its trip. Epoch ms. */
export interface SessionState {
  readonly id: string;
  readonly orderId: string;
  readonly riderId: string | null;
  readonly status: TripStatus;
  readonly isOver: boolean;
  readonly location: { readonly lat: number; readonly lng: number; readonly at: number } | null;
  readonly dropoff: { readonly lat: number; readonly lng: number };
  readonly updatedAt: number;
}

/** Of a trip that has an order and a drop-off, as every session has. */
export function stateOf(trip: Trip): SessionState {
  const { id, order, driverId, status, lastPoint, updatedAt } = trip;
  const stop = trip.stops.findLast(({ type }) => type === 'dropoff');
  if (order === null || stop === undefined) throw new Error(`the trip ${id} is no tracking session`);
  return {
    id,
    orderId: order.id,
    riderId: driverId,
    status,
    isOver: endedAt(trip) !== null,
    location: lastPoint === null ? null : placeOf(lastPoint),
    dropoff: { lat: stop.lat, lng: stop.lng },
    updatedAt,
  };
}

/** The same after a fix that counted. */
export function movedTo(state: SessionState, fix: Fix): SessionState {
  return { ...state, location: placeOf(fix), updatedAt: Math.max(state.updatedAt, fix.at) };
}

/** For whoever may know the courier. */
export function sessionOf(state: SessionState): DeliverySession {
  return { ...publicSessionOf(state), rider_id: state.riderId };
}

export function publicSessionOf(state: SessionState): PublicSession {
  const { tracking_id, status, current_location, eta_seconds, updated_at } = progressOf(state);
  return { tracking_id, order_id: state.orderId, status, current_location, dropoff: state.dropoff, eta_seconds, updated_at };
}

export function progressOf(state: SessionState): Progress {
  const { id, location, updatedAt } = state;
  return {
    tracking_id: id,
    // The only statuses a delivery has.
    status: state.status as Step | 'CANCELLED',
    current_location: location === null ? null : { lat: location.lat, lng: location.lng, timestamp: inSeconds(location.at) },
    eta_seconds: etaOf(state),
    updated_at: inSeconds(updatedAt),
  };
}

/** Straight to the drop-off, at the pace of deliveries [Y6]. */
function etaOf({ isOver, location, dropoff }: SessionState): number | null {
  if (isOver || location === null) return null;
  return secondsFor('delivery', haversine(location.lat, location.lng, dropoff.lat, dropoff.lng), null);
}

function placeOf({ lat, lng, at }: Fix): SessionState['location'] {
  return { lat, lng, at };
}

function inSeconds(at: number): number {
  return Math.floor(at / 1000);
}
