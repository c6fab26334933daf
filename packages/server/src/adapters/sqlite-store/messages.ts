import type { FixKeys } from '../../archive/ports.ts';
import type { Erased } from '../../core/effects.ts';
import type { OutgoingMessage } from '../../hub/outbox/ports.ts';
import type { ConnectionSession, StoreHealth } from '../../hub/storage-ports.ts';
import type { ErasureWriter } from './erasures.ts';
import type { OutgoingWriter } from './outgoing-writer.ts';

/** What passes between the store and its two threads. Documents are JSON already: the threads never look inside. */
export interface TripRecord {
  readonly id: string;
  readonly revision: number;
  readonly kind: string;
  readonly status: string;
  readonly open: boolean;
  readonly driver: string | null;
  readonly created: number;
  readonly order: string | null;
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
  readonly messages: readonly OutgoingMessage[];
  readonly trips: readonly TripRecord[];
  readonly removedTrips: readonly string[];
  readonly snapshots: readonly { readonly driver: string; readonly online: boolean; readonly state: string }[];
  readonly setAside: readonly SetAsideRecord[];
  readonly erased: readonly Erased[];
  readonly cursors: readonly { readonly partition: number; readonly from: number; readonly to: number }[];
}

export interface SetAsideRecord {
  readonly partition: number;
  readonly position: number;
  readonly at: number;
  readonly error: string;
  readonly doc: string;
}

export interface TriedRequest {
  readonly kind: 'tried';
  readonly partition: number;
  readonly position: number;
}

/** Fixes that leave history. */
export interface DropRequest {
  readonly kind: 'drop';
  readonly fixes: FixKeys;
}

/** Connections that are forgotten. */
export interface ForgetRequest {
  readonly kind: 'forget';
  /** Those that were over before, epoch ms. */
  readonly before: number;
  readonly most: number;
}

/** A method of `ErasureWriter` and what it takes. */
export interface EraseRequest {
  readonly kind: 'erase';
  readonly method: keyof Pick<ErasureWriter, 'some' | 'hide' | 'done'>;
  readonly args: readonly unknown[];
}

export interface TripChangeRequest {
  readonly kind: 'trip';
  readonly expected: number;
  /** Not while an open trip created after this brings the same order, epoch ms; null: never mind. */
  readonly soleSince: number | null;
  readonly remove: boolean;
  readonly trip: TripRecord;
  readonly events: readonly EventRecord[];
  readonly outbox: readonly OutboxRecord[];
  readonly messages: readonly OutgoingMessage[];
}

export interface SessionsRequest {
  readonly kind: 'sessions';
  readonly sessions: readonly ConnectionSession[];
}

/** A method of `OutgoingWriter` and what it takes. */
export interface OutgoingRequest {
  readonly kind: 'outgoing';
  readonly method: keyof Pick<OutgoingWriter, 'exchange' | 'putConsumer' | 'removeConsumer' | 'enqueue' | 'replay' | 'prune'>;
  readonly args: readonly unknown[];
}

export type WriteRequest =
  | CommitRequest
  | TripChangeRequest
  | SessionsRequest
  | TriedRequest
  | OutgoingRequest
  | DropRequest
  | ForgetRequest
  | EraseRequest
  | { readonly kind: 'close' };

export type WriteReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'committed'; readonly duplicates: readonly number[] }
  | { readonly kind: 'trip'; readonly done: boolean }
  | { readonly kind: 'recorded' }
  | { readonly kind: 'tried'; readonly tries: number }
  | { readonly kind: 'outgoing'; readonly value: unknown }
  | { readonly kind: 'dropped'; readonly rows: number }
  | { readonly kind: 'erased'; readonly value: unknown }
  | { readonly kind: 'closed' }
  /** This one can never be done; `moved`: the partitions whose cursors were elsewhere. */
  | { readonly kind: 'failed'; readonly message: string; readonly moved: readonly number[] | null }
  | { readonly kind: 'health'; readonly health: StoreHealth }
  | { readonly kind: 'broken'; readonly message: string };
