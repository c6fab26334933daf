import { isoTime, type RideStatusMessage, type TripStatus } from '@waycast/protocol';
import type { LocationPublished } from '../../core/effects.ts';
import { etasOf, type Sees } from '../../core/eta.ts';
import type { Trip } from '../../core/trip.ts';

/** What a passenger reads. */
const WORDS: Readonly<Record<TripStatus, string>> = {
  PENDING: 'Waiting for the driver to set off',
  EN_ROUTE: 'Your driver is on the way',
  ARRIVED: 'Your driver has arrived',
  IN_PROGRESS: 'You are on the way',
  COMPLETED: 'You have arrived',
  ASSIGNED: 'A courier has your order',
  PICKED_UP: 'Your order was picked up',
  IN_TRANSIT: 'Your order is on the way',
  DELIVERED: 'Your order was delivered',
  CANCELLED: 'This trip was cancelled',
};

/** How a ride stands, by its last position on the way to a stop that its reader `sees` [H2]. */
export function rideStatus(trip: Trip, last: LocationPublished | null, sees: Sees): RideStatusMessage {
  const next = last === null || last.plan === null ? undefined : etasOf(last.plan, last.fix, last.now, sees)[0];
  return {
    type: 'ride_status',
    rideId: trip.id,
    status: trip.status,
    eta: next === undefined ? null : isoTime(next.at),
    message: WORDS[trip.status],
  };
}
