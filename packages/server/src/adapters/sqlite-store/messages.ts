import type { StoreHealth } from '../../hub/ports.ts';

/** What passes between the store and its two threads. Documents are JSON already: the threads never look inside. */
export interface TripRecord {
  readonly id: string;
  readonly revision: number;
  readonly kind: string;
  readonly status: string;
  readonly open: boolean;
  readonly driver: string | null;
  readonly created: number;
  readonly labels: readonly string[];
  readonly parties: readonly string[];
  readonly doc: string;
}

export interface EventRecord {
  readonly id: string;
  readonly trip: string | null;
  readonly driver: string | null;
  readonly at: number;
  readonly doc: string;
}

export interface OutboxRecord {
  readonly id: string;
  readonly doc: string;
}

/** Names by newlines, which no id contains; empty for none. */
export type Names = string;

export interface CommitRequest {
  readonly kind: 'commit';
  /** Packed fixes; their driver and stream numbers are indexes into the two lists below (stream: 1-based, 0 none). */
  readonly fixes: Uint8Array<ArrayBuffer> | null;
  /** One string each: hundreds of small ones a commit take longer to pass on than all the rest. */
  readonly drivers: Names;
  /** `driver index` and name, by a space. */
  readonly streams: Names;
  readonly events: readonly EventRecord[];
  readonly outbox: readonly OutboxRecord[];
  readonly outboxDone: readonly string[];
  readonly trips: readonly TripRecord[];
  readonly removedTrips: readonly string[];
  readonly snapshots: readonly { readonly driver: string; readonly online: boolean; readonly state: string }[];
  readonly cursors: readonly { readonly partition: number; readonly from: number; readonly to: number }[];
}

export interface TripChangeRequest {
  readonly kind: 'trip';
  readonly expected: number;
  readonly remove: boolean;
  readonly trip: TripRecord;
  readonly events: readonly EventRecord[];
  readonly outbox: readonly OutboxRecord[];
}

export type WriteRequest = CommitRequest | TripChangeRequest | { readonly kind: 'close' };

export type WriteReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'committed'; readonly duplicates: readonly number[] }
  | { readonly kind: 'trip'; readonly done: boolean }
  | { readonly kind: 'closed' }
  | { readonly kind: 'health'; readonly health: StoreHealth }
  | { readonly kind: 'broken'; readonly message: string };
