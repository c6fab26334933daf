import { secondsFor } from './eta.ts';
import type { Happened } from './events.ts';
import type { Fix } from './fix.ts';
import type { Trip } from './trip.ts';

/**
 * What an event has to tell a service outside, in that service's words: the notification service reaches a person,
 * the order service keeps the order's status.
 */
export interface Notice {
  readonly topic: 'notification' | 'order';
  readonly type: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * The notices one event leads to [W2, W3]. `trip` is as it was right after the event, its last fix the one that decided
 * a stop; `publicUrl` is where people reach this server, for links.
 */
export function noticesOf(event: Happened, trip: Trip | null, publicUrl: string | undefined): readonly Notice[] {
  if (trip === null) return NONE;
  if (trip.kind === 'delivery') return event.kind === 'status' ? deliveryNotices(event, trip, publicUrl) : NONE;
  return event.kind === 'approaching' || event.kind === 'arrived' ? pickupNotices(event, trip) : NONE;
}

const NONE: readonly Notice[] = [];
type StatusHappened = Extract<Happened, { kind: 'status' }>;
type StopHappened = Extract<Happened, { stopId: string }>;

function pickupNotices(event: StopHappened, trip: Trip): readonly Notice[] {
  const { kind, stopType, partyId, bookingId, distance } = event;
  if (stopType !== 'pickup' || partyId === null) return NONE;
  const data = { ride_id: trip.id, booking_id: bookingId, driver_name: trip.driverName };
  if (kind === 'arrived') return [notification('driver_arrived', { user_id: partyId }, data)];
  return [
    notification('driver_approaching', { user_id: partyId }, { ...data, eta_minutes: minutesTo(trip, distance ?? 0, trip.lastPoint) }),
  ];
}

/** To the pickup itself, not to the end of the ride; a minute that has begun counts [E1]. */
function minutesTo(trip: Trip, meters: number, fix: Fix | null): number {
  return Math.ceil(secondsFor(trip.kind, meters, fix?.speed ?? null) / 60);
}

function deliveryNotices(event: StatusHappened, trip: Trip, publicUrl: string | undefined): readonly Notice[] {
  const { order } = trip;
  if (order === null) return NONE;
  const url = publicUrl === undefined ? null : `${publicUrl.replace(/\/+$/, '')}/tracking/${trip.id}`;
  const data = { tracking_id: trip.id, order_id: order.id, status: event.status, url };
  if (event.previous === null)
    return order.phone === null ? NONE : [notification('tracking_started', { channel: 'sms', to: order.phone }, data)];
  const whom = addressee(trip, order);
  const changed = notification('status_changed', whom, data);
  if (event.status !== 'DELIVERED') return [changed];
  const body = { order_id: order.id, status: event.status, delivered_at: Math.floor(event.at / 1000), tracking_id: trip.id };
  return [changed, notification('delivered', whom, data), { topic: 'order', type: 'DELIVERED', body }];
}

/** By text message where there is a phone; else by push to whom the drop-off is for, and with nobody named, to whoever ordered. */
function addressee(trip: Trip, order: { readonly id: string; readonly phone: string | null }): Readonly<Record<string, string>> {
  const party = trip.stops.findLast((stop) => stop.type === 'dropoff' && stop.partyId !== null)?.partyId ?? null;
  const user = party === null ? {} : { user_id: party };
  return order.phone === null ? { channel: 'push', to: party ?? order.id, ...user } : { channel: 'sms', to: order.phone, ...user };
}

function notification(type: string, whom: Readonly<Record<string, string>>, data: Readonly<Record<string, unknown>>): Notice {
  return { topic: 'notification', type, body: { ...whom, type, data } };
}
