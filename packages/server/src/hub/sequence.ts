import { setTimeout as sleep } from 'node:timers/promises';
import type { EventPublished, Published } from '../core/effects.ts';
import { isEarlierLife } from '../core/life.ts';
import { timesOf } from '../core/told.ts';
import type { Trip } from '../core/trip.ts';
import type { Snapshot, Sought } from './delivery.ts';
import { isNobodys, KEPT, UNSEEN } from './kept.ts';
import type { Told } from './missed.ts';
import type { FeedPosition } from './ports.ts';

/** A message may be kept a moment after another one that follows it has come: so often, and so long, it is asked again, ms. */
const PATIENCE_MS = [20, 50, 100, 250];
const SNAPSHOT_RETRY_MS = 1_000;
/** So often it is looked for whoever has the driver, who may just be handed over, before what the store has must do. */
const KEPT_TRIES = 5;
/** And so often while that cannot be seen. */
const UNSEEN_TRIES = 15;
/** Lives of a counter that are over. */
const REMEMBERED = 8;
/** Ids of texts. */
const TEXTS = 32;
/** Messages that wait while a gap is being filled; of more only the newest stays, and the gap is that much longer. */
const MOST_HELD = 1_000;

export type Numbered = Published | Snapshot;

export interface SequenceParts {
  /** In order, each once. */
  readonly pass: (delivery: Numbered) => void;
  /** Exactly what followed; null when that cannot be told any more. */
  readonly since: (epoch: string, seq: number) => Promise<readonly Published[] | null>;
  /** Where the feed stands now; null when it is no more. */
  readonly snapshot: (sought: Sought) => Promise<Snapshot | null>;
  /** Messages are lost, between what was told and this snapshot; what follows waits for it. Answers those it could still tell. */
  readonly lost: (snapshot: Snapshot, told: Told) => Promise<readonly Published[]>;
  /** Somebody else counts now: the last words of whoever did before may never have been said. */
  readonly newLife: () => void;
  readonly now: () => number;
  readonly warn: (message: string, error: unknown) => void;
}

/** The messages of one feed as they come in: a gap is filled before anything after it is passed on, or ends in a snapshot [P7]. */
export class Sequence {
  readonly #parts: SequenceParts;
  #epoch = '';
  #seq = 0;
  /** Lives of the counter that are over, the last few: what still comes of them is too late. */
  readonly #over: string[] = [];
  /** The life before nobody had the driver: it may go on. */
  #before = '';
  /** As last told: what the store told of it may come after what its driver did. */
  #trip: Trip | null = null;
  /** The last texts. */
  #texts: { readonly id: string; readonly at: number }[] = [];
  #since = 0;
  #fixAt = 0;
  #stopped = false;
  /** Somebody goes on here who may lack something. */
  #isUnsure = false;
  /** What came while a gap is being filled. */
  #held: Numbered[] | null = null;

  constructor(parts: SequenceParts) {
    this.#parts = parts;
  }

  /** Up to where everything was passed on; null before the beginning. */
  get position(): FeedPosition | null {
    return this.#epoch === '' ? null : { epoch: this.#epoch, seq: this.#seq };
  }

