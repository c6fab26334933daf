import Type, { type Static } from 'typebox';
import { DRIVER_STATUSES, Location, StoredLocation } from './drivers.ts';
import { ERRORS, type ErrorCode } from './errors.ts';
import { TrackingEvent } from './events.ts';
import { Id } from './ids.ts';
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
  { code: Type.String({ minLength: 1, maxLength: 128 }) },
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
    redis: Type.Enum(['unused'] as const),
    websocket: Type.Enum(['ok', 'draining'] as const),
    connections: Type.Integer(),
  },
  { title: 'Health' },
);
export type Health = Static<typeof Health>;
