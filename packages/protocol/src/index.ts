export {
  Availability,
  DRIVER_STATUSES,
  DriverProfile,
  type DriverStatus,
  DriverView,
  FixBatch,
  FixReceipt,
  Location,
  StoredLocation,
} from './drivers.ts';
export { ERRORS, type ErrorCode, isRetryable, WaycastError } from './errors.ts';
export { Actor, AssignmentEvent, ChangedEvent, DriverEvent, StatusEvent, StopEventMessage, TrackingEvent, TripEvent } from './events.ts';
export { FixInput } from './fix.ts';
export { Id, isId } from './ids.ts';
export { Health, LocationList, PositionCollection, Problem, Session, SessionInput, Ticket, Track, TripHistory, TripList } from './rest.ts';
export {
  AckMessage,
  AuthMessage,
  CLIENT_MESSAGES,
  type ClientMessage,
  ConflatedMessage,
  ErrorMessage,
  EventMessage,
  FeedName,
  FixesMessage,
  FixMessage,
  FleetEventMessage,
  FleetPosition,
  HeartbeatMessage,
  LocationMessage,
  OpenedMessage,
  OpenMessage,
  PingMessage,
  PongMessage,
  PositionsMessage,
  SERVER_MESSAGES,
  type ServerMessage,
  SnapshotMessage,
  STREAM_LIMITS,
  SubscribedMessage,
  SubscribeMessage,
  UnsubscribedMessage,
  UnsubscribeMessage,
  WarningMessage,
  WelcomeMessage,
} from './stream.ts';
export { IsoTime, isoTime, Moment, parseMoment } from './time.ts';
export {
  BOOKING_STATUSES,
  type BookingStatus,
  Eta,
  STOP_EVENTS,
  STOP_TYPES,
  StatusInput,
  type StopEvent,
  StopInput,
  type StopType,
  StopView,
  TRIP_KINDS,
  TRIP_STATUSES,
  TripInput,
  type TripKind,
  TripPatch,
  type TripStatus,
  TripView,
} from './trips.ts';
export { type Failure, type Validator, validator } from './validate.ts';
