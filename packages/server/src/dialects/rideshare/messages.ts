import { FixInput, Id, IsoTime, Moment } from '@waycast/protocol';
import Type, { type Static } from 'typebox';

const closed = { additionalProperties: false };
const { timestamp: _, ...measured } = FixInput.properties;

/** What a driver's app sends: a bare fix. Other than in the native stream, it always says when. */
export const RideFix = Type.Object(
  { ...measured, timestamp: Moment },
  {
    ...closed,
    title: 'RideFix',
    description: 'a position of the driver; speed in km/h',
    examples: [{ lat: 37.3352, lng: -121.8811, speed: 45.5, bearing: 90, accuracy: 10, timestamp: '2024-12-17T10:30:00Z' }],
  },
);
export const Ping = Type.Object(
  { type: Type.Literal('ping') },
  { ...closed, title: 'RidePing', description: 'answered by `pong`', examples: [{ type: 'ping' }] },
);

/** Everything a client may send, by name. */
export const CLIENT_MESSAGES = { fix: RideFix, ping: Ping } as const;

const numberOrNull = (description: string) => Type.Union([Type.Number(), Type.Null()], { description });

/** Where the driver is, and what is left of the way; null where the ride has no destination. */
const position = {
  driver_id: Id,
  lat: Type.Number(),
  lng: Type.Number(),
  speed: numberOrNull('km/h'),
  bearing: numberOrNull('degrees from north, clockwise'),
  timestamp: IsoTime,
};
const remaining = {
  eta_seconds: Type.Union([Type.Integer(), Type.Null()], { description: 's to the destination' }),
  distance_remaining_km: numberOrNull('straight to the destination, two decimals'),
  estimated_arrival_time: Type.Union([IsoTime, Type.Null()]),
};
const accuracy = numberOrNull('m, radius');

export const CurrentLocation = Type.Object({ ...position, accuracy, ...remaining }, { title: 'CurrentLocation' });
export type CurrentLocation = Static<typeof CurrentLocation>;

const EXAMPLE_POSITION = {
  driver_id: 'driver-1',
  lat: 37.3352,
  lng: -121.8811,
  speed: 60,
  bearing: 90,
  timestamp: '2026-01-05T10:00:00.000Z',
};
const EXAMPLE_REMAINING = { eta_seconds: 3_904, distance_remaining_km: 54.24, estimated_arrival_time: '2026-01-05T11:05:04.000Z' };

export const TrackingStarted = Type.Object(
  {
    type: Type.Literal('connected'),
    message: Type.Literal('Tracking started'),
    ride_id: Id,
    passengers_connected: Type.Integer({ minimum: 0 }),
  },
  {
    title: 'TrackingStarted',
    description: 'the first message a driver gets',
    examples: [{ type: 'connected', message: 'Tracking started', ride_id: 'ride-1', passengers_connected: 2 }],
  },
);
export type TrackingStarted = Static<typeof TrackingStarted>;

export const TrackingConnected = Type.Object(
  {
    type: Type.Literal('connected'),
    message: Type.Literal('Tracking connected'),
    ride_id: Id,
    current_location: Type.Union([CurrentLocation, Type.Null()]),
  },
  {
    title: 'TrackingConnected',
    description: 'the first message a passenger gets',
    examples: [
      {
        type: 'connected',
        message: 'Tracking connected',
        ride_id: 'ride-1',
        current_location: { ...EXAMPLE_POSITION, accuracy: 10, ...EXAMPLE_REMAINING },
      },
    ],
  },
);
export type TrackingConnected = Static<typeof TrackingConnected>;

export const LocationUpdate = Type.Object(
  { type: Type.Literal('location_update'), ...position, ...remaining },
  {
    title: 'LocationUpdate',
    description: 'the driver has moved',
    examples: [{ type: 'location_update', ...EXAMPLE_POSITION, ...EXAMPLE_REMAINING }],
  },
);
export type LocationUpdate = Static<typeof LocationUpdate>;

