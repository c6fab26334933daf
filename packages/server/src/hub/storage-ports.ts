import type { TripStatus } from '@waycast/protocol';
import type { Command } from '../core/commands.ts';
import type { Driver, DriverSnapshot } from '../core/driver.ts';
import type { Erased, FixRow, OutboxEntry } from '../core/effects.ts';
import type { Happened } from '../core/events.ts';
import type { HistoryFix } from '../core/kept-fix.ts';
import type { Trip } from '../core/trip.ts';
import type { FleetRow } from './delivery.ts';
import type { OutgoingMessage } from './outbox/ports.ts';
import type { Page } from './page.ts';

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
  /** Commands that could not be applied or stored, however often it was tried: kept for whoever looks into it. */
  readonly setAside: readonly SetAside[];
  /** Last of all: what was stored of these, by this commit too, is out of reach from here on, and begins to go [I11]. */
  readonly erased: readonly Erased[];
  /** From where to where each partition's cursor moves. */
  readonly cursors: readonly { readonly partition: number; readonly from: number; readonly to: number }[];
}

export interface SetAside {
  readonly partition: number;
  readonly position: number;
  readonly command: Command;
  readonly error: string;
  /** Epoch ms. */
  readonly at: number;
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
  /** Why what there is of it cannot be read. Others asked for with it are none the worse. */
  readonly damage?: string | undefined;
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

/** A partition as it is when it is taken. */
export interface TakenPartition {
  readonly partition: number;
  /** Its cursor: everything up to this position of its log is stored. */
  readonly position: number;
  /** How many owners in a row have gone without a word since the cursor last moved. */
  readonly deaths: number;
}

/** The durable truth, as those who own partitions see it. */
export interface Store {
  /** So many drivers of a whole fleet may be stored whole in a second beside all else, without need. */
  readonly wholeASecond: number;
  /**
   * Everything given is taken before this returns; the promise resolves once it is durable (fsync). While the store
   * cannot write it waits, and says so by `health`. Commits become durable in the order they were given.
   * @throws CursorMoved when somebody else owns one of the partitions, of the cursors or of the drivers stored whole; anything else: this can
   * never be stored as it is
   */
  commit(commit: Commit): Promise<Committed>;
  /** Only drivers the store has ever heard of come back. */
  load(driverIds: readonly string[]): Promise<readonly StoredDriver[]>;
  /** Answers false when the trip, or another of its order, was not as expected. */
  changeTrip(change: TripChange): Promise<boolean>;
  /** From now on nobody but this process moves the cursors of these; in the order asked. */
  take(partitions: readonly number[]): Promise<readonly TakenPartition[]>;
  /** Those of these that are still this process's, as they stand; nothing is taken. */
  still(partitions: readonly number[]): Promise<readonly TakenPartition[]>;
  /** They are left in good order. */
  release(partitions: readonly number[]): Promise<void>;
  /** Notes that the command at this position is tried once more; answers how often it was, durably. */
  tried(partition: number, position: number): Promise<number>;
  /** What has still to reach the drivers of these partitions, oldest first. */
  waiting(partitions: readonly number[]): Promise<readonly OutboxEntry[]>;
  /** The drivers of these partitions about whom time decides something: online when last stored whole, or with an open trip that has an end. */
  awake(partitions: readonly number[]): Promise<readonly string[]>;
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

/** Who was around a place in a time: degrees, m, epoch ms; all inclusive, distances at a millimetre [Q2, Q3]. */
export interface PassSearch {
  readonly lat: number;
  readonly lng: number;
  readonly radius: number;
  readonly from: number;
  readonly to: number;
  /** Only of these; null for everybody. */
  readonly drivers: readonly string[] | null;
}

/** A driver that was there: when first and last, by how many fixes, and the nearest of them; m at a millimetre. */
export interface Pass {
  readonly driver: string;
  readonly first: number;
  readonly last: number;
  readonly fixes: number;
  readonly nearest: { readonly lat: number; readonly lng: number; readonly at: number; readonly distance: number };
}

export interface PassList {
  readonly items: readonly Pass[];
  /** Whether these are all there were. */
  readonly isComplete: boolean;
}

/** The durable truth, as readers see it. Times in epoch ms. */
export interface Records {
  /** Everybody who was online when last stored whole, where they were then. */
  fleet(): Promise<readonly FleetRow[]>;
  trip(id: string): Promise<Trip | undefined>;
  /** Newest first. */
  trips(filter: TripFilter, limit: number, cursor: string | null): Promise<Page<Trip>>;
  /** Deliveries of orders created after one moment that are open, or ended after another, in any order. */
  orderRows(createdAfter: number, endedAfter: number): Promise<readonly OrderRow[]>;
  /** Oldest first, by when it happened. */
  events(tripId: string): Promise<readonly Happened[]>;
  /** Fixes of a driver captured from `from` to `to`, inclusive, in capture order [F12]. A cursor is `at~id` of the last one before it. */
  locations(driverId: string, from: number, to: number, limit: number, cursor: string | null): Promise<Page<HistoryFix>>;
  /** The last fixes captured from `since` to before `at`, in capture order: what a judgement starts from. */
  locationsBefore(driverId: string, at: number, limit: number, since: number): Promise<readonly HistoryFix[]>;
  /** Who passed, the nearest first, then by id: of fixes that were not suspect when stored [Q1-Q4]. */
  passes(search: PassSearch, limit: number): Promise<PassList>;
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

/** A driver that is being erased, with all there is of it up to `at`, epoch ms. */
export interface Erasure {
  /** Of this erasure: a driver may come back, and be erased again. */
  readonly n: number;
  readonly driver: string;
  readonly at: number;
  /** Nothing of it can be asked for any more. */
  readonly hidden: boolean;
}

/** What a driver leaves in a store beside what goes with its commit: those that can be asked for first. */
export type ErasurePart = 'messages' | 'trips' | 'events' | 'sessions' | 'commands' | 'fixes' | 'streams';

/** What one small step did. */
export interface ErasedSome {
  /** Rows that went, or have nothing of the driver any more. */
  readonly rows: number;
  /** Of these trips the driver is gone. */
  readonly trips: readonly string[];
  /** Something of it is on its way, or in somebody's memory: to be looked at again later. */
  readonly held: boolean;
  /** Where the next step goes on; null after the last. */
  readonly next: string | null;
}

/** What is left to do after a driver was erased; it outlives the process [I13]. */
export interface Eraser {
  /** Those that are not done, oldest first. */
  pending(): Promise<readonly Erasure[]>;
  /** Takes the work for this process until `end`; null while another one has it. */
  begin(): Promise<ErasureWork | null>;
}

/** Each step is a transaction, short enough that commits hardly notice, and harmless when repeated. */
export interface ErasureWork {
  /** `after`: `next` of the step before; null for the first. */
  some(erasure: Erasure, part: ErasurePart, after: string | null): Promise<ErasedSome>;
  /** From now on it is `hidden`. */
  hide(erasure: Erasure): Promise<void>;
  /** Nothing is left of it but itself, which goes. */
  done(erasure: Erasure): Promise<void>;
  end(): Promise<void>;
}