  /** The lives of the counter that were told of, the last few; without those that clocks call later than the one that goes on now. */
  get told(): readonly string[] {
    return [...this.#over, this.#before, this.#epoch].filter((life) => life !== '' && !isEarlierLife(this.#epoch, life));
  }

  /** Nobody is there any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Somebody begins here, or by this snapshot; the first one decides what is missing. */
  startAt({ epoch, seq }: FeedPosition, snapshot: Snapshot | null = null): void {
    if (this.#epoch === '') {
      this.#moveTo(epoch, seq);
      this.#since = this.#parts.now();
    } else if (isNobodys(epoch) && isCounted(this.#epoch)) {
      // It was told what is stored, which is not where this stands.
      this.#isUnsure = true;
      return;
    } else if (this.#trip !== null) return;
    if (snapshot !== null) this.#told(snapshot);
  }

  /** Somebody goes on from where it stood, and it cannot be seen where the feed stands: all are told once it can, or as soon as something comes. */
  goOn(): void {
    // Where somebody says it stood is for nobody else to go by.
    this.startAt({ epoch: UNSEEN, seq: 0 });
    this.#isUnsure = true;
  }

  /** Whether it still has to be found out where the feed stands, and nothing does that yet. */
  get isWaiting(): boolean {
    return this.#isUnsure && this.#held === null;
  }

  take(delivery: Numbered): void {
    if (this.#held === null && this.#isUnsure) void this.#hold([delivery], () => this.#startAnew());
    else if (this.#held === null) this.#take(delivery);
    else if (this.#held.length < MOST_HELD) this.#held.push(delivery);
    else this.#held = [delivery];
  }

  /** Something was published up to here: what is missing is fetched. Answers false when it was in another life of the counter. */
  mustReach({ epoch, seq }: FeedPosition): boolean {
    if (this.#held !== null || this.#epoch === '' || this.#isUnsure || this.#over.includes(epoch)) return true;
    if (epoch !== this.#epoch) return false;
    if (seq > this.#seq) void this.#fill(epoch, seq);
    return true;
  }

  /** The feed stands here now. Another life of the counter is told from its beginning to those who heard the one before, as it stands to others. */
  standsAt(snapshot: Snapshot): void {
    if (this.#held !== null || this.#epoch === '' || isUnseen(snapshot)) return;
    if (this.#isUnsure) void this.#hold([], () => this.#startAnew());
    if (this.#isUnsure || isKept(snapshot)) return;
    const { epoch, seq } = snapshot;
    const isAhead = epoch === this.#epoch ? seq > this.#seq : seq > 0 && !this.#over.includes(epoch);
    if (isAhead && isCounted(this.#epoch)) void this.#fill(epoch, seq);
    // Nobody counts what happened, or whoever did never said so; yet it has happened.
    else if (isAhead || isNews(snapshot.trip, this.#trip)) void this.#hold([], () => this.#startAnew());
  }

  #take(delivery: Numbered): void {
    const { epoch, seq } = delivery;
    if (this.#over.includes(epoch)) return;
    if (delivery.type === 'snapshot') {
      if (delivery.trip !== null && delivery.trip.revision <= (this.#trip?.revision ?? 0)) {
        this.#end(epoch);
        return;
      }
      this.#stand(delivery);
      this.#parts.pass(delivery);
      return;
    }
    // Before anybody has begun nothing can be missing; a life of the counter begins at 1, and what seems earlier may only be late.
    const begins = seq === 1 && !isEarlierLife(epoch, this.#epoch);
    const follows = this.#epoch === '' || (epoch === this.#epoch ? seq === this.#seq + 1 : begins);
    if (follows) {
      if (epoch !== this.#epoch) {
        if (this.#epoch !== '') this.#parts.newLife();
        this.#moveTo(epoch, seq);
      }
      this.#pass(delivery);
    } else if (epoch !== this.#epoch || seq > this.#seq) {
      void this.#fill(epoch, seq - 1, delivery);
    }
  }

  /** Fetches what is missing up to `upTo`, then goes on with what came meanwhile. */
  async #fill(epoch: string, upTo: number, ...next: Numbered[]): Promise<void> {
    await this.#hold(next, async () => {
      if (await this.#fetch(epoch, upTo)) return true;
      const isKnown = await this.#startAnew();
      // It came late, of whoever had the driver before.
      if (isEarlierLife(epoch, this.#epoch)) this.#end(epoch);
      return isKnown;
    });
  }

  /** What comes meanwhile waits. `work` answers whether it is known where the feed stands. */
  async #hold(next: Numbered[], work: () => Promise<boolean>): Promise<void> {
    this.#held = next;
    const isKnown = await work();
    const held = this.#held;
    this.#held = null;
    // Without a place to go on from there is nothing to go on with.
    if (!isKnown) return;
    // What does not follow even now begins another filling, which the rest waits for.
    for (const delivery of held) this.take(delivery);
  }

  async #fetch(epoch: string, upTo: number): Promise<boolean> {
    for (const patience of [0, ...PATIENCE_MS]) {
      if (patience > 0) await sleep(patience);
      if (this.#stopped) return false;
      const from = epoch === this.#epoch ? this.#seq : 0;
      let missing: readonly Published[] | null;
      try {
        missing = await this.#parts.since(epoch, from);
      } catch (error) {
        this.#parts.warn('messages that got lost could not be fetched; it is tried again', error);
        continue;
      }
      if (this.#stopped) return false;
      for (const one of missing ?? []) {
        if (epoch !== this.#epoch) this.#moveTo(epoch, 0);
        if (one.seq !== this.#seq + 1) break;
        this.#pass(one);
      }
      if (epoch === this.#epoch && this.#seq >= upTo) return true;
    }
    return false;
  }

  /** Answers false when there is nothing to start from, or nobody to start for. */
  async #startAnew(): Promise<boolean> {
    for (let tries = 1; !this.#stopped; tries++) {
      try {
        const snapshot = await this.#parts.snapshot({ told: this.told, orStored: tries >= UNSEEN_TRIES });
        // Somebody has just told something: that shows in a moment, and where Redis is away once it is back.
        const most =
          snapshot === null ? 0 : isUnseen(snapshot) ? UNSEEN_TRIES : isKept(snapshot) || this.#isPast(snapshot) ? KEPT_TRIES : 0;
        if (tries < most) {
          await sleep(SNAPSHOT_RETRY_MS);
          continue;
        }
        // What is over is told to nobody, however long nothing else is seen.
        if (snapshot === null || this.#stopped || this.#isPast(snapshot)) return false;
        await this.#goOnFrom(snapshot);
        return true;
      } catch (error) {
        this.#parts.warn('a feed that lost messages could not be started anew; it is tried again', error);
        await sleep(SNAPSHOT_RETRY_MS);
      }
    }
    return false;
  }

  #pass(delivery: Published): void {
    this.#seq = delivery.seq;
    if (delivery.type === 'location') this.#fixAt = delivery.fix.at;
    else this.#heard(delivery);
    this.#parts.pass(delivery);
  }

  #heard({ event, trip }: EventPublished): void {
    if (trip !== null && trip.revision >= (this.#trip?.revision ?? 0)) this.#trip = trip;
    if (event.kind !== 'message') return;
    this.#texts.push({ id: event.id, at: event.at });
    if (this.#texts.length > TEXTS) this.#since = Math.max(this.#since, this.#texts.shift()?.at ?? 0);
  }

  async #goOnFrom(snapshot: Snapshot): Promise<void> {
    const texts = new Set(this.#texts.map(({ id }) => id));
    const missed = await this.#parts.lost(snapshot, { trip: this.#trip, texts, since: this.#since, fixAt: this.#fixAt });
    for (const one of missed) if (one.type === 'event') this.#heard(one);
    this.#stand(snapshot);
  }

  #stand(snapshot: Snapshot): void {
    // What is in nobody's memory now ends no life: it may turn up again.
    if (isNobodys(snapshot.epoch)) {
      if (isCounted(this.#epoch)) this.#before = this.#epoch;
      this.#epoch = '';
    }
    this.#isUnsure = false;
    this.#moveTo(snapshot.epoch, snapshot.seq);
    this.#told(snapshot);
  }

  #told({ trip, location }: Snapshot): void {
    this.#trip = trip;
    this.#fixAt = location?.at ?? 0;
  }

  #moveTo(epoch: string, seq: number): void {
    if (epoch !== this.#epoch && this.#epoch !== '') this.#end(this.#epoch);
    this.#epoch = epoch;
    this.#seq = seq;
  }

  /** Whether more was told than this has. */
  #isPast({ epoch, seq }: Snapshot): boolean {
    return isCounted(epoch) && (this.#over.includes(epoch) || (epoch === this.#epoch && seq < this.#seq));
  }

  #end(epoch: string): void {
    this.#over.push(epoch);
    if (this.#over.length > REMEMBERED) this.#over.shift();
  }
}

/** Whether a trip shows that something has happened to it since it was as in `told`. */
function isNews(trip: Trip | null, told: Trip | null): boolean {
  if (trip === null || told === null) return false;
  return trip.revision > told.revision || (trip.revision === told.revision && timesOf(trip) > timesOf(told));
}

/** Whether somebody counts in this life: what the store tells of has no messages before it. */
export function isCounted(epoch: string): boolean {
  return !epoch.startsWith('stored') && !isNobodys(epoch);
}

function isKept({ epoch }: Snapshot): boolean {
  return epoch.startsWith(KEPT);
}

export function isUnseen({ epoch }: Snapshot): boolean {
  return epoch.startsWith(UNSEEN);
}
