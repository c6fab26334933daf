import type { BookingBody, RideBody } from '../../../../../../test/support/outside-services.ts';

export const HOME = { lat: 37.3352, lng: -121.8811 };
export const WORK = { lat: 37.4, lng: -122 };
export const AIRPORT = { lat: 37.6213, lng: -122.379 };

/** A ride as the ride service sends it. */
export function ride(id: string, more: Partial<RideBody> = {}): RideBody {
  return {
    id,
    driver_id: 'd-1',
    driver_name: 'Ada',
    destination_lat: AIRPORT.lat,
    destination_lng: AIRPORT.lng,
    status: 'active',
    ...more,
  };
}

/** A booking as the booking service sends it. */
export function booking(rideId: string, id: string, more: Partial<BookingBody> = {}): BookingBody {
  return { id, ride_id: rideId, passenger_id: `p-${id}`, status: 'approved', pickup_location: HOME, dropoff_location: WORK, ...more };
}