export const GEOFENCE_EVENTS = ['approaching_pickup', 'arrived_pickup', 'approaching_destination', 'arrived_destination'] as const;
export const GeofenceEvent = Type.Object(
  {
    type: Type.Literal('geofence_event'),
    event_type: Type.Enum([...GEOFENCE_EVENTS]),
    ride_id: Id,
    location_type: Type.Enum(['pickup', 'destination'] as const),
    distance_meters: Type.Number({ description: 'm between the driver and the stop' }),
    timestamp: IsoTime,
  },
  {
    title: 'GeofenceEvent',
    description: "the driver is near or at a stop of this passenger's own; each once",
    examples: [
      {
        type: 'geofence_event',
        event_type: 'approaching_pickup',
        ride_id: 'ride-1',
        location_type: 'pickup',
        distance_meters: 412.5,
        timestamp: '2026-01-05T10:00:00.000Z',
      },
    ],
  },
);
export type GeofenceEvent = Static<typeof GeofenceEvent>;

export const DriverStatusMessage = Type.Object(
  { type: Type.Literal('driver_status'), driver_connected: Type.Boolean() },
  {
    title: 'DriverStatus',
    description: 'the driver of the ride has come, or gone, on whatever connection',
    examples: [{ type: 'driver_status', driver_connected: false }],
  },
);
export type DriverStatusMessage = Static<typeof DriverStatusMessage>;

export const Pong = Type.Object(
  { type: Type.Literal('pong') },
  { title: 'RidePong', description: 'answers `ping`', examples: [{ type: 'pong' }] },
);
export type Pong = Static<typeof Pong>;

export const RideError = Type.Object(
  {
    type: Type.Literal('error'),
    code: Type.String({ description: '`invalid_location`, or a code of the table in SPEC.md' }),
    message: Type.String(),
    retryAfter: Type.Optional(Type.Number({ description: 's until it may be sent again' })),
  },
  {
    title: 'RideError',
    description: 'what was sent is refused; the socket stays',
    examples: [{ type: 'error', code: 'invalid_location', message: '/lat must be <= 90' }],
  },
);
export type RideError = Static<typeof RideError>;

export const RideWarning = Type.Object(
  {
    type: Type.Literal('warning'),
    code: Type.Literal('suspect_location'),
    message: Type.String(),
    timestamp: IsoTime,
  },
  {
    title: 'RideWarning',
    description: 'a position that cannot be: it is kept in the records, and nobody is told of it; `timestamp` is its own',
    examples: [
      {
        type: 'warning',
        code: 'suspect_location',
        message: 'the position is more than 60 s ahead of the time of this server: it is kept and does not count',
        timestamp: '2026-01-05T12:00:00.000Z',
      },
    ],
  },
);
export type RideWarning = Static<typeof RideWarning>;

/** Everything a client may get, by name: `connected` is another message for each of the two. */
export const SERVER_MESSAGES = {
  connected_driver: TrackingStarted,
  connected_passenger: TrackingConnected,
  location_update: LocationUpdate,
  geofence_event: GeofenceEvent,
  driver_status: DriverStatusMessage,
  pong: Pong,
  error: RideError,
  warning: RideWarning,
} as const;

export const RideStatus = Type.Object(
  {
    ride_id: Id,
    is_active: Type.Boolean({ description: 'the ride goes on, and its driver is connected or has been heard of' }),
    driver_connected: Type.Boolean(),
    passengers_connected: Type.Integer({ minimum: 0 }),
    current_location: Type.Union([CurrentLocation, Type.Null()], { description: 'null before the first fix and once the ride has ended' }),
  },
  { title: 'RideStatus' },
);
export type RideStatus = Static<typeof RideStatus>;

const HistoryLocation = Type.Object({ ...position, accuracy }, { title: 'RideLocation' });
export type HistoryLocation = Static<typeof HistoryLocation>;

export const RideHistory = Type.Object(
  {
    ride_id: Id,
    locations: Type.Array(HistoryLocation, { maxItems: 50, description: 'newest first' }),
    count: Type.Integer({ minimum: 0 }),
  },
  { title: 'RideHistory' },
);
export type RideHistory = Static<typeof RideHistory>;
