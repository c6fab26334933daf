import type {
  ConflatedMessage,
  EventMessage,
  FleetEventMessage,
  LocationMessage,
  PositionsMessage,
  SnapshotMessage,
} from '@waycast/protocol';
import type { ClientError } from './client-error.ts';

/** A feed with numbered messages. */
export type NumberedFeedName = `trip:${string}` | `driver:${string}`;

/** What `watch` of a trip or a driver tells. Every message comes once and in order; after a `snapshot` forget what was before. */
export interface FeedHandlers {
  snapshot?: (message: SnapshotMessage) => void;
  location?: (message: LocationMessage) => void;
  event?: (message: EventMessage) => void;
  /** this connection was too slow: positions were left out on purpose */
  conflated?: (message: ConflatedMessage) => void;
  /** the server refuses this feed (`not_found`: no such thing, or not for you); it is asked again after a reconnect */
  error?: (error: ClientError) => void;
}

/** What `watch('fleet')` tells. Not numbered: after a reconnect `positions` comes with `full: true`. */
export interface FleetHandlers {
  positions?: (message: PositionsMessage) => void;
  event?: (message: FleetEventMessage) => void;
  error?: (error: ClientError) => void;
}

export interface Watch {
  /** Stops watching; twice is fine. */
  close(): void;
}
