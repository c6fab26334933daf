import type { Driver } from '../core/driver.ts';
import { type Effects, noEffects } from '../core/effects.ts';
import type { Meter } from './meter.ts';
import type { OutgoingMessage } from './outbox/ports.ts';
import { partitionOf } from './partition.ts';
import { type Clock, PARTITIONS } from './ports.ts';
import type { Post } from './post.ts';
import type { Residents } from './residents.ts';
import type { Committed, SetAside, Store } from './storage-ports.ts';

/** At least this long between two commits, so that each carries many fixes, ms. */
const COMMIT_EVERY_MS = 5;
/** After a commit of many rows it takes longer: each costs the same fsync, however much it carries. */
const BUSY_ROWS = 50;
const BUSY_COMMIT_EVERY_MS = 20;
const COMMITS_IN_FLIGHT = 2;
/** What gathers while the store is away goes in many commits, not in one that holds the server and all behind it up for long. */
const MOST_ROWS = 5_000;
const MOST_DRIVERS = 1_000;
const TELL_STALLED_EVERY_MS = 250;

/** What commands have led to and is not yet on its way to the store. */
export interface Batch {
  readonly effects: Effects;
  /** What goes out for the events among them. */
  readonly messages: OutgoingMessage[];
  readonly setAside: SetAside[];
  /** To where each partition has come with it. */
  readonly reached: Map<number, number>;
  /** When the oldest of its commands was appended, monotonic ms; 0 for none. */
  oldest: number;
}

export function newBatch(): Batch {
  return { effects: noEffects(), messages: [], setAside: [], reached: new Map(), oldest: 0 };
}

export interface CommitsParts {
  readonly store: Pick<Store, 'commit'>;
  readonly clock: Clock;
  readonly residents: Pick<Residents, 'storedWhole'>;
  readonly post: Pick<Post, 'accepted' | 'stored' | 'answer'>;
  readonly meter: Meter;
  /** A batch is durable: what it still leads to. */
  readonly stored: (batch: Batch) => void;
  /** A batch was not stored, and is not going to be. */
  readonly failed: (batch: Batch, error: unknown) => void;
}

/** Stores what commands lead to, in group commits, and tells whoever waits for that. */
export class Commits {
  readonly #parts: CommitsParts;
  /** Where each partition stands: applied, and given to the store. */
  readonly #begun: number[] = new Array(PARTITIONS).fill(0);
  #whole = new Set<Driver>();
  #pending = newBatch();
  /** Commits begun before this are durable, epoch ms. */
  #durable = 0;
  #inFlight = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastFlush = 0;
  #pause = COMMIT_EVERY_MS;
  /** Those who wait until so many commits have ended. */
  #waiting: { readonly until: number; readonly resolve: () => void }[] = [];
  #started = 0;
  #ended = 0;
  readonly #stop: () => void;

