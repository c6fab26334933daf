import type { Delivery, Snapshot } from './delivery.ts';
import type { Bus, Clock, FeedPosition, Hot } from './ports.ts';
import { type Numbered, Sequence } from './sequence.ts';

/** So often it is asked where feeds stand, so that a message lost on the way shows though none follows it, ms. */
const LOOK_EVERY_MS = 5_000;
/**
 * Whoever publishes may not have heard yet that a feed is wanted here, and then nothing shows what it told to nobody. So a
 * feed that is new here is looked at again after this long, and once more, ms.
 */
const YOUNG_MS = [250, 3_000];
const YOUNG_EVERY_MS = 100;
/** Asked for at once. */
const HEADS_AT_ONCE = 500;

/** Somebody who looks on: a connection, in whatever dialect. */
export interface Watcher {
  deliver(delivery: Delivery): void;
}

/** How a watcher came in: what is published before it has its beginning waits for it. */
interface Entry {
  /** Deliveries that wait; null once it has begun. */
  waiting: Delivery[] | null;
  /** Up to here it has everything, by its beginning. */
  from: FeedPosition | null;
}

interface Audience {
  readonly watchers: Map<Watcher, Entry>;
  readonly sequence: Sequence;
  /** Where its ring ended when it was of another life than the sequence. */
  ringEnd: string;
  /** Whether what is published is held for those who come back. */
  held: boolean;
}

export interface WatchersParts {
  readonly bus: Bus;
  readonly hot: Hot;
  readonly clock: Clock;
  /** Others publish as well: what comes from them may get lost on the way. */
  readonly shared: boolean;
  readonly warn: (message: string, error: unknown) => void;
}

/** Who on this process watches which feed; each gets what is published in order, without gap and without repeat [O1, P7]. */
export class Watchers {
  readonly #parts: WatchersParts;
  readonly #feeds = new Map<string, Audience>();
  readonly #stops: (() => void)[];
  /** Feeds that are new here: how often each was looked at again, and when next, epoch ms. */
  readonly #young = new Map<string, { looks: number; at: number }>();
  #snapshotOf: (feed: string) => Promise<Snapshot | null> = async () => null;

  constructor(parts: WatchersParts) {
    this.#parts = parts;
    parts.bus.listen((delivery) => this.#take(delivery));
    const { shared, clock } = parts;
    this.#stops = shared
      ? [clock.every(LOOK_EVERY_MS, () => void this.#look()), clock.every(YOUNG_EVERY_MS, () => void this.#lookAtYoung())]
      : [];
  }

  /** How those are helped on who have lost what nobody holds any more: from a snapshot. */
  onLoss(snapshotOf: (feed: string) => Promise<Snapshot | null>): void {
    this.#snapshotOf = snapshotOf;
  }

  /** From now on it hears of the feed. */
  add(feed: string, watcher: Watcher): void {
    this.#audience(feed).watchers.set(watcher, { waiting: null, from: null });
  }

  /**
   * From now on what is published waits for it, until it begins.
   * `resumable`: what is published is held for those who come back, until the last watcher has left.
   */
  await(feed: string, watcher: Watcher, resumable: boolean): void {
    const audience = this.#audience(feed);
    audience.watchers.set(watcher, { waiting: [], from: null });
    if (!resumable || audience.held) return;
    audience.held = true;
    this.#parts.hot.hold(feed);
  }

  /**
   * It has everything up to `from`, and what waited follows; the feed itself is known to stand at `at`. Answers false
   * when it left meanwhile.
   */
  begin(feed: string, watcher: Watcher, from: FeedPosition, begin: () => void, at = from): boolean {
    const audience = this.#feeds.get(feed);
    const entry = audience?.watchers.get(watcher);
    if (audience === undefined || entry === undefined) return false;
    if (audience.sequence.position === null) this.#isYoung(feed);
    audience.sequence.startAt(at);
    const waiting = entry.waiting ?? [];
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
    this.#young.delete(feed);
    this.#parts.bus.leave(feed);
    if (audience.held) this.#parts.hot.release(feed);
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #audience(feed: string): Audience {
    const known = this.#feeds.get(feed);
    if (known !== undefined) return known;
    const { hot, warn } = this.#parts;
    const sequence = new Sequence({
      pass: (delivery) => this.#deliver(feed, delivery),
      since: (epoch, seq) => hot.since(feed, epoch, seq),
      snapshot: () => this.#snapshotOf(feed),
      warn,
    });
    const audience = { watchers: new Map(), sequence, ringEnd: '', held: false };
    this.#feeds.set(feed, audience);
    this.#parts.bus.join(feed);
    return audience;
  }

  #take(delivery: Delivery): void {
    const audience = this.#feeds.get(delivery.feed);
    if (audience === undefined) return;
    if ('epoch' in delivery) audience.sequence.take(delivery);
    else this.#deliver(delivery.feed, delivery);
  }

  #deliver(feed: string, delivery: Delivery): void {
    const audience = this.#feeds.get(feed);
    if (audience === undefined) return;
    for (const [watcher, entry] of audience.watchers) {
      if (entry.waiting === null) deliver(watcher, entry, delivery);
      else entry.waiting.push(delivery);
    }
  }

  #isYoung(feed: string): void {
    const { shared, clock } = this.#parts;
    if (shared) this.#young.set(feed, { looks: 0, at: clock.now() + (YOUNG_MS[0] as number) });
  }

  async #lookAtYoung(): Promise<void> {
    const { clock, warn } = this.#parts;
    const now = clock.now();
    for (const [feed, young] of this.#young) {
      if (young.at > now) continue;
      const wait = YOUNG_MS[++young.looks];
      if (wait === undefined) this.#young.delete(feed);
      else young.at = now + wait;
      try {
        const snapshot = await this.#snapshotOf(feed);
        if (snapshot !== null) this.#feeds.get(feed)?.sequence.standsAt(snapshot);
      } catch (error) {
        warn('where a feed stands could not be looked at; it is told by what follows', error);
      }
    }
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
          const snapshot = await this.#snapshotOf(feed);
          if (snapshot !== null) audience.sequence.standsAt(snapshot);
        }
      }
    } catch (error) {
      this.#parts.warn('where feeds stand could not be asked; it is tried again', error);
    }
  }
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
