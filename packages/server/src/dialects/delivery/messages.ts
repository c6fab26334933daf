import { Id, Text } from '@waycast/protocol';
import Type, { type Static } from 'typebox';

/** What clients of the delivery contract send and get: snake_case, times in epoch seconds [Y]. */

const closed = { additionalProperties: false };
const lat = Type.Number({ minimum: -90, maximum: 90, description: 'degrees, WGS 84' });
const lng = Type.Number({ minimum: -180, maximum: 180, description: 'degrees, WGS 84' });
const Seconds = Type.Integer({ description: 'epoch seconds' });
const TrackingId = Type.String({ description: '`TRK-` and 160 random bits in base32' });
const OrderId = Text({ minLength: 1, maxLength: 128 });
const Eta = Type.Union([Type.Integer(), Type.Null()], {
  description: 's to the drop-off; null while nothing is known, and once it is over',
});

/** The steps of a delivery, in their order. */
export const STEPS = ['ASSIGNED', 'PICKED_UP', 'IN_TRANSIT', 'DELIVERED'] as const;
export type Step = (typeof STEPS)[number];
const GivenStep = Type.Optional(Type.Union([Type.Enum([...STEPS]), Type.Null()]));
const Status = Type.Enum([...STEPS, 'CANCELLED'] as const);

export const StartInput = Type.Object(
  {
    order_id: OrderId,
    rider_id: Id,
    dropoff_lat: lat,
    dropoff_lng: lng,
    phone: Type.Optional(Type.Union([Text({ minLength: 1, maxLength: 32 }), Type.Null()])),
  },
  {
    ...closed,
    title: 'DeliveryStart',
    examples: [{ order_id: 'order-77', rider_id: 'rider-5', dropoff_lat: 52.52, dropoff_lng: 13.405, phone: '+4930123456' }],
  },
);
export type StartInput = Static<typeof StartInput>;

export const UpdateInput = Type.Object(
  { lat, lng, status: GivenStep },
  { ...closed, title: 'DeliveryUpdate', examples: [{ lat: 52.5, lng: 13.4, status: 'IN_TRANSIT' }] },
);
export type UpdateInput = Static<typeof UpdateInput>;

const Place = Type.Object({ lat, lng });
const CurrentLocation = Type.Union([Type.Object({ lat, lng, timestamp: Seconds }), Type.Null()]);
const RiderId = Type.Union([Id, Type.Null()], { description: 'the courier; never told to public watchers' });
const progress = { tracking_id: TrackingId, status: Status, current_location: CurrentLocation, eta_seconds: Eta, updated_at: Seconds };
const { tracking_id, status, current_location, eta_seconds, updated_at } = progress;
const session = { tracking_id, order_id: OrderId, status, current_location, dropoff: Place, eta_seconds, updated_at };

const sessionExample = {
  tracking_id: 'TRK-4ZJ6DVQK7Y3HTN2WQ5XK2BEMRU6PAF3C',
  order_id: 'order-77',
  status: 'IN_TRANSIT' as const,
  current_location: { lat: 52.5, lng: 13.4, timestamp: 1704067800 },
  dropoff: { lat: 52.52, lng: 13.405 },
  eta_seconds: 269,
  updated_at: 1704067800,
};
const { order_id: _, dropoff: __, ...progressExample } = sessionExample;

export const PublicSession = Type.Object(session, { title: 'PublicDeliverySession', examples: [sessionExample] });
export type PublicSession = Static<typeof PublicSession>;

export const DeliverySession = Type.Object(
  { ...session, rider_id: RiderId },
  { title: 'DeliverySession', examples: [{ ...sessionExample, rider_id: 'rider-5' }] },
);
export type DeliverySession = Static<typeof DeliverySession>;

export const Progress = Type.Object(progress, { title: 'DeliveryProgress', examples: [progressExample] });
export type Progress = Static<typeof Progress>;

const Count = Type.Integer({ minimum: 0 });
export const TrackingStats = Type.Object(
  {
    total_active_sessions: Count,
    total_websocket_connections: Count,
    status_distribution: Type.Object({ ASSIGNED: Count, PICKED_UP: Count, IN_TRANSIT: Count, DELIVERED: Count }),
    sessions_by_recency: Type.Object(
      { last_5_min: Count, last_hour: Count, older: Count },
      { description: 'by the last change: within 5 minutes, before that within an hour, earlier' },
    ),
  },
  {
    title: 'TrackingStats',
    examples: [
      {
        total_active_sessions: 3,
        total_websocket_connections: 5,
        status_distribution: { ASSIGNED: 1, PICKED_UP: 0, IN_TRANSIT: 1, DELIVERED: 1 },
        sessions_by_recency: { last_5_min: 2, last_hour: 1, older: 0 },
      },
    ],
  },
);
export type TrackingStats = Static<typeof TrackingStats>;

const Ping = Type.Object(
  { type: Type.Literal('ping') },
  { ...closed, description: 'Shows life; every 30 s is enough.', examples: [{ type: 'ping' }] },
);
const SendLocation = Type.Object(
  { type: Type.Literal('location_update'), location: UpdateInput },
  {
    ...closed,
    description: "The courier's position, from the session's rider only; with a `status` it moves the session on.",
    examples: [{ type: 'location_update', location: { lat: 52.5, lng: 13.4, status: 'PICKED_UP' } }],
  },
);

/** What clients may send, by name. */
export const CLIENT_MESSAGES = { ping: Ping, location_update: SendLocation };
export type ClientMessage = Static<typeof Ping> | Static<typeof SendLocation>;

const Pong = Type.Object({ type: Type.Literal('pong') }, { description: 'Answers `ping`.', examples: [{ type: 'pong' }] });
const InitialState = Type.Object(
  { type: Type.Literal('initial_state'), data: Type.Union([DeliverySession, PublicSession]) },
  {
    description: 'How the session stands, once, first. Without `rider_id` for public watchers.',
    examples: [{ type: 'initial_state', data: sessionExample }],
  },
);
const LocationUpdate = Type.Object(
  {
    type: Type.Literal('location_update'),
    data: Type.Object({ ...progress, order_id: OrderId, rider_id: Type.Optional(RiderId) }),
  },
  {
    description: 'After every change. `rider_id` for watchers with a token only.',
    examples: [{ type: 'location_update', data: { ...progressExample, order_id: 'order-77' } }],
  },
);
const StatusChange = Type.Object(
  { type: Type.Literal('status_change'), data: Type.Object({ tracking_id, status, updated_at }) },
  {
    description: 'After the `location_update` of a change of status.',
    examples: [{ type: 'status_change', data: { tracking_id: sessionExample.tracking_id, status: 'IN_TRANSIT', updated_at: 1704067800 } }],
  },
);
const ErrorMessage = Type.Object(
  { type: Type.Literal('error'), message: Type.String() },
  {
    description: 'What was wrong with a message, or why the connection closes.',
    examples: [{ type: 'error', message: 'Tracking session expired' }],
  },
);

/** What the server sends, by name. */
export const SERVER_MESSAGES = {
  initial_state: InitialState,
  location_update: LocationUpdate,
  status_change: StatusChange,
  pong: Pong,
  error: ErrorMessage,
};
export type ServerMessage =
  | Static<typeof InitialState>
  | Static<typeof LocationUpdate>
  | Static<typeof StatusChange>
  | Static<typeof Pong>
  | Static<typeof ErrorMessage>;
