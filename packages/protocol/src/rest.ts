import Type, { type Static } from 'typebox';
import { DRIVER_STATUSES, Location, StoredLocation } from './drivers.ts';
import { ERRORS, type ErrorCode } from './errors.ts';
import { MessageEvent, MessageText, TrackingEvent } from './events.ts';
import { Id } from './ids.ts';
import { Text } from './text.ts';
import { IsoTime } from './time.ts';
import { TripView } from './trips.ts';

/** RFC 9457 problem details, with Waycast's stable `code` and the offending `field`. */
export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.Enum(Object.keys(ERRORS) as ErrorCode[]),
    detail: Type.String(),
    field: Type.Optional(Type.String({ description: 'JSON pointer into what was sent' })),
    retryAfter: Type.Optional(Type.Number({ description: 's' })),
    trace: Type.Optional(Type.String({ description: "W3C trace id of the request; lines of the server's log have it too" })),
  },
  { title: 'Problem' },
);
export type Problem = Static<typeof Problem>;

const Cursor = Type.Union([Type.String(), Type.Null()], { description: 'pass as `cursor` for the next page; null at the end' });

export const TripList = Type.Object({ trips: Type.Array(TripView), cursor: Cursor }, { title: 'TripList' });
export type TripList = Static<typeof TripList>;
export const LocationList = Type.Object({ locations: Type.Array(StoredLocation), cursor: Cursor }, { title: 'LocationList' });
export type LocationList = Static<typeof LocationList>;

/** `GET /v1/positions`: everybody who is not offline, as GeoJSON (RFC 7946). */
export const PositionCollection = Type.Object(
  {
    type: Type.Literal('FeatureCollection'),
    features: Type.Array(
      Type.Object({
        type: Type.Literal('Feature'),
        id: Id,
        geometry: Type.Object({ type: Type.Literal('Point'), coordinates: Type.Array(Type.Number(), { minItems: 2, maxItems: 2 }) }),
        properties: Type.Object({
          driver: Id,
          name: Type.Union([Type.String(), Type.Null()]),
          status: Type.Enum([...DRIVER_STATUSES]),
          stale: Type.Boolean(),
          speed: Type.Union([Type.Number(), Type.Null()]),
          bearing: Type.Union([Type.Number(), Type.Null()]),
          timestamp: IsoTime,
          trips: Type.Array(Id),
        }),
      }),
    ),
  },
  { title: 'PositionCollection' },
);
export type PositionCollection = Static<typeof PositionCollection>;

/** `POST /v1/trips/{id}/messages` */
export const MessageInput = Type.Object(
  { text: MessageText, to: Type.Optional(Id) },
  { additionalProperties: false, title: 'MessageInput' },
);
export type MessageInput = Static<typeof MessageInput>;
/** `GET /v1/trips/{id}/messages`: oldest first, those that are for who asks. */
export const MessageList = Type.Object({ messages: Type.Array(MessageEvent) }, { title: 'MessageList' });
export type MessageList = Static<typeof MessageList>;

/** `GET /v1/trips/{id}/history`: the timeline, oldest first. */
export const TripHistory = Type.Object(
  {
    trip: TripView,
    events: Type.Array(TrackingEvent),
    distance: Type.Number({ description: 'm' }),
    duration: Type.Union([Type.Number(), Type.Null()], { description: 's' }),
  },
  { title: 'TripHistory' },
);
export type TripHistory = Static<typeof TripHistory>;

/** `GET /v1/trips/{id}/track?format=json`: the plausible fixes in capture order. */
export const Track = Type.Object(
  { tripId: Type.String(), points: Type.Array(Location), distance: Type.Number({ description: 'm' }) },
  { title: 'Track' },
);
export type Track = Static<typeof Track>;

/** `POST /v1/tickets`: one use, for a WebSocket URL, where a browser can set no header. */
export const Ticket = Type.Object({ ticket: Type.String(), expiresAt: IsoTime }, { title: 'Ticket' });
export type Ticket = Static<typeof Ticket>;

/** `POST /v1/session`: turns the code of the printed sign-in URL into a token, once. */
export const SessionInput = Type.Object(
  { code: Text({ minLength: 1, maxLength: 128 }) },
  { additionalProperties: false, title: 'SessionInput' },
);
export const Session = Type.Object(
  { token: Type.String(), sub: Type.String(), role: Type.String(), expiresAt: IsoTime },
  { title: 'Session' },
);
export type Session = Static<typeof Session>;

export const Health = Type.Object(
  {
    status: Type.Enum(['ok', 'degraded', 'draining'] as const),
    database: Type.Enum(['ok', 'stalled'] as const),
    redis: Type.Enum(['ok', 'unreachable', 'unused'] as const),
    websocket: Type.Enum(['ok', 'draining'] as const),
    connections: Type.Integer(),
  },
  { title: 'Health' },
);
export type Health = Static<typeof Health>;

const Count = Type.Integer({ minimum: 0 });

/** What becomes of history past its retention. */
export const ArchiveState = Type.Object(
  {
    url: Type.Union([Type.String(), Type.Null()], { description: 'where it goes; none: it is deleted; null: it stays' }),
    retentionDays: Type.Integer(),
    running: Type.Boolean(),
    progress: Type.Union([
      Type.Object({
        doing: Type.Enum(['archiving', 'dropping'] as const),
        day: Type.String({ format: 'date' }),
        archived: Count,
        dropped: Count,
      }),
      Type.Null(),
    ]),
    lastRun: Type.Union(
      [
        Type.Object({
          at: IsoTime,
          report: Type.Union(
            [Type.Object({ days: Count, archived: Count, bytes: Count, dropped: Count, stayed: Count, connections: Count }), Type.Null()],
            {
              description: 'null: another process did it, or it failed',
            },
          ),
          problem: Type.Union([Type.String(), Type.Null()]),
        }),
        Type.Null(),
      ],
      { description: 'of the process that answers, since its start' },
    ),
  },
  { title: 'Archive' },
);
export type ArchiveState = Static<typeof ArchiveState>;

const Whose = Type.Union([Type.String(), Type.Null()]);

/** A socket that was opened, from its beginning to its end. */
export const ConnectionView = Type.Object(
  {
    id: Type.String(),
    subject: Whose,
    role: Whose,
    surface: Type.String({ description: 'what it speaks: stream, socketio, rideshare, delivery' }),
    kind: Type.Enum(['WEBSOCKET', 'POLLING'] as const, { description: 'how it was connected last' }),
    tripId: Type.Union([Id, Type.Null()], { description: 'the trip it was opened for' }),
    since: IsoTime,
    lastActivity: Type.String({ format: 'date-time', description: 'its last sign of life; up to a minute behind while it is open' }),
    until: Type.Union([IsoTime, Type.Null()]),
  },
  { title: 'Connection' },
);
export type ConnectionView = Static<typeof ConnectionView>;

export const ConnectionList = Type.Object(
  { connections: Type.Array(ConnectionView), cursor: Cursor },
  {
    title: 'ConnectionList',
    examples: [
      {
        connections: [
          {
            id: '7f9c24e8-3b1a-4d6e-9f51-0c2d4e6a8b13',
            subject: 'car-1',
            role: 'driver',
            surface: 'socketio',
            kind: 'WEBSOCKET',
            tripId: null,
            since: '2026-01-05T09:58:00.000Z',
            lastActivity: '2026-01-05T10:00:00.000Z',
            until: null,
          },
        ],
        cursor: null,
      },
    ],
  },
);
export type ConnectionList = Static<typeof ConnectionList>;
