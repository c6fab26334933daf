import Type, { type Static } from 'typebox';
import { Id } from './ids.ts';
import { IsoTime } from './time.ts';
import { STOP_EVENTS, STOP_TYPES, TRIP_STATUSES } from './trips.ts';

/** What people write to each other: lines of text, not blank, no other control characters, no halves of a surrogate pair. */
export const MessageText = Type.String({
  minLength: 1,
  maxLength: 500,
  pattern: '^(?=[^]*\\S)(?:[^\\u0000-\\u0009\\u000b-\\u001f\\u007f\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff])*$',
});

const common = {
  id: Type.String({ description: 'derived from what happened; the same event has the same id everywhere' }),
  at: IsoTime,
};

/** Who did it, in what role, by which surface. */
export const Actor = Type.Object({ sub: Type.String(), role: Type.String(), via: Type.String() }, { title: 'Actor' });
export type Actor = Static<typeof Actor>;

export const StatusEvent = Type.Object(
  {
    ...common,
    kind: Type.Literal('status'),
    tripId: Id,
    driverId: Type.Union([Id, Type.Null()]),
    status: Type.Enum([...TRIP_STATUSES]),
    previous: Type.Union([Type.Enum([...TRIP_STATUSES]), Type.Null()]),
    by: Actor,
  },
  { title: 'StatusEvent' },
);
export type StatusEvent = Static<typeof StatusEvent>;

export const AssignmentEvent = Type.Object(
  {
    ...common,
    kind: Type.Literal('assignment'),
    tripId: Id,
    driverId: Type.Union([Id, Type.Null()]),
    previous: Type.Union([Id, Type.Null()]),
    by: Actor,
  },
  { title: 'AssignmentEvent' },
);
export type AssignmentEvent = Static<typeof AssignmentEvent>;

/** Stops, labels or names of the trip were changed. */
export const ChangedEvent = Type.Object(
  { ...common, kind: Type.Literal('changed'), tripId: Id, driverId: Type.Union([Id, Type.Null()]), by: Actor },
  { title: 'ChangedEvent' },
);
export type ChangedEvent = Static<typeof ChangedEvent>;

export const StopEventMessage = Type.Object(
  {
    ...common,
    kind: Type.Enum([...STOP_EVENTS]),
    tripId: Id,
    driverId: Type.Union([Id, Type.Null()], { description: 'null once the driver is erased' }),
    stopId: Id,
    stopType: Type.Enum([...STOP_TYPES]),
    partyId: Type.Union([Id, Type.Null()]),
    bookingId: Type.Union([Id, Type.Null()]),
    distance: Type.Union([Type.Number(), Type.Null()], { description: 'm to the stop; null when the end of the trip decided it' }),
  },
  { title: 'StopEvent' },
);
export type StopEventMessage = Static<typeof StopEventMessage>;

export const DriverEvent = Type.Object(
  { ...common, kind: Type.Enum(['online', 'offline', 'stale'] as const), driverId: Id },
  { title: 'DriverEvent' },
);
export type DriverEvent = Static<typeof DriverEvent>;

/** A short text between driver and passenger, or from dispatch; kept with the trip. */
export const MessageEvent = Type.Object(
  {
    ...common,
    kind: Type.Literal('message'),
    tripId: Id,
    driverId: Type.Union([Id, Type.Null()]),
    text: MessageText,
    to: Type.Union([Id, Type.Null()], {
      description: 'the party it is for; null: the driver when a passenger writes, else everybody on the trip',
    }),
    by: Actor,
  },
  { title: 'MessageEvent' },
);
export type MessageEvent = Static<typeof MessageEvent>;

export const TripEvent = Type.Union([StatusEvent, AssignmentEvent, ChangedEvent, StopEventMessage, MessageEvent], { title: 'TripEvent' });
export type TripEvent = Static<typeof TripEvent>;
export const TrackingEvent = Type.Union([StatusEvent, AssignmentEvent, ChangedEvent, StopEventMessage, MessageEvent, DriverEvent], {
  title: 'Event',
});
export type TrackingEvent = Static<typeof TrackingEvent>;
