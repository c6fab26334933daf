import type { Published } from '../core/effects.ts';
import type { Happened } from '../core/events.ts';
import type { Delivery, Snapshot, Sought } from './delivery.ts';
import { UNSEEN } from './kept.ts';
import { Looks } from './looks.ts';
import { missedSince, type Told } from './missed.ts';
import type { Bus, Clock, FeedPosition, Hot } from './ports.ts';
import { type Numbered, Sequence } from './sequence.ts';

/** So often it is asked where feeds stand, so that a message lost on the way shows though none follows it, ms. */
const LOOK_EVERY_MS = 5_000;
/**
 * A feed is looked at again after so long when others may not have known that it is wanted here, ms; one without numbers
 * always: what was told before they knew may not have been stored yet when it was looked at.
 */
const UNSURE_MS = [250, 3_000] as const;
const UNNUMBERED_MS = [1_000, 9_000] as const;
/** And after something got lost; the second time for what was not stored the first time. */
const DOUBT_MS = [0, 3_000] as const;
/** So often it is looked where a feed stands that could not be seen, ms. */
const UNSEEN_MS = [2_000] as const;
/** Asked for at once. */
const HEADS_AT_ONCE = 500;

/** Somebody who looks on: a connection, in whatever dialect. */
export interface Watcher {
  deliver(delivery: Delivery): void;
}

/** How a watcher came in: what is published before it has its beginning waits for it. */
interface Entry {
  /** Whether it has numbers to go on from, and a snapshot is as good as what came before it. */
  readonly resumable: boolean;
  /** Deliveries that wait; null once it has begun. */
  waiting: Delivery[] | null;
  /** Up to here it has everything, by its beginning. */
  from: FeedPosition | null;
}

interface Audience {
  readonly watchers: Map<Watcher, Entry>;
  readonly sequence: Sequence;
  /** Resolves once nothing that is told from now on can pass by; false when that is not certain. */
  readonly known: Promise<boolean>;
  /** Where its ring ended when it was of another life than the sequence. */
  ringEnd: string;
  /** Whether what is published is held for those who come back. */
  held: boolean;
  /** Events that those without numbers were told in place of messages that seemed lost, and may come yet. */
  retold: ReadonlySet<string>;
}

/** What of a feed somebody has to be told who may have missed something of it. */
type LookUp = (feed: string, sought: Sought) => Promise<readonly Delivery[]>;

export interface WatchersParts {
  readonly bus: Bus;
  readonly hot: Hot;
  readonly clock: Clock;
  /** Others publish as well: what comes from them may get lost on the way. */
  readonly shared: boolean;
  /** Of a trip, as stored, oldest first. */
  readonly events: (tripId: string) => Promise<readonly Happened[]>;
  /** Something got lost, nobody knows what. */
  readonly doubted: () => void;
  readonly warn: (message: string, error: unknown) => void;
}

/** Who on this process watches which feed; each gets what is published in order, without gap and without repeat [O1, P7]. */
export class Watchers {
  readonly #parts: WatchersParts;
  readonly #feeds = new Map<string, Audience>();
  readonly #stops: (() => void)[];
  readonly #looks: Looks;
  #lookUp: LookUp = async () => [];

  constructor(parts: WatchersParts) {
    this.#parts = parts;
    const { bus, clock, shared, warn } = parts;
    bus.listen(
      (delivery) => this.#take(delivery),
      () => this.#doubt(),
    );
    this.#looks = new Looks({ clock, look: (feed) => this.#lookAt(feed), warn });
    this.#stops = [() => this.#looks.close()];
    if (shared) this.#stops.push(clock.every(LOOK_EVERY_MS, () => void this.#look()));
  }

  /** How it is found out where a feed stands: what somebody has to be told who may have missed something of it. */
  lookBy(lookUp: LookUp): void {
    this.#lookUp = lookUp;
  }

  /** The lives of its counter that were told of here, the last few. */
  told(feed: string): readonly string[] {
    return this.#feeds.get(feed)?.sequence.told ?? [];
  }