  constructor(parts: CommitsParts) {
    this.#parts = parts;
    this.#stop = parts.clock.every(TELL_STALLED_EVERY_MS, () => {
      // While commits stall, what is accepted is still told.
      if (this.#inFlight >= COMMITS_IN_FLIGHT) this.#tellAccepted(this.#pending.effects);
    });
  }

  /** What is being gathered now. */
  get pending(): Batch {
    return this.#pending;
  }

  /** Commits begun before this are durable, epoch ms. */
  get durable(): number {
    return this.#durable;
  }

  /** The next commit moves the cursor of the partition from here. */
  startAt(partition: number, position: number): void {
    this.#begun[partition] = position;
  }

  /** The driver is stored whole with the next commit. */
  storeWhole(driver: Driver): void {
    this.#whole.add(driver);
  }

  /** The driver is stored no more: it is erased. */
  forget(driver: Driver): void {
    this.#whole.delete(driver);
  }

  /** So much is gathered that it should go to the store by itself. */
  get isFull(): boolean {
    const { effects, setAside } = this.#pending;
    return effects.rows.length >= MOST_ROWS || effects.changed.size >= MOST_DRIVERS || setAside.length >= MOST_DRIVERS;
  }

  isIdle(): boolean {
    return this.#isEmpty() && this.#inFlight === 0;
  }

  /** Something may have been added. */
  schedule(): void {
    if (this.#timer !== undefined || this.#inFlight >= COMMITS_IN_FLIGHT || this.#isEmpty()) return;
    this.#timer = setTimeout(() => this.#flush(), Math.max(0, this.#lastFlush + this.#pause - performance.now()));
  }

  /** Resolves once all that is here now is durable, or has failed. */
  async settled(): Promise<void> {
    const until = this.#started + (this.#isEmpty() ? 0 : Math.max(1, Math.ceil(this.#whole.size / MOST_DRIVERS)));
    if (this.#ended >= until) return;
    this.schedule();
    await new Promise<void>((resolve) => this.#waiting.push({ until, resolve }));
  }

  /** What is gathered is dropped; answers the partitions it was of. */
  discard(): Iterable<number> {
    const { reached } = this.#pending;
    this.#pending = newBatch();
    this.#whole.clear();
    // Whoever waits for what is dropped now waits for what is under way, and no longer: there may be no other commit for long.
    this.#waiting = this.#waiting.map(({ until, resolve }) => ({ until: Math.min(until, this.#started), resolve }));
    this.#tellSettled();
    return reached.keys();
  }

  /** Stores a batch by itself, at once. */
  alone(batch: Batch): void {
    // Whoever waits for what is still here waits for one commit more.
    this.#waiting = this.#waiting.map((one) => (one.until > this.#started ? { ...one, until: one.until + 1 } : one));
    for (const driver of batch.effects.changed) this.#whole.delete(driver);
    this.#commit(batch, new Set(batch.effects.changed));
  }

  /** What is gathered is given to the store at once, however many commits are under way; whoever is to be stored whole besides waits. */
  cut(): void {
    const batch = this.#pending;
    this.#pending = newBatch();
    this.alone(batch);
  }

  close(): void {
    this.#stop();
    clearTimeout(this.#timer);
  }

  #isEmpty(): boolean {
    return this.#pending.reached.size === 0 && this.#whole.size === 0;
  }

  #flush(): void {
    this.#timer = undefined;
    if (this.#isEmpty()) {
      this.#tellSettled();
      return;
    }
    this.#lastFlush = performance.now();
    const batch = this.#pending;
    this.#pending = newBatch();
    this.#pause = batch.effects.rows.length > BUSY_ROWS ? BUSY_COMMIT_EVERY_MS : COMMIT_EVERY_MS;
    const whole = new Set(this.#whole.values().take(MOST_DRIVERS));
    for (const driver of batch.effects.changed) whole.add(driver);
    if (this.#whole.size <= MOST_DRIVERS) this.#whole = new Set();
    else for (const driver of whole) this.#whole.delete(driver);
    this.#commit(batch, whole);
  }

  #commit(batch: Batch, whole: ReadonlySet<Driver>): void {
    const { store, clock, residents } = this.#parts;
    const { effects, messages, setAside, reached } = batch;
    const cursors: { partition: number; from: number; to: number }[] = [];
    for (const [partition, to] of reached) {
      cursors.push({ partition, from: this.#begun[partition] as number, to });
      this.#begun[partition] = to;
    }
    // A driver is stored whole as of its cursor: if what led there was not stored, it must not be either.
    const held = new Set(reached.keys());
    for (const { id } of whole) {
      const partition = partitionOf(id);
      if (held.has(partition)) continue;
      held.add(partition);
      const at = this.#begun[partition] as number;
      cursors.push({ partition, from: at, to: at });
    }
    const marks = this.#tellAccepted(effects);
    const begun = clock.now();
    this.#inFlight++;
    this.#started++;
    const { rows, events, outbox, outboxDone, trips, removedTrips } = effects;
    // What was stored of it before has the times of this clock at most.
    const erased = effects.erased.map(({ driverId, at }) => ({ driverId, at: Math.max(at, begun) }));
    const commit = store.commit({
      rows,
      events,
      outbox,
      outboxDone,
      messages,
      trips,
      removedTrips,
      snapshots: whole,
      setAside,
      erased,
      cursors,
    });
    residents.storedWhole(whole);
    commit.then(
      (committed) => this.#stored(batch, marks, begun, committed),
      (error: unknown) => this.#failed(batch, error),
    );
  }

  /** The watermarks of what is in the log; what they are now is also what this commit will have stored [A2]. */
  #tellAccepted({ progress }: Effects): readonly Mark[] {
    const marks: Mark[] = [];
    for (const [stream, { sender, driverId }] of progress) {
      marks.push({ sender, driverId, stream: stream.id, upTo: stream.settled });
      this.#parts.post.accepted(sender, driverId, stream.id, stream.settled);
    }
    return marks;
  }

  /** The commit is durable: now it may be said. */
  #stored(batch: Batch, marks: readonly Mark[], begun: number, { duplicates }: Committed): void {
    const { post, meter } = this.#parts;
    const { effects } = batch;
    this.#durable = begun;
    if (duplicates.length > 0) countDuplicates(effects, duplicates);
    // Before the answers: whoever is answered may rely on the trip being on its way to its driver.
    this.#parts.stored(batch);
    for (const { sender, driverId, stream, upTo } of marks) post.stored(sender, driverId, stream, upTo);
    for (const answer of effects.answers) post.answer(answer);
    meter.stored(batch.oldest, effects.rows.length);
    this.#end();
  }

  #failed(batch: Batch, error: unknown): void {
    this.#parts.failed(batch, error);
    this.#end();
  }

  #end(): void {
    this.#inFlight--;
    this.#ended++;
    this.#tellSettled();
    this.schedule();
  }

  #tellSettled(): void {
    // Of what was waited for some may have gone with other commits.
    const ended = this.isIdle() ? Number.POSITIVE_INFINITY : this.#ended;
    const ready = this.#waiting.filter(({ until }) => until <= ended);
    this.#waiting = this.#waiting.filter(({ until }) => until > ended);
    for (const { resolve } of ready) resolve();
  }
}

interface Mark {
  readonly sender: number;
  readonly driverId: string;
  readonly stream: string;
  readonly upTo: number;
}

/** The store knew some of the unsure ones: the answers say so. */
function countDuplicates(effects: Effects, duplicates: readonly number[]): void {
  for (const index of duplicates) {
    const reply = effects.rows[index]?.reply ?? 0;
    if (reply === 0) continue;
    const answer = effects.answers.find((one) => one.reply === reply);
    if (answer?.kind !== 'fixes') continue;
    answer.counts.stored--;
    answer.counts.duplicates++;
  }
}
