import type { Command } from '../core/commands.ts';
import type { Driver, SeenDriver } from '../core/driver.ts';
import type { Published } from '../core/effects.ts';
import type { Trip } from '../core/trip.ts';
import type { Delivery } from './delivery.ts';

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
  /** Grows in its partition, from above 0, and never returns. */
  readonly position: number;
  readonly command: Command;
  /** When it was taken, for measuring; in ms of this process's `performance.now()`. */
  readonly appendedAt: number;
}

/** Commands on their way to the owner of their partition, in order. What is not trimmed can be read again. */
export interface Log {
  /**
   * Takes a command; from here on it is on its way, and `accepted` once its owner has it.
   * @throws WaycastError `storage_unavailable` when too much waits to be stored [A7]
   */
  append(partition: number, command: Command): void;
  /** Batches of entries of open partitions go here, in order per partition; while too much of them is not trimmed no more come. Called once. */
  consume(take: (entries: readonly LogEntry[]) => void): void;
  /** From now on entries after position `after` come; of one that is open it begins anew there. */
  open(partition: number, after: number): void;
  /** Once this returns nothing of it comes any more. Harmless for one that is not open. */
  close(partition: number): void;
  /** Everything up to `position` is stored and needs to be kept no longer. */
  trim(partition: number, position: number): void;
  /** How many commands are appended and not trimmed, as far as this process knows. */
  backlog(): number;
  /** How many it holds in this process alone and will hand over, or pass on, in a moment. */
  held(): number;
  /**
   * Why fixes are refused now, or come no further for a while; null when they are taken [A7]. Of one partition,
   * or of all of them: that one has too much waiting is nothing to the others [P5].
   */
  problem(partition?: number): string | null;
}

/** Latest state and lately published messages, for every process that has to do with watchers. */
export interface Hot {
  /** The state of a driver after a command. */
  put(driver: Driver): void;
  /** The driver is kept in nobody's memory any more: what the store has of it is all there is. */
  drop(id: string): void;
  /** The driver is erased: nothing of it is left, and nothing that was kept of its feed [I11]. */
  erase(id: string): void;
  /**
   * Whoever kept it, known here or not: nothing is left of a driver that was seen last up to `until`, epoch ms, nor of its
   * feed [I11]. Answers whether nothing is there now; false: it is of somebody new, and stays [I14].
   * @throws Error when that cannot be done now
   */
  wipe(id: string, until: number): Promise<boolean>;
  /** Nothing is shown to other processes until then: what is in memory here may be out of date. */
  hush(until: Promise<void>): void;
  /** As last put, or newer; undefined for one that is in nobody's memory, null when that cannot be seen now. */
  driver(id: string): Promise<SeenDriver | undefined | null>;
  /** Keeps messages for those who come back, of held feeds. */
  append(published: Published): void;
  /** Nothing that was kept of this feed is left, whoever published it [I11]. */
  clear(feed: string): void;
  /** From now on messages of this feed are kept; after the last `release`, a while longer. */
  hold(feed: string): void;
  release(feed: string): void;
  /** Exactly what followed this position; null when that cannot be told any more [O2]. */
  since(feed: string, epoch: string, seq: number): Promise<readonly Published[] | null>;
  /** Where held feeds stand, in the order asked; null where nothing was kept. */
  heads(feeds: readonly string[]): Promise<readonly (FeedPosition | null)[]>;
}

/** A message of a feed, by its number in one life of its counter [O1]. */
export interface FeedPosition {
  readonly epoch: string;
  readonly seq: number;
}

/** From whoever publishes to whichever process has watchers. In order per feed and publisher; what gets lost shows as a gap. */
export interface Bus {
  publish(delivery: Delivery): void;
  /** Deliveries of this feed are wanted here. */
  join(feed: string): void;
  leave(feed: string): void;
  /** `doubt`: something may have been published elsewhere that was wanted here and did not come. */
  listen(deliver: (delivery: Delivery) => void, doubt: () => void): void;
  /**
   * Resolves once everything published from now on of what is wanted here will come, and what was published before can be
   * read. False, soon, when that is not certain.
   */
  known(): Promise<boolean>;
}

/** Other services that read along, in a store of theirs or ours. */
export interface Mirror {
  /** `trip`: the one the message is about, as it is now; null for those of a driver. */
  published(published: Published, trip: Trip | null): void;
  /** What was written of this driver, or of a trip by a driver, goes, whoever wrote it. Answers whether it has gone; false: that is tried again. */
  forget(whom: { readonly driverId: string } | { readonly tripId: string }): Promise<boolean>;
}

/** Who is in which room, over all processes; what a process that died held is given back soon. */
export interface Presence {
  /** Answers how many are in the room now, or null when `limit` were there already. */
  enter(room: string, member: string, limit: number): Promise<number | null>;
  /** Answers how many are left. */
  leave(room: string, member: string): Promise<number>;
  count(room: string): Promise<number>;
  /** A number above all that were given for this seat before, whoever asked. */
  next(seat: string): Promise<number>;
  /** The highest number given for this seat; 0 when none is known. */
  latest(seat: string): Promise<number>;
}

/** Codes that are good once and not for long, whichever process gave them [S8]. 192 random bits. */
export interface Codes<T> {
  /** `until`: epoch ms. */
  issue(value: T): Promise<{ readonly code: string; readonly until: number }>;
  /** What the code stood for; undefined when it is unknown, used or too old. */
  redeem(code: string): Promise<T | undefined>;
}

/** Which partitions this process owns: at any time one process owns a partition [P2]. */
export interface Ownership {
  /** Begins to tell `owner`; resolves once this process has its first share, which may be empty. */
  start(owner: Owner): Promise<void>;
  /** Somebody else was found to own these. */
  lost(partitions: readonly number[]): void;
  /** Hands everything over. Twice is safe. */
  close(): Promise<void>;
}

/** What has to do with partitions as they come and go. */
export interface Owner {
  /** These are owned from now on. */
  gain(partitions: readonly number[]): Promise<void>;
  /** Resolves once all of them is stored and nothing more is done with them: then somebody else may have them. */
  yield(partitions: readonly number[]): Promise<void>;
  /** Owned no more, without warning. */
  lose(partitions: readonly number[]): void;
}