  /** From now on it hears of the feed. Answers how to take that back: unless it did so before, it hears nothing more. */
  add(feed: string, watcher: Watcher): () => void {
    const { watchers } = this.#audience(feed);
    if (watchers.has(watcher)) return () => undefined;
    watchers.set(watcher, { resumable: true, waiting: null, from: null });
    return () => this.remove(feed, watcher);
  }

  /**
   * From now on what is published waits for it, until it begins.
   * `resumable`: what is published is held for those who come back, until the last watcher has left. Answers how to give
   * up: then it is as it was before.
   */
  await(feed: string, watcher: Watcher, resumable: boolean): () => void {
    const audience = this.#audience(feed);
    const before = audience.watchers.get(watcher);
    const entry: Entry = { resumable, waiting: [], from: null };
    audience.watchers.set(watcher, entry);
    if (resumable && !audience.held) {
      audience.held = true;
      this.#parts.hot.hold(feed);
    }
    return () => {
      if (audience.watchers.get(watcher) !== entry) return;
      if (before === undefined) {
        this.remove(feed, watcher);
        return;
      }
      audience.watchers.set(watcher, before);
      for (const delivery of entry.waiting ?? []) give(watcher, before, delivery);
    };
  }

  /** Resolves once everything told from now on is heard here, and what was told before can be read; or is looked for again. */
  async ready(feed: string): Promise<void> {
    const audience = this.#feeds.get(feed);
    if (audience === undefined || (await audience.known)) return;
    if (this.#feeds.get(feed) === audience) this.#looks.plan(feed, UNSURE_MS);
  }

  /** What was told of a feed without numbers before it was heard here may have been stored only since: it is looked for. */
  lookAgain(feed: string): void {
    if (this.#parts.shared && this.#feeds.has(feed)) this.#looks.plan(feed, UNNUMBERED_MS);
  }

  /**
   * It has everything up to `from`, and what waited follows; `at`: where the feed itself is known to
   * stand, null when nothing newer is, `UNSEEN` when that cannot be seen: then it is told once it can be. Answers false
   * when it left meanwhile.
   */
  begin(feed: string, watcher: Watcher, from: FeedPosition, begin: () => void, at: Snapshot | typeof UNSEEN | null): boolean {
    const audience = this.#feeds.get(feed);
    const entry = audience?.watchers.get(watcher);
    if (audience === undefined || entry === undefined) return false;
    let waiting = entry.waiting ?? [];
    if (at === UNSEEN) {
      audience.sequence.goOn();
      this.#lookSoon(feed, UNSEEN_MS);
      // Nobody knows whether these follow.
      waiting = [];
    } else {
      audience.sequence.startAt(at ?? from, at);
      if (audience.sequence.isWaiting) this.#lookSoon(feed, UNSEEN_MS);
    }
    entry.waiting = null;
    entry.from = from;
    begin();
    for (const delivery of waiting) if (audience.watchers.get(watcher) === entry) deliver(watcher, entry, delivery);
    return true;
  }

  remove(feed: string, watcher: Watcher): void {
    const audience = this.#feeds.get(feed);
    if (audience === undefined || !audience.watchers.delete(watcher) || audience.watchers.size > 0) return;
    this.#feeds.delete(feed);
    this.#looks.drop(feed);
    audience.sequence.stop();
    this.#parts.bus.leave(feed);
    if (audience.held) this.#parts.hot.release(feed);
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #audience(feed: string): Audience {
    const known = this.#feeds.get(feed);
    if (known !== undefined) return known;
    const { bus, hot, clock, shared, warn } = this.#parts;
    const sequence = new Sequence({
      pass: (delivery) => this.#deliver(audience, delivery),
      since: (epoch, seq) => hot.since(feed, epoch, seq),
      snapshot: async (sought) => (await this.#lookUp(feed, sought)).find(isSnapshot) ?? null,
      lost: (snapshot, told) => this.#lost(audience, snapshot, told),
      newLife: () => this.#lookSoon(feed, UNSURE_MS),
      now: () => clock.now(),
      warn,
    });
    bus.join(feed);
    const audience: Audience = {
      watchers: new Map(),
      sequence,
      known: shared ? bus.known() : CERTAIN,
      ringEnd: '',
      held: false,
      retold: NONE,
    };
    this.#feeds.set(feed, audience);
    return audience;
  }

  #take(delivery: Delivery): void {
    const audience = this.#feeds.get(delivery.feed);
    if (audience === undefined) return;
    if ('epoch' in delivery) audience.sequence.take(delivery);
    else this.#deliver(audience, delivery);
  }

  #deliver({ watchers, retold }: Audience, delivery: Delivery): void {
    const isRetold = retold.size > 0 && delivery.type === 'event' && retold.has(delivery.event.id);
    for (const [watcher, entry] of watchers) if (entry.resumable || !isRetold) give(watcher, entry, delivery);
  }

  /** Those who have numbers go on from the snapshot; others are told what they missed. */
  async #lost(audience: Audience, snapshot: Snapshot, told: Told): Promise<readonly Published[]> {
    const { events, clock } = this.#parts;
    const all = [...audience.watchers];
    const missed = all.every(([, { resumable }]) => resumable) ? [] : await missedSince(told, snapshot, events, clock.now());
    audience.retold = new Set(missed.flatMap((one) => (one.type === 'event' ? [one.event.id] : [])));
    for (const [watcher, entry] of all) {
      if (audience.watchers.get(watcher) !== entry) continue;
      for (const one of entry.resumable ? [snapshot] : [...missed, snapshot]) give(watcher, entry, one);
    }
    return missed;
  }

