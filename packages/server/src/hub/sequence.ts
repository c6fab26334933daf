import { setTimeout as sleep } from 'node:timers/promises';
import type { Published } from '../core/effects.ts';
import type { Snapshot } from './delivery.ts';
import { KEPT } from './kept.ts';
import type { FeedPosition } from './ports.ts';

/** A message may be kept a moment after another one that follows it has come: so often, and so long, it is asked again, ms. */
const PATIENCE_MS = [20, 50, 100, 250];
const SNAPSHOT_RETRY_MS = 1_000;
/** So often it is looked for whoever has the driver, before what the store has must do. */
const KEPT_TRIES = 10;
/** Lives of a counter that are over. */
const REMEMBERED = 8;

export type Numbered = Published | Snapshot;

export interface SequenceParts {
  /** In order, each once. */
  readonly pass: (delivery: Numbered) => void;
  /** Exactly what followed; null when that cannot be told any more. */
  readonly since: (epoch: string, seq: number) => Promise<readonly Published[] | null>;
  /** Where the feed stands now; null when it is no more. */
  readonly snapshot: () => Promise<Snapshot | null>;
  readonly warn: (message: string, error: unknown) => void;
}

/** The messages of one feed as they come in: a gap is filled before anything after it is passed on, or ends in a snapshot [P7]. */
export class Sequence {
  readonly #parts: SequenceParts;
  #epoch = '';
  #seq = 0;
  /** Lives of the counter that are over, the last few: what still comes of them is too late. */
  readonly #over: string[] = [];
  /** Of the trip, as last told: what the store told of it may come after what its driver did. */
  #revision = 0;
  /** What came while a gap is being filled. */
  #held: Numbered[] | null = null;

  constructor(parts: SequenceParts) {
    this.#parts = parts;
  }

  /** Up to where everything was passed on; null before the beginning. */
  get position(): FeedPosition | null {
    return this.#epoch === '' ? null : { epoch: this.#epoch, seq: this.#seq };
  }

  /** Somebody begins here; the first one decides what is missing. */
  startAt({ epoch, seq }: FeedPosition): void {
    if (this.#epoch === '') this.#moveTo(epoch, seq);
  }

  take(delivery: Numbered): void {
    if (this.#held !== null) this.#held.push(delivery);
    else this.#take(delivery);
  }

  /** Something was published up to here: what is missing is fetched. Answers false when it was in another life of the counter. */
  mustReach({ epoch, seq }: FeedPosition): boolean {
    if (this.#held !== null || this.#epoch === '' || this.#over.includes(epoch)) return true;
    if (epoch !== this.#epoch) return false;
    if (seq > this.#seq) void this.#fill(epoch, seq);
    return true;
  }

  /** The feed stands here now. Another life of the counter is told from its beginning to those who heard the one before, as it stands to others. */
  standsAt(snapshot: Snapshot): void {
    if (this.mustReach(snapshot) || snapshot.seq === 0 || isKept(snapshot)) return;
    if (isCounted(this.#epoch)) void this.#fill(snapshot.epoch, snapshot.seq);
    else this.#start(snapshot);
  }

  #take(delivery: Numbered): void {
    const { epoch, seq } = delivery;
    if (this.#over.includes(epoch)) return;
    if (delivery.type === 'snapshot') {
      if (delivery.trip !== null && delivery.trip.revision <= this.#revision) this.#end(epoch);
      else this.#start(delivery);
      return;
    }
    // Before anybody has begun nothing can be missing; a life of the counter begins at 1.
    const follows = this.#epoch === '' || (epoch === this.#epoch ? seq === this.#seq + 1 : seq === 1);
    if (follows) {
      if (epoch !== this.#epoch) this.#moveTo(epoch, seq);
      this.#pass(delivery);
    } else if (epoch !== this.#epoch || seq > this.#seq) {
      void this.#fill(epoch, seq - 1, delivery);
    }
  }

  /** Fetches what is missing up to `upTo`, then goes on with what came meanwhile. */
  async #fill(epoch: string, upTo: number, ...next: Numbered[]): Promise<void> {
    this.#held = next;
    const filled = await this.#fetch(epoch, upTo);
    if (!filled) await this.#startAnew();
    const held = this.#held;
    this.#held = null;
    // What does not follow even now begins another filling, which the rest waits for.
    for (const delivery of held) this.take(delivery);
  }

  async #fetch(epoch: string, upTo: number): Promise<boolean> {
    for (const patience of [0, ...PATIENCE_MS]) {
      if (patience > 0) await sleep(patience);
      const from = epoch === this.#epoch ? this.#seq : 0;
      let missing: readonly Published[] | null;
      try {
        missing = await this.#parts.since(epoch, from);
      } catch (error) {
        this.#parts.warn('messages that got lost could not be fetched; it is tried again', error);
        continue;
      }
      for (const one of missing ?? []) {
        if (epoch !== this.#epoch) this.#moveTo(epoch, 0);
        if (one.seq !== this.#seq + 1) break;
        this.#pass(one);
      }
      if (epoch === this.#epoch && this.#seq >= upTo) return true;
    }
    return false;
  }

  async #startAnew(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        const snapshot = await this.#parts.snapshot();
        // Somebody has just told something: who that is cannot be seen, as Redis is away, say, or was wiped.
        if (snapshot !== null && isKept(snapshot) && tries < KEPT_TRIES) {
          await sleep(SNAPSHOT_RETRY_MS);
          continue;
        }
        if (snapshot !== null) this.#start(snapshot);
        return;
      } catch (error) {
        this.#parts.warn('a feed that lost messages could not be started anew; it is tried again', error);
        await sleep(SNAPSHOT_RETRY_MS);
      }
    }
  }

  #pass(delivery: Published): void {
    this.#seq = delivery.seq;
    if (delivery.type === 'event' && delivery.trip !== null) this.#revision = Math.max(this.#revision, delivery.trip.revision);
    this.#parts.pass(delivery);
  }

  #start(snapshot: Snapshot): void {
    // What is in nobody's memory now ends no life: it may turn up again.
    if (isKept(snapshot)) this.#epoch = '';
    this.#moveTo(snapshot.epoch, snapshot.seq);
    this.#revision = snapshot.trip?.revision ?? 0;
    this.#parts.pass(snapshot);
  }

  #moveTo(epoch: string, seq: number): void {
    if (epoch !== this.#epoch && this.#epoch !== '') this.#end(this.#epoch);
    this.#epoch = epoch;
    this.#seq = seq;
  }

  #end(epoch: string): void {
    this.#over.push(epoch);
    if (this.#over.length > REMEMBERED) this.#over.shift();
  }
}

/** Whether somebody counts in this life: what the store tells of has no messages before it. */
function isCounted(epoch: string): boolean {
  return !epoch.startsWith('stored') && !epoch.startsWith(KEPT);
}

function isKept({ driver }: Snapshot): boolean {
  return driver?.epoch === KEPT;
}
