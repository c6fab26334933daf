import Type, { type Static } from 'typebox';
import { DRIVER_STATUSES, DriverView, Location } from './drivers.ts';
import { ERRORS, type ErrorCode } from './errors.ts';
import { MessageText, TrackingEvent } from './events.ts';
import { fixMembers } from './fix.ts';
import { Id } from './ids.ts';
import { Text } from './text.ts';
import { IsoTime } from './time.ts';
import { Eta, TripView } from './trips.ts';

/**
 * The native stream, `GET /v1/stream`: JSON messages told apart by `type`. Limits are part of the contract.
 */
export const STREAM_LIMITS = {
  /** bytes of one message */
  message: 16_384,
  /** fixes in one `fixes` message */
  backlog: 200,
  /** feeds one connection may follow */
  subscriptions: 1_000,
  /** how far a number may be ahead of the lowest one still open */
  window: 4_096,
  /** bad messages in a row that close the connection */
  badMessages: 50,
  /** seconds between heartbeats */
  heartbeat: 15,
} as const;

const Seq = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
const Ref = Type.Optional(Type.String({ maxLength: 64, description: 'echoed in the answer' }));
/** The name of one numbering: a client makes a new random one whenever it starts to count from 1 again. */
const StreamId = Type.String({ pattern: '^[A-Za-z0-9_.:-]{1,64}$' });
/**
 * `trip:ID`, `driver:ID`, `fleet`; or a person's: `party:ID`, `jobs:DRIVER` and `label:NAME` follow each open trip of a
 * passenger or customer, of a driver, of a merchant's label, now and as they come.
 */
export const FeedName = Type.String({
  pattern:
    '^(?:(?:trip|driver|party|jobs):[A-Za-z0-9_.:-]{1,64}|label:(?:[^\\u0000-\\u001f\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff]){1,64}|fleet)$',
  title: 'FeedName',
});
const Position = Type.Object({ epoch: Text({ maxLength: 32 }), seq: Type.Integer({ minimum: 0 }) }, { additionalProperties: false });
const closed = { additionalProperties: false };

export const AuthMessage = Type.Object(
  { type: Type.Literal('auth'), token: Text({ maxLength: 8192 }), ref: Ref },
  { ...closed, title: 'auth' },
);
export const OpenMessage = Type.Object(
  { type: Type.Literal('open'), stream: StreamId, driver: Type.Optional(Id), ref: Ref },
  { ...closed, title: 'open' },
);
export const FixMessage = Type.Object(
  { type: Type.Literal('fix'), driver: Type.Optional(Id), seq: Type.Optional(Seq), base: Type.Optional(Seq), ...fixMembers },
  { ...closed, title: 'fix' },
);
export const FixesMessage = Type.Object(
  {
    type: Type.Literal('fixes'),
    driver: Type.Optional(Id),
    base: Type.Optional(Seq),
    fixes: Type.Array(Type.Object({ seq: Type.Optional(Seq), ...fixMembers }, closed), { minItems: 1, maxItems: STREAM_LIMITS.backlog }),
  },
  { ...closed, title: 'fixes' },
);
export const SubscribeMessage = Type.Object(
  {
    type: Type.Literal('subscribe'),
    feed: FeedName,
    since: Type.Optional(Position),
    events: Type.Optional(
      Type.Array(Type.Enum(['ride_status'] as const), {
        maxItems: 8,
        description: 'messages of older clients that are wanted beside the others',
      }),
    ),
    ref: Ref,
  },
  { ...closed, title: 'subscribe' },
);
export const UnsubscribeMessage = Type.Object(
  { type: Type.Literal('unsubscribe'), feed: FeedName, ref: Ref },
  { ...closed, title: 'unsubscribe' },
);
/** A short text on a trip, to its driver or from it. */
export const TextMessage = Type.Object(
  { type: Type.Literal('message'), trip: Id, text: MessageText, to: Type.Optional(Id), ref: Ref },
  { ...closed, title: 'message' },
);
export const PingMessage = Type.Object({ type: Type.Literal('ping'), ref: Ref }, { ...closed, title: 'ping' });

/** Everything a client may send, by its `type`. */
export const CLIENT_MESSAGES = {
  auth: AuthMessage,
  open: OpenMessage,
  fix: FixMessage,
  fixes: FixesMessage,
  subscribe: SubscribeMessage,
  unsubscribe: UnsubscribeMessage,
  message: TextMessage,
  ping: PingMessage,
} as const;

