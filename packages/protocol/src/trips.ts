import Type, { type Static } from 'typebox';
import { Id } from './ids.ts';
import { Text } from './text.ts';
import { IsoTime, Moment } from './time.ts';

export const TRIP_KINDS = ['ride', 'delivery'] as const;
export type TripKind = (typeof TRIP_KINDS)[number];
export const STOP_TYPES = ['pickup', 'dropoff', 'waypoint'] as const;
export type StopType = (typeof STOP_TYPES)[number];
export const BOOKING_STATUSES = ['pending', 'approved', 'rejected', 'cancelled', 'completed'] as const;
export type BookingStatus = (typeof BOOKING_STATUSES)[number];
export const TRIP_STATUSES = [
  'PENDING',
  'EN_ROUTE',
  'ARRIVED',
  'IN_PROGRESS',
  'COMPLETED',
  'ASSIGNED',
  'PICKED_UP',
  'IN_TRANSIT',
  'DELIVERED',
  'CANCELLED',
] as const;
export type TripStatus = (typeof TRIP_STATUSES)[number];
export const STOP_EVENTS = ['approaching', 'arrived', 'departed'] as const;
export type StopEvent = (typeof STOP_EVENTS)[number];

const lat = Type.Number({ minimum: -90, maximum: 90 });
const lng = Type.Number({ minimum: -180, maximum: 180 });
const Name = Text({ minLength: 1, maxLength: 200 });
const Radius = Type.Number({ exclusiveMinimum: 0, maximum: 50_000, description: 'm' });

export const StopInput = Type.Object(
  {
    id: Type.Optional(Id),
    type: Type.Enum([...STOP_TYPES]),
    lat,
    lng,
    partyId: Type.Optional(Id),
    bookingId: Type.Optional(Id),
    bookingStatus: Type.Optional(Type.Enum([...BOOKING_STATUSES])),
    name: Type.Optional(Name),
    approachRadius: Type.Optional(Radius),
    arriveRadius: Type.Optional(Radius),
  },
  { additionalProperties: false, title: 'StopInput' },
);
export type StopInput = Static<typeof StopInput>;

const Stops = Type.Array(StopInput, { maxItems: 100 });
const Labels = Type.Array(Text({ minLength: 1, maxLength: 64 }), { maxItems: 20 });
const OrderId = Text({ minLength: 1, maxLength: 128, description: 'the order a trip delivers' });

export const TripInput = Type.Object(
  {
    id: Type.Optional(Id),
    kind: Type.Enum([...TRIP_KINDS]),
    driverId: Type.Optional(Type.Union([Id, Type.Null()])),
    driverName: Type.Optional(Type.Union([Name, Type.Null()])),
    stops: Stops,
    labels: Type.Optional(Labels),
    orderId: Type.Optional(OrderId),
    phone: Type.Optional(Text({ minLength: 1, maxLength: 32, description: 'whom text messages about the order go to; never shown' })),
    expiresAt: Type.Optional(Moment),
    at: Type.Optional(Moment),
  },
  { additionalProperties: false, title: 'TripInput' },
);
export type TripInput = Static<typeof TripInput>;

/** What may be changed: who drives it, its stops (given whole; a stop keeps its progress by id), its labels. */
export const TripPatch = Type.Object(
  {
    driverId: Type.Optional(Type.Union([Id, Type.Null()])),
    driverName: Type.Optional(Type.Union([Name, Type.Null()])),
    stops: Type.Optional(Stops),
    labels: Type.Optional(Labels),
    at: Type.Optional(Moment),
  },
  { additionalProperties: false, title: 'TripPatch', minProperties: 1 },
);
export type TripPatch = Static<typeof TripPatch>;

export const StatusInput = Type.Object(
  {
    status: Type.Enum([...TRIP_STATUSES]),
    location: Type.Optional(Type.Object({ lat, lng }, { additionalProperties: false })),
    at: Type.Optional(Moment),
  },
  { additionalProperties: false, title: 'StatusInput' },
);
export type StatusInput = Static<typeof StatusInput>;

const OptionalTime = Type.Union([IsoTime, Type.Null()]);

export const StopView = Type.Object(
  {
    id: Id,
    type: Type.Enum([...STOP_TYPES]),
    lat,
    lng,
    partyId: Type.Union([Id, Type.Null()]),
    bookingId: Type.Union([Id, Type.Null()]),
    bookingStatus: Type.Union([Type.Enum([...BOOKING_STATUSES]), Type.Null()]),
    name: Type.Union([Name, Type.Null()]),
    approachRadius: Radius,
    arriveRadius: Radius,
    approachingAt: OptionalTime,
    arrivedAt: OptionalTime,
    departedAt: OptionalTime,
  },
  { title: 'Stop' },
);
export type StopView = Static<typeof StopView>;

export const TripView = Type.Object(
  {
    id: Id,
    kind: Type.Enum([...TRIP_KINDS]),
    status: Type.Enum([...TRIP_STATUSES]),
    driverId: Type.Union([Id, Type.Null()]),
    driverName: Type.Union([Name, Type.Null()]),
    stops: Type.Array(StopView),
    labels: Type.Array(Type.String()),
    orderId: Type.Union([OrderId, Type.Null()]),
    revision: Type.Integer({ description: 'grows by one with every change' }),
    distance: Type.Number({ description: 'm, along the plausible fixes counted for the trip' }),
    duration: Type.Union([Type.Number(), Type.Null()], { description: 's, from startedAt to completedAt' }),
    createdAt: IsoTime,
    startedAt: OptionalTime,
    arrivedAt: OptionalTime,
    completedAt: OptionalTime,
    cancelledAt: OptionalTime,
    expiresAt: OptionalTime,
  },
  { title: 'Trip' },
);
export type TripView = Static<typeof TripView>;

export const Eta = Type.Object(
  {
    stopId: Id,
    seconds: Type.Integer({ description: 's from now' }),
    distance: Type.Number({ description: 'm still to go' }),
    at: IsoTime,
  },
  { title: 'Eta' },
);
export type Eta = Static<typeof Eta>;
