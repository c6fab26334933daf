import type { Actor, ErrorCode } from '@waycast/protocol';
import type { Driver } from './driver.ts';
import type { Plan } from './eta.ts';
import type { Happened } from './events.ts';
import type { Fix } from './fix.ts';
import type { Stream } from './identities.ts';
import type { Suspicion } from './plausibility.ts';
import type { Trip } from './trip.ts';

/** One message of a feed, numbered [O1]; surfaces give it its form. */
export interface LocationPublished {
  readonly type: 'location';
  readonly feed: string;
  readonly epoch: string;
  readonly seq: number;
  readonly driverId: string;
  readonly fix: Fix;
  /** Of a trip's feed only: with the fix and `now` (epoch ms) it gives the ETAs, to whoever wants them. */
  readonly plan: Plan | null;
  readonly now: number;
}

export interface EventPublished {
  readonly type: 'event';
  readonly feed: string;
  readonly epoch: string;
  readonly seq: number;
  readonly event: Happened;
  /** The trip as it was right after; null for events of a driver. */
  readonly trip: Trip | null;
}

export type Published = LocationPublished | EventPublished;

/** A fix to store. `unsure`: the store has to look whether it has it already [F10]. */
export interface FixRow {
  readonly driverId: string;
  readonly position: number;
  readonly fix: Fix;
  readonly receivedAt: number;
  readonly suspect: Suspicion | null;
  readonly stream: string | null;
  readonly seq: number | null;
  readonly unsure: boolean;
  /** The answer that counts this row; 0 for none. */
  readonly reply: number;
}

/** Something that must reach another partition: the trip goes to `trip.driverId`. Stored with what caused it. */
export interface OutboxEntry {
  readonly id: string;
  readonly kind: 'adopt';
  readonly trip: Trip;
  readonly previous: string | null;
  readonly by: Actor;
  readonly at: number;
}

/** How many fixes of one command went which way; counts are final once the store has looked at the unsure ones. */
export interface FixCounts {
  accepted: number;
  stored: number;
  duplicates: number;
  suspect: number;
  readonly rejected: { index: number; code: ErrorCode; message: string }[];
}

/** The outcome of one command, told to whoever asked once it is durable. */
export type Answer =
  | {
      readonly reply: number;
      readonly kind: 'fixes';
      readonly counts: FixCounts /** Where the driver's feed stands. */;
      readonly seq: number;
    }
  | { readonly reply: number; readonly kind: 'opened'; readonly accepted: number; readonly stored: number }
  | { readonly reply: number; readonly kind: 'trip'; readonly trip: Trip }
  | { readonly reply: number; readonly kind: 'done' }
  | {
      readonly reply: number;
      readonly kind: 'error';
      readonly code: ErrorCode;
      readonly message: string;
      readonly field?: string | undefined;
    };

/** Whose numbering moved, for the watermarks of its sender [A2]. */
export interface Progress {
  readonly sender: number;
  readonly driverId: string;
}

/** News about single numbers or unnumbered fixes, for their sender. */
export type Remark =
  | {
      readonly sender: number;
      readonly driverId: string;
      readonly stream: string | null;
      readonly seq: number;
      readonly kind: 'rejected';
      readonly code: ErrorCode;
      readonly message: string;
    }
  | {
      readonly sender: number;
      readonly driverId: string;
      readonly stream: string | null;
      readonly seq: number | null;
      readonly kind: 'suspect';
      readonly reason: Suspicion;
      readonly at: number;
    };

/** A driver of whom nothing is to be kept: all there is of it goes up to `at`, epoch ms [I10]. */
export interface Erased {
  readonly driverId: string;
  readonly at: number;
}

/** What commands lead to. One collection serves a whole batch of commands; order within each list is the order of decisions. */
export interface Effects {
  readonly published: Published[];
  readonly rows: FixRow[];
  readonly events: Happened[];
  readonly outbox: OutboxEntry[];
  /** Ids of outbox entries that have had their effect. */
  readonly outboxDone: string[];
  readonly trips: Set<Trip>;
  readonly removedTrips: string[];
  readonly answers: Answer[];
  readonly progress: Map<Stream, Progress>;
  readonly remarks: Remark[];
  /** Drivers whose state must be stored with this commit: something other than a plain fix changed it. */
  readonly changed: Set<Driver>;
  /** Nothing of these is in the effects of later commands: those are of a new driver, and go by themselves. */
  readonly erased: Erased[];
}

export function noEffects(): Effects {
  return {
    published: [],
    rows: [],
    events: [],
    outbox: [],
    outboxDone: [],
    trips: new Set(),
    removedTrips: [],
    answers: [],
    progress: new Map(),
    remarks: [],
    changed: new Set(),
    erased: [],
  };
}
