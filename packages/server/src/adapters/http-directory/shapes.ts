import { Id, type Validator, validator } from '@waycast/protocol';
import Type, { type Static } from 'typebox';
import type { ExternalBooking, ExternalPlace, ExternalRide } from '../../hub/directory/directory.ts';
import { WrongAnswer } from './get-json.ts';

const MOST_BOOKINGS = 200;
/** As long as a name may be here. */
const NAME_LENGTH = 200;

const Lat = Type.Number({ minimum: -90, maximum: 90 });
const Lng = Type.Number({ minimum: -180, maximum: 180 });
const Place = Type.Object({ lat: Lat, lng: Lng });
const Status = Type.String({ maxLength: 64 });

/** What else the services send is theirs: it is not looked at. */
const Ride = Type.Object({
  id: Id,
  driver_id: Type.Union([Id, Type.Null()]),
  driver_name: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  destination_lat: Type.Union([Lat, Type.Null()]),
  destination_lng: Type.Union([Lng, Type.Null()]),
  status: Status,
});

const Bookings = Type.Array(
  Type.Object({ id: Id, ride_id: Id, passenger_id: Id, status: Status, pickup_location: Place, dropoff_location: Place }),
  { maxItems: MOST_BOOKINGS },
);

const rideShape = validator(Ride);
const bookingsShape = validator(Bookings);

/** @throws WrongAnswer naming the member that does not fit */
export function readRide(rideId: string, body: unknown): ExternalRide {
  mustFit(rideShape, body);
  const { id, driver_id: driverId, driver_name: name, status } = body;
  if (id !== rideId) throw new WrongAnswer('/id: it is another ride');
  return { id, driverId, driverName: name?.trim().slice(0, NAME_LENGTH) || null, destination: destinationOf(body), status };
}

/** @throws WrongAnswer naming the member that does not fit */
export function readBookings(rideId: string, body: unknown): ExternalBooking[] {
  mustFit(bookingsShape, body);
  const ids = new Set<string>();
  return body.map(({ id, ride_id, passenger_id, status, pickup_location, dropoff_location }, index) => {
    if (ride_id !== rideId) throw new WrongAnswer(`/${index}/ride_id: it is a booking of another ride`);
    if (ids.has(id)) throw new WrongAnswer(`/${index}/id: two bookings have it`);
    ids.add(id);
    return { id, rideId, passengerId: passenger_id, status, pickup: placeOf(pickup_location), dropoff: placeOf(dropoff_location) };
  });
}

/** A ride may end nowhere in particular; then both are null. */
function destinationOf({ destination_lat: lat, destination_lng: lng }: Static<typeof Ride>): ExternalPlace | null {
  if (lat === null && lng === null) return null;
  if (lat === null || lng === null) throw new WrongAnswer(`/destination_${lat === null ? 'lat' : 'lng'}: one of two is null`);
  return { lat, lng };
}

/** Only what is ours: members nobody asked for stay out. */
function placeOf({ lat, lng }: ExternalPlace): ExternalPlace {
  return { lat, lng };
}

function mustFit<T>(shape: Validator<T>, body: unknown): asserts body is T {
  if (shape.check(body)) return;
  const { field, message } = shape.failure(body);
  throw new WrongAnswer(`${field === '' ? 'the body' : field}: ${message}`);
}
