import type { TripStatus } from '@waycast/protocol';
import type { Command } from '../core/commands.ts';
import type { Driver, DriverSnapshot } from '../core/driver.ts';
import type { FixRow, OutboxEntry, Published } from '../core/effects.ts';
import type { Happened } from '../core/events.ts';
import type { Trip } from '../core/trip.ts';
import type { Delivery } from './delivery.ts';
import type { OutgoingMessage } from './outbox/ports.ts';
import type { Page } from './page.ts';

/** How many partitions drivers hash to. Fixed for the life of a fleet: positions and cursors belong to partitions. */
export const PARTITIONS = 64;

/** What time it is, in epoch ms, and something done again and again. */
export interface Clock {
  now(): number;
  /** Calls `task` every `ms`; answers how to stop. Never keeps the process alive. */
  every(ms: number, task: () => void): () => void;
}

export interface LogEntry {
  readonly partition: number;
  /** Counts from 1 in its partition. */
  readonly position: number;
  readonly command: Command;
  /** Monotonic ms, for measuring. */
  readonly appendedAt: number;
}

/** Commands on their way to the owner of their partition, in order. */
export interface Log {
  /**
   * Takes a command; from here on it is `accepted`.
   * @throws WaycastError `storage_unavailable` when too much waits to be stored [A7]
   */
  append(partition: number, command: Command): void;
  /** Hands batches of entries over, in order per partition, from after `cursors[partition]` on. */
  consume(cursors: readonly number[], take: (entries: readonly LogEntry[]) => void): void;
  /** Everything up to `position` is stored and needs to be kept no longer. */
  trim(partition: number, position: number): void;
  /** How many commands are appended and not trimmed. */
  backlog(): number;
  /** Whether it refuses fixes for that [A7]. */
  isFull(): boolean;
}

/** Latest state and lately published messages, at hand without the store. */
export interface Hot {
  /** The state of a driver; later changes to it show without another put while it is kept. */
  put(driver: Driver): void;
  driver(id: string): Driver | undefined;
  drivers(): Iterable<Driver>;
  drop(id: string): void;
  /** Keeps messages for those who come back, of held feeds. */
  append(published: Published): void;
  /** From now on messages of this feed are kept; after the last `release`, a while longer. */
  hold(feed: string): void;
  release(feed: string): void;
  /** Exactly what followed this position; null when that cannot be told any more [O2]. */
  since(feed: string, epoch: string, seq: number): readonly Published[] | null;
}

/** From whoever publishes to whichever process has watchers. */
export interface Bus {
  publish(delivery: Delivery): void;
  /** Deliveries of this feed are wanted here. */
  join(feed: string): void;
  leave(feed: string): void;
  listen(deliver: (delivery: Delivery) => void): void;
}

/** Who is in which room, over all processes; what a process that died held is given back soon. */
export interface Presence {
  /** Answers how many are in the room now, or null when `limit` were there already. */
  enter(room: string, member: string, limit: number): Promise<number | null>;
  /** Answers how many are left. */
  leave(room: string, member: string): Promise<number>;
  count(room: string): Promise<number>;
}

/** One socket, from its beginning to its end: the audit trail. Epoch ms. */
export interface ConnectionSession {
  readonly id: string;
  readonly subject: string | null;
  readonly role: string | null;
  readonly surface: string;
  readonly kind: 'WEBSOCKET' | 'POLLING';
  /** The trip it was opened for, where it was. */
  readonly about: string | null;
  readonly since: number;
  readonly last: number;
  readonly until: number | null;
}

/** Where the audit trail is kept. */
export interface SessionLog {
  /** Keeps the newest state of each. */
  recordSessions(sessions: readonly ConnectionSession[]): Promise<void>;
  /** Newest first. */
  sessions(
    filter: { readonly subject?: string | undefined; readonly open?: boolean | undefined },
    limit: number,
    cursor: string | null,
  ): Promise<Page<ConnectionSession>>;
}

