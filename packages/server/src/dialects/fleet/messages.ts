import { ERRORS, type ErrorCode, Id, IsoTime, Moment, TRIP_STATUSES } from '@waycast/protocol';
import Type, { type Static, type TSchema } from 'typebox';

/** The events of the fleet clients, with their payloads as schemas. Degrees, km/h, m; times ISO 8601 [K]. */

const closed = { additionalProperties: false };

function maybe(options: { minimum?: number; maximum?: number; exclusiveMaximum?: number; description: string }) {
  return Type.Optional(Type.Union([Type.Number(options), Type.Null()]));
}

const latitude = Type.Optional(Type.Number({ minimum: -90, maximum: 90, description: 'degrees, WGS 84; also `lat`' }));
const longitude = Type.Optional(Type.Number({ minimum: -180, maximum: 180, description: 'degrees, WGS 84; also `lng`' }));
const heading = { minimum: 0, exclusiveMaximum: 360, description: 'degrees from north, clockwise; also `heading`' };

export const DriverLocation = Type.Object(
  {
    latitude,
    longitude,
    lat: latitude,
    lng: longitude,
    bearing: maybe(heading),
    heading: maybe(heading),
    speed: maybe({ minimum: 0, maximum: 100_000, description: 'km/h' }),
    accuracy: maybe({ minimum: 0, maximum: 10_000_000, description: 'm, radius' }),
    altitude: maybe({ minimum: -20_000, maximum: 10_000_000, description: 'm' }),
    timestamp: Type.Optional(Type.Union([Moment, Type.Null()], { description: 'when it was captured; absent: now' })),
  },
  { ...closed, title: 'driver:location' },
);
export type DriverLocation = Static<typeof DriverLocation>;

export const DriverOnline = Type.Object({ available: Type.Boolean() }, { ...closed, title: 'driver:online' });
export const DriverOffline = Type.Object({}, { ...closed, title: 'driver:offline', description: 'may be left out' });
export const RiderSubscribe = Type.Object({ driverId: Id, tripId: Id }, { ...closed, title: 'rider:subscribe' });
export const RiderUnsubscribe = Type.Object({ driverId: Id }, { ...closed, title: 'rider:unsubscribe' });
export const JoinRide = Type.Object({ rideId: Id }, { ...closed, title: 'join_ride' });
export const LeaveRide = Type.Object({ rideId: Id }, { ...closed, title: 'leave_ride' });
export const AuthRefresh = Type.Object({ token: Type.String({ minLength: 1, maxLength: 8_192 }) }, { ...closed, title: 'auth:refresh' });

/** What clients emit, by event; each may carry an acknowledgement callback. */
export const CLIENT_MESSAGES = {
  'driver:location': DriverLocation,
  'driver:online': DriverOnline,
  'driver:offline': DriverOffline,
  'rider:subscribe': RiderSubscribe,
  'rider:unsubscribe': RiderUnsubscribe,
  'auth:refresh': AuthRefresh,
  join_ride: JoinRide,
  leave_ride: LeaveRide,
} as const satisfies Record<string, TSchema>;
export type ClientEvent = keyof typeof CLIENT_MESSAGES;

/** Events of the hybrid contract: there only where that is served. */
export const HYBRID_EVENTS: ReadonlySet<ClientEvent> = new Set(['join_ride', 'leave_ride']);

const Code = Type.Enum(Object.keys(ERRORS) as ErrorCode[]);
const Maybe = Type.Union([Type.Number(), Type.Null()]);
const MaybeTime = Type.Union([IsoTime, Type.Null()]);

export const Connected = Type.Object(
  { userId: Type.String(), role: Type.String({ description: 'DRIVER, RIDER, ADMIN, ...' }), expiresAt: MaybeTime },
  { title: 'connected' },
);
export type Connected = Static<typeof Connected>;

export const Refusal = Type.Object(
  {
    code: Code,
    message: Type.String(),
    field: Type.Optional(Type.String({ description: 'JSON pointer into what was sent' })),
    event: Type.Optional(Type.String({ description: 'the event that was refused' })),
    tripId: Type.Optional(Id),
    retryAfter: Type.Optional(Type.Number({ description: 's' })),
  },
  { title: 'error' },
);
export type Refusal = Static<typeof Refusal>;

export const Warning = Type.Object({ code: Type.Literal('suspect_fix'), message: Type.String(), timestamp: IsoTime }, { title: 'warning' });
export type Warning = Static<typeof Warning>;

export const LiveLocation = Type.Object(
  { driverId: Id, latitude: Type.Number(), longitude: Type.Number(), bearing: Maybe, speed: Maybe, timestamp: IsoTime },
  { title: 'driver:location' },
);
export type LiveLocation = Static<typeof LiveLocation>;

export const TripUpdate = Type.Object({ tripId: Id, status: Type.Enum([...TRIP_STATUSES]), eta: MaybeTime }, { title: 'trip:update' });
export type TripUpdate = Static<typeof TripUpdate>;

export const HybridLocation = Type.Object({ lat: Type.Number(), lng: Type.Number(), eta: MaybeTime }, { title: 'driver_location' });
export type HybridLocation = Static<typeof HybridLocation>;

/** What the server emits, by event. */
export const SERVER_MESSAGES = {
  connected: Connected,
  error: Refusal,
  warning: Warning,
  'driver:location': LiveLocation,
  'trip:update': TripUpdate,
  driver_location: HybridLocation,
} as const satisfies Record<string, TSchema>;
export type ServerEvent = keyof typeof SERVER_MESSAGES;

/** What an acknowledgement callback is given. */
export const Acknowledgement = Type.Union(
  [
    Type.Object({
      ok: Type.Literal(true),
      seq: Type.Integer({ description: 'where the feed of the driver, or of the trip subscribed to, stands' }),
      stored: Type.Literal(true),
      suspect: Type.Optional(Type.Literal(true, { description: 'kept, but it cannot be: not shown to anybody' })),
    }),
    Type.Object({
      ok: Type.Literal(false),
      code: Code,
      message: Type.String(),
      field: Type.Optional(Type.String()),
      retryAfter: Type.Optional(Type.Number()),
    }),
  ],
  { title: 'Acknowledgement' },
);
export type Acknowledgement = Static<typeof Acknowledgement>;