  /** Something got lost, of whichever feed. */
  #doubt(): void {
    this.#parts.doubted();
    for (const feed of this.#feeds.keys()) this.#lookSoon(feed, DOUBT_MS);
  }

  #lookSoon(feed: string, waits: readonly [number, ...number[]]): void {
    if (this.#parts.shared) this.#looks.plan(feed, waits);
  }

  async #lookAt(feed: string): Promise<void> {
    const audience = this.#feeds.get(feed);
    if (audience === undefined) return;
    for (const delivery of await this.#lookUp(feed, { told: audience.sequence.told, orStored: false })) {
      if (isSnapshot(delivery)) audience.sequence.standsAt(delivery);
      else this.#deliver(audience, delivery);
    }
    if (audience.sequence.isWaiting) this.#lookSoon(feed, UNSEEN_MS);
  }

  /** Where do the feeds stand that are followed here? */
  async #look(): Promise<void> {
    const feeds = [...this.#feeds].filter(([, { sequence }]) => sequence.position !== null);
    try {
      for (let i = 0; i < feeds.length; i += HEADS_AT_ONCE) {
        const slice = feeds.slice(i, i + HEADS_AT_ONCE);
        const heads = await this.#parts.hot.heads(slice.map(([feed]) => feed));
        for (const [index, [feed, audience]] of slice.entries()) {
          const head = heads[index] ?? null;
          if (head === null || audience.sequence.mustReach(head)) continue;
          // A ring may be of a life that is over: only where the driver is now says which one counts, once for each end of a ring.
          const end = `${head.epoch} ${head.seq}`;
          if (audience.ringEnd === end) continue;
          audience.ringEnd = end;
          this.#looks.plan(feed, [0]);
        }
      }
    } catch (error) {
      this.#parts.warn('where feeds stand could not be asked; it is tried again', error);
    }
  }
}

const CERTAIN = Promise.resolve(true);
const NONE: ReadonlySet<string> = new Set();

function give(watcher: Watcher, entry: Entry, delivery: Delivery): void {
  if (entry.waiting === null) deliver(watcher, entry, delivery);
  else entry.waiting.push(delivery);
}

function isSnapshot(delivery: Delivery): delivery is Snapshot {
  return delivery.type === 'snapshot';
}

function deliver(watcher: Watcher, entry: Entry, delivery: Delivery): void {
  const { from } = entry;
  // Its beginning may be newer than what was on its way.
  if (from !== null && 'epoch' in delivery && isKnown(delivery, from)) return;
  watcher.deliver(delivery);
}

function isKnown({ epoch, seq }: Numbered, from: FeedPosition): boolean {
  return epoch === from.epoch && seq <= from.seq;
}