/** One transaction: all of it or nothing. */
export interface Commit {
  readonly rows: readonly FixRow[];
  readonly events: readonly Happened[];
  readonly outbox: readonly OutboxEntry[];
  readonly outboxDone: readonly string[];
  /** What goes out for `events`; of an event that is there already, nothing. */
  readonly messages: readonly OutgoingMessage[];
  readonly trips: Iterable<Trip>;
  readonly removedTrips: readonly string[];
  readonly snapshots: Iterable<Driver>;
  /** From where to where each partition's cursor moves. */
  readonly cursors: readonly { readonly partition: number; readonly from: number; readonly to: number }[];
}

export interface Committed {
  /** Which of `rows`, by index, were there already and were not stored again [F10]. */
  readonly duplicates: readonly number[];
}

/** A driver as the store has it: the last snapshot, and the fixes stored after it by position. */
export interface StoredDriver {
  readonly id: string;
  readonly snapshot: DriverSnapshot | null;
  readonly rows: readonly FixRow[];
}

/** A change to a trip nobody drives, or its creation; done only if the trip still has `expected` as its revision (0: is not there). */
export interface TripChange {
  readonly expected: number;
  /** Done only if no open trip created after this brings the same order, epoch ms. */
  readonly soleSince?: number | undefined;
  readonly trip: Trip;
  readonly remove: boolean;
  readonly events: readonly Happened[];
  readonly outbox: readonly OutboxEntry[];
  readonly messages: readonly OutgoingMessage[];
}

/** The durable truth, as its one writer sees it. */
export interface Store {
  /**
   * Everything given is taken before this returns; the promise resolves once it is durable (fsync). While the store
   * cannot write it waits, and says so by `health`. Commits become durable in the order they were given.
   */
  commit(commit: Commit): Promise<Committed>;
  /** Only drivers the store has ever heard of come back. */
  load(driverIds: readonly string[]): Promise<readonly StoredDriver[]>;
  /** Answers false when the trip, or another of its order, was not as expected. */
  changeTrip(change: TripChange): Promise<boolean>;
  /** Where to go on after a restart: cursors per partition, outbox entries without effect yet, drivers that were online. */
  resume(): Promise<{ readonly cursors: readonly number[]; readonly outbox: readonly OutboxEntry[]; readonly online: readonly string[] }>;
  health(): StoreHealth;
  close(): Promise<void>;
}

export interface StoreHealth {
  readonly ok: boolean;
  /** What an operator should know when it is not. */
  readonly problem: string | null;
}

/** All that is given must hold; of `labels`, `partyId`, `driverIds` and `ids` together one is enough: they are the doors to a trip. */
export interface TripFilter {
  readonly open?: boolean | undefined;
  readonly status?: string | undefined;
  readonly kind?: string | undefined;
  readonly driverId?: string | undefined;
  readonly orderId?: string | undefined;
  /** Epoch ms. */
  readonly createdAfter?: number | undefined;
  readonly label?: string | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly partyId?: string | undefined;
  readonly driverIds?: readonly string[] | undefined;
  readonly ids?: readonly string[] | undefined;
}

/** A delivery of an order, as statistics need it. Epoch ms. */
export interface OrderRow {
  readonly id: string;
  readonly driverId: string | null;
  readonly status: TripStatus;
  readonly updatedAt: number;
}

/** The durable truth, as readers see it. Times in epoch ms. */
export interface Records {
  trip(id: string): Promise<Trip | undefined>;
  /** Newest first. */
  trips(filter: TripFilter, limit: number, cursor: string | null): Promise<Page<Trip>>;
  /** Deliveries of orders created after one moment that are open, or ended after another, in any order. */
  orderRows(createdAfter: number, endedAfter: number): Promise<readonly OrderRow[]>;
  /** Oldest first, by when it happened. */
  events(tripId: string): Promise<readonly Happened[]>;
  /** Fixes of a driver captured from `from` to `to`, inclusive, in capture order [F12]. */
  locations(driverId: string, from: number, to: number, limit: number, cursor: string | null): Promise<Page<FixRow>>;
  /** The fixes just before a capture time, in capture order: what a judgement starts from. */
  locationsBefore(driverId: string, at: number, limit: number): Promise<readonly FixRow[]>;
}
