import { ERRORS, type ErrorCode, Id, IsoTime, MessageText, Moment, Text, TRIP_STATUSES } from '@waycast/protocol';
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
  {
    ...closed,
    title: 'driver:location',
    description: 'A position of the driver; its callback is answered once it is stored.',
    examples: [{ latitude: 41.3919, longitude: 2.1651, bearing: 45, speed: 20, accuracy: 5, timestamp: '2026-01-05T08:00:00.000Z' }],
  },
);
export type DriverLocation = Static<typeof DriverLocation>;

export const DriverOnline = Type.Object(
  { available: Type.Boolean() },
  {
    ...closed,
    title: 'driver:online',
    description: 'The driver is there, and takes trips or not.',
    examples: [{ available: true }],
  },
);
export const DriverOffline = Type.Object(
  {},
  { ...closed, title: 'driver:offline', description: 'The driver goes offline at once; the payload may be left out.', examples: [{}] },
);
export const RiderSubscribe = Type.Object(
  { driverId: Id, tripId: Id },
  {
    ...closed,
    title: 'rider:subscribe',
    description: 'Follows the driver on a trip of the rider.',
    examples: [{ driverId: 'car-1', tripId: 'ride-1' }],
  },
);
export const RiderUnsubscribe = Type.Object(
  { driverId: Id },
  {
    ...closed,
    title: 'rider:unsubscribe',
    description: 'Follows the driver no more.',
    examples: [{ driverId: 'car-1' }],
  },
);
export const JoinRide = Type.Object(
  { rideId: Id },
  {
    ...closed,
    title: 'join_ride',
    description: 'Follows a ride, as hybrid clients do.',
    examples: [{ rideId: 'ride-1' }],
  },
);
export const LeaveRide = Type.Object(
  { rideId: Id },
  {
    ...closed,
    title: 'leave_ride',
    description: 'Follows a ride no more.',
    examples: [{ rideId: 'ride-1' }],
  },
);
export const AuthRefresh = Type.Object(
  { token: Text({ minLength: 1, maxLength: 8_192 }) },
  {
    ...closed,
    title: 'auth:refresh',
    description: 'Stays signed in with a fresh token of the same subject.',
    examples: [{ token: 'eyJhbGciOi...' }],
  },
);
export const MessageSend = Type.Object(
  {
    tripId: Id,
    text: MessageText,
    to: Type.Optional(
      Type.Union([Id, Type.Null()], { description: 'the party it is for; absent: the driver when a rider writes, else all' }),
    ),
  },
  {
    ...closed,
    title: 'message',
    description: 'A text on a trip, kept with it; its callback is answered once it is stored. Hybrid clients.',
    examples: [{ tripId: 'ride-1', text: 'At the corner' }],
  },
);
export type MessageSend = Static<typeof MessageSend>;

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
  message: MessageSend,
} as const satisfies Record<string, TSchema>;
export type ClientEvent = keyof typeof CLIENT_MESSAGES;

/** Events of the hybrid contract: there only where that is served. */
export const HYBRID_EVENTS: ReadonlySet<ClientEvent> = new Set(['join_ride', 'leave_ride', 'message']);

const Code = Type.Enum(Object.keys(ERRORS) as ErrorCode[]);
const Maybe = Type.Union([Type.Number(), Type.Null()]);
const MaybeTime = Type.Union([IsoTime, Type.Null()]);

export const Connected = Type.Object(
  { userId: Type.String(), role: Type.String({ description: 'DRIVER, RIDER, ADMIN, ...' }), expiresAt: MaybeTime },
  {
    title: 'connected',
    description: 'Signed in, as whom and until when.',
    examples: [{ userId: 'car-1', role: 'DRIVER', expiresAt: '2026-01-05T08:00:00.000Z' }],
  },
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
  {
    title: 'error',
    description: 'What was refused, where no callback was given to answer.',
    examples: [
      { code: 'rate_limited', message: 'positions of this driver come too fast; again in 5 s', event: 'driver:location', retryAfter: 5 },
    ],
  },
);
export type Refusal = Static<typeof Refusal>;

export const Warning = Type.Object(
  { code: Type.Literal('suspect_fix'), message: Type.String(), timestamp: IsoTime },
  {
    title: 'warning',
    description: 'A fix that cannot be: kept, but not shown to anybody.',
    examples: [{ code: 'suspect_fix', message: 'too far from the one before', timestamp: '2026-01-05T08:00:00.000Z' }],
  },
);
export type Warning = Static<typeof Warning>;

export const LiveLocation = Type.Object(
  { driverId: Id, latitude: Type.Number(), longitude: Type.Number(), bearing: Maybe, speed: Maybe, timestamp: IsoTime },
  {
    title: 'driver:location',
    description: 'Where the driver is.',
    examples: [{ driverId: 'car-1', latitude: 41.3919, longitude: 2.1651, bearing: 45, speed: 20, timestamp: '2026-01-05T08:00:00.000Z' }],
  },
);
export type LiveLocation = Static<typeof LiveLocation>;

export const TripUpdate = Type.Object(
  { tripId: Id, status: Type.Enum([...TRIP_STATUSES]), eta: MaybeTime },
  {
    title: 'trip:update',
    description: 'How the trip stands, and when its driver is at the next stop of the rider.',
    examples: [{ tripId: 'ride-1', status: 'EN_ROUTE', eta: '2026-01-05T08:00:00.000Z' }],
  },
);
export type TripUpdate = Static<typeof TripUpdate>;

export const HybridLocation = Type.Object(
  { lat: Type.Number(), lng: Type.Number(), eta: MaybeTime },
  {
    title: 'driver_location',
    description: 'The same for hybrid clients.',
    examples: [{ lat: 41.3919, lng: 2.1651, eta: '2026-01-05T08:00:00.000Z' }],
  },
);
export type HybridLocation = Static<typeof HybridLocation>;

export const TextMessage = Type.Object(
  {
    tripId: Id,
    id: Type.String({ description: 'the same wherever the text is told of' }),
    from: Type.Object({ id: Type.String(), role: Type.String({ description: 'DRIVER, RIDER, DISPATCHER, ...' }) }),
    to: Type.Union([Id, Type.Null()], { description: 'the party it is for; null: the driver when a rider writes, else all' }),
    text: MessageText,
    at: IsoTime,
  },
  {
    title: 'message',
    description: 'A text on the trip. Hybrid clients.',
    examples: [
      {
        tripId: 'ride-1',
        id: 'ride-1/message/5f0c',
        from: { id: 'anna', role: 'RIDER' },
        to: null,
        text: 'At the corner',
        at: '2026-01-05T08:00:00.000Z',
      },
    ],
  },
);
export type TextMessage = Static<typeof TextMessage>;

/** What the server emits, by event. */
export const SERVER_MESSAGES = {
  connected: Connected,
  error: Refusal,
  warning: Warning,
  'driver:location': LiveLocation,
  'trip:update': TripUpdate,
  driver_location: HybridLocation,
  message: TextMessage,
} as const satisfies Record<string, TSchema>;
export type ServerEvent = keyof typeof SERVER_MESSAGES;

/** What an acknowledgement callback is given. */
export const Acknowledgement = Type.Union(
  [
    Type.Object({
      ok: Type.Literal(true),
      seq: Type.Integer({ description: 'where the feed of the driver, or of the trip subscribed to, stands' }),
      stored: Type.Literal(true),
      id: Type.Optional(Type.String({ description: 'of the text that was written' })),
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
