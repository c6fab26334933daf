import { asText, Id, isId, type Validator, validator } from '@waycast/protocol';
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

const Booking = Type.Object({
  id: Id,
  ride_id: Id,
  passenger_id: Id,
  status: Status,
  pickup_location: Place,
  dropoff_location: Place,
});

const rideShape = validator(Ride);
const bookingShape = validator(Booking);
const bookingsShape = validator(Type.Array(Type.Unknown(), { maxItems: MOST_BOOKINGS }));

/** A number as text. */
const NUMBER = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$/;

/** A booking that cannot be used: the others count all the same [X8]. */
export interface LeftOut {
  /** Its place in the answer. */
  readonly index: number;
  /** null when it has none that could be one. */
  readonly id: string | null;
  /** What does not fit, a JSON pointer into it; '' for all of it. */
  readonly field: string;
  readonly message: string;
}

/** @throws WrongAnswer naming the member that does not fit */
export function readRide(rideId: string, body: unknown): ExternalRide {
  const meant = isRecord(body)
    ? {
        ...body,
        id: meantId(body.id),
        driver_id: meantId(body.driver_id),
        destination_lat: meantDegrees(body.destination_lat),
        destination_lng: meantDegrees(body.destination_lng),
      }
    : body;
  mustFit(rideShape, meant);
  const { id, driver_id: driverId, driver_name: name, status } = meant;
  if (id !== rideId) throw new WrongAnswer('/id: it is another ride');
  return { id, driverId, driverName: asText(name?.trim().slice(0, NAME_LENGTH) ?? '') || null, destination: destinationOf(meant), status };
}

/**
 * The bookings of a ride that can be used, and those that cannot.
 * @throws WrongAnswer when it is no list of bookings at all
 */
export function readBookings(rideId: string, body: unknown): { bookings: ExternalBooking[]; leftOut: LeftOut[] } {
  mustFit(bookingsShape, body);
  const bookings = new Map<string, ExternalBooking>();
  const leftOut: LeftOut[] = [];
  for (const [index, sent] of body.entries()) {
    const meant = isRecord(sent) ? meantBooking(sent) : sent;
    const id = isRecord(meant) && isId(meant.id) ? meant.id : null;
    const leaveOut = (field: string, message: string) => leftOut.push({ index, id, field, message });
    if (!bookingShape.check(meant)) {
      const { field, message } = bookingShape.failure(meant);
      leaveOut(field, message);
    } else if (meant.ride_id !== rideId) leaveOut('/ride_id', 'it is a booking of another ride');
    else if (bookings.has(meant.id)) leaveOut('/id', 'a booking before it has it');
    else bookings.set(meant.id, bookingOf(meant));
  }
  return { bookings: [...bookings.values()], leftOut };
}

function bookingOf({ id, ride_id, passenger_id, status, pickup_location, dropoff_location }: Static<typeof Booking>): ExternalBooking {
  return { id, rideId: ride_id, passengerId: passenger_id, status, pickup: placeOf(pickup_location), dropoff: placeOf(dropoff_location) };
}

function meantBooking(sent: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { id, ride_id, passenger_id, status, pickup_location, dropoff_location } = sent;
  return {
    id: meantId(id),
    ride_id: meantId(ride_id),
    passenger_id: meantId(passenger_id),
    status,
    pickup_location: meantPlace(pickup_location),
    dropoff_location: meantPlace(dropoff_location),
  };
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

/** Many services count their things: 7 is the id "7". One that has lost digits on its way is none. */
function meantId(sent: unknown): unknown {
  return Number.isSafeInteger(sent) ? String(sent) : sent;
}

/** Databases hand decimals out as text. */
function meantDegrees(sent: unknown): unknown {
  return typeof sent === 'string' && NUMBER.test(sent) ? Number(sent) : sent;
}

function meantPlace(sent: unknown): unknown {
  return isRecord(sent) ? { lat: meantDegrees(sent.lat), lng: meantDegrees(sent.lng) } : sent;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mustFit<T>(shape: Validator<T>, body: unknown): asserts body is T {
  if (shape.check(body)) return;
  const { field, message } = shape.failure(body);
  throw new WrongAnswer(`${field === '' ? 'the body' : field}: ${message}`);
}