export type AuthMessage = Static<typeof AuthMessage>;
export type OpenMessage = Static<typeof OpenMessage>;
export type FixMessage = Static<typeof FixMessage>;
export type FixesMessage = Static<typeof FixesMessage>;
export type SubscribeMessage = Static<typeof SubscribeMessage>;
export type UnsubscribeMessage = Static<typeof UnsubscribeMessage>;
export type TextMessage = Static<typeof TextMessage>;
export type PingMessage = Static<typeof PingMessage>;
export type ClientMessage =
  | AuthMessage
  | OpenMessage
  | FixMessage
  | FixesMessage
  | SubscribeMessage
  | UnsubscribeMessage
  | TextMessage
  | PingMessage;

const Code = Type.Enum(Object.keys(ERRORS) as ErrorCode[]);
const At = { feed: FeedName, epoch: Type.String(), seq: Type.Integer() };

export const WelcomeMessage = Type.Object(
  {
    type: Type.Literal('welcome'),
    sub: Type.String(),
    role: Type.String(),
    expiresAt: Type.Union([IsoTime, Type.Null()]),
    heartbeat: Type.Integer({ description: 's between heartbeats' }),
    ref: Ref,
  },
  { title: 'welcome' },
);
/** Answers `open`: the watermarks the server holds for this stream, so that the client knows where to go on. */
export const OpenedMessage = Type.Object(
  { type: Type.Literal('opened'), stream: StreamId, driver: Id, accepted: Type.Integer(), stored: Type.Integer(), ref: Ref },
  { title: 'opened' },
);
/** All numbers up to `accepted` are in the log, all up to `stored` are durable or finally refused. */
export const AckMessage = Type.Object(
  {
    type: Type.Literal('ack'),
    driver: Id,
    stream: StreamId,
    accepted: Type.Integer(),
    stored: Type.Integer(),
    rejected: Type.Optional(Type.Array(Type.Object({ seq: Seq, code: Code, message: Type.Optional(Type.String()) }))),
    suspect: Type.Optional(Type.Array(Type.Object({ seq: Seq, reason: Type.Enum(['ahead', 'teleport'] as const) }))),
  },
  { title: 'ack' },
);
export const SubscribedMessage = Type.Object(
  { type: Type.Literal('subscribed'), feed: FeedName, resumed: Type.Boolean(), ref: Ref },
  { title: 'subscribed' },
);
export const UnsubscribedMessage = Type.Object({ type: Type.Literal('unsubscribed'), feed: FeedName, ref: Ref }, { title: 'unsubscribed' });
/** The text is stored; those it is for hear it as an event of the trip. */
export const SentMessage = Type.Object(
  { type: Type.Literal('sent'), tripId: Id, id: Type.String(), at: IsoTime, ref: Ref },
  { title: 'sent' },
);
/** How a ride stands, in the words of the hybrid clients, beside the event that told it. */
export const RideStatusMessage = Type.Object(
  {
    type: Type.Literal('ride_status'),
    rideId: Id,
    status: Type.String(),
    eta: Type.Union([IsoTime, Type.Null()], { description: 'at the next stop' }),
    message: Type.String({ description: 'for people' }),
  },
  { title: 'ride_status' },
);
/** Where a trip or a driver stands; the feed goes on from `{epoch, seq}`. */
export const SnapshotMessage = Type.Object(
  {
    type: Type.Literal('snapshot'),
    ...At,
    trip: Type.Optional(TripView),
    driver: Type.Optional(Type.Union([DriverView, Type.Null()])),
    location: Type.Union([Location, Type.Null()]),
    etas: Type.Array(Eta),
  },
  { title: 'snapshot' },
);
export const LocationMessage = Type.Object(
  { type: Type.Literal('location'), ...At, driver: Id, ...Location.properties, etas: Type.Optional(Type.Array(Eta)) },
  { title: 'location' },
);
export const EventMessage = Type.Object(
  { type: Type.Literal('event'), ...At, event: TrackingEvent, trip: Type.Optional(TripView) },
  { title: 'event' },
);
/** Messages `from`..`to` of the feed were left out for this slow connection: newer positions follow. */
export const ConflatedMessage = Type.Object(
  { type: Type.Literal('conflated'), feed: FeedName, epoch: Type.String(), from: Type.Integer(), to: Type.Integer() },
  { title: 'conflated' },
);
export const HeartbeatMessage = Type.Object(
  { type: Type.Literal('heartbeat'), at: IsoTime, feeds: Type.Array(Type.Object({ ...At })) },
  { title: 'heartbeat' },
);
/** The whole fleet once a second at most: who moved (one row a driver), and who went offline. */
export const FleetPosition = Type.Object(
  {
    driver: Id,
    name: Type.Union([Type.String(), Type.Null()]),
    status: Type.Enum([...DRIVER_STATUSES]),
    stale: Type.Boolean(),
    lat: Type.Number(),
    lng: Type.Number(),
    speed: Type.Union([Type.Number(), Type.Null()]),
    bearing: Type.Union([Type.Number(), Type.Null()]),
    timestamp: IsoTime,
    trips: Type.Array(Id),
  },
  { title: 'FleetPosition' },
);
export const PositionsMessage = Type.Object(
  {
    type: Type.Literal('positions'),
    feed: Type.Literal('fleet'),
    full: Type.Boolean({ description: 'true: everybody; false: who changed since the last one' }),
    positions: Type.Array(FleetPosition),
    gone: Type.Array(Id),
  },
  { title: 'positions' },
);
/** Something in the fleet happened: trips come, change and end, drivers come and go. Not numbered. */
export const FleetEventMessage = Type.Object(
  { type: Type.Literal('fleet-event'), feed: Type.Literal('fleet'), event: TrackingEvent, trip: Type.Optional(TripView) },
  { title: 'fleet-event' },
);
export const WarningMessage = Type.Object(
  {
    type: Type.Literal('warning'),
    code: Type.Enum(['suspect_fix'] as const),
    driver: Id,
    reason: Type.Enum(['ahead', 'teleport'] as const),
    timestamp: IsoTime,
  },
  { title: 'warning' },
);
export const ErrorMessage = Type.Object(
  {
    type: Type.Literal('error'),
    code: Code,
    message: Type.String(),
    field: Type.Optional(Type.String({ description: 'JSON pointer into the message' })),
    seq: Type.Optional(Seq),
    driver: Type.Optional(Id),
    retryAfter: Type.Optional(Type.Number({ description: 's' })),
    ref: Ref,
  },
  { title: 'error' },
);
export const PongMessage = Type.Object({ type: Type.Literal('pong'), ref: Ref }, { title: 'pong' });

/** Everything a server sends, by its `type`. */
export const SERVER_MESSAGES = {
  welcome: WelcomeMessage,
  opened: OpenedMessage,
  ack: AckMessage,
  subscribed: SubscribedMessage,
  unsubscribed: UnsubscribedMessage,
  sent: SentMessage,
  ride_status: RideStatusMessage,
  snapshot: SnapshotMessage,
  location: LocationMessage,
  event: EventMessage,
  conflated: ConflatedMessage,
  heartbeat: HeartbeatMessage,
  positions: PositionsMessage,
  'fleet-event': FleetEventMessage,
  warning: WarningMessage,
  error: ErrorMessage,
  pong: PongMessage,
} as const;

export type WelcomeMessage = Static<typeof WelcomeMessage>;
export type OpenedMessage = Static<typeof OpenedMessage>;
export type AckMessage = Static<typeof AckMessage>;
export type SubscribedMessage = Static<typeof SubscribedMessage>;
export type UnsubscribedMessage = Static<typeof UnsubscribedMessage>;
export type SentMessage = Static<typeof SentMessage>;
export type RideStatusMessage = Static<typeof RideStatusMessage>;
export type SnapshotMessage = Static<typeof SnapshotMessage>;
export type LocationMessage = Static<typeof LocationMessage>;
export type EventMessage = Static<typeof EventMessage>;
export type ConflatedMessage = Static<typeof ConflatedMessage>;
export type HeartbeatMessage = Static<typeof HeartbeatMessage>;
export type FleetPosition = Static<typeof FleetPosition>;
export type PositionsMessage = Static<typeof PositionsMessage>;
export type FleetEventMessage = Static<typeof FleetEventMessage>;
export type WarningMessage = Static<typeof WarningMessage>;
export type ErrorMessage = Static<typeof ErrorMessage>;
export type PongMessage = Static<typeof PongMessage>;
export type ServerMessage =
  | WelcomeMessage
  | OpenedMessage
  | AckMessage
  | SubscribedMessage
  | UnsubscribedMessage
  | SentMessage
  | RideStatusMessage
  | SnapshotMessage
  | LocationMessage
  | EventMessage
  | ConflatedMessage
  | HeartbeatMessage
  | PositionsMessage
  | FleetEventMessage
  | WarningMessage
  | ErrorMessage
  | PongMessage;
