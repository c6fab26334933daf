import type { WantedFeeds } from './wanted.ts';

/** What a process says about what it wants. Every change has the next number; one without change repeats the last. */
export interface Saying {
  readonly home: number;
  /** Of this telling of the whole: a new one means that the set was written anew. */
  readonly generation: string;
  readonly number: number;
  readonly join?: readonly string[];
  readonly leave?: readonly string[];
  /** How often what it published could not be sent. */
  readonly lost: number;
  /** Whoever hears this says where it stands. */
  readonly ask?: true;
  /** It goes, and wants nothing any more. */
  readonly bye?: true;
}

interface Peer {
  generation: string;
  /** Of the last saying that is counted in `feeds`; -1 when the set has to be read. */
  number: number;
  feeds: Set<string>;
  /** Epoch ms. */
  heardAt: number;
  /** What is said while its set is being read. */
  waiting: Saying[] | null;
  lost: number;
  /** What it has heard of us; null before its first word on it. */
  hasHeard: Heard | null;
}

/** How long a process is believed to be there without a word, ms. */
const LEASE_MS = 10_000;
/** Nobody waits for one who has been silent for so long, ms. */
const SILENT_MS = 5_000;

/** Up to where somebody's word was heard: the numbers of one telling. */
export interface Heard {
  readonly generation: string;
  readonly number: number;
}

export interface PeersParts {
  readonly wanted: WantedFeeds;
  readonly now: () => number;
  /** The set of a process; null when it cannot be read now. */
  readonly read: (home: number) => Promise<readonly string[] | null>;
  /** What this process wants is known up to here. */
  readonly applied: (home: number, heard: Heard) => void;
  /** Something may have been published that did not reach this process. */
  readonly doubt: () => void;
}

/** The other processes, and what each wants: its set as read once, and what it has said since. */
export class Peers {
  readonly #peers = new Map<number, Peer>();
  readonly #parts: PeersParts;
  /** Those who wait until everybody has heard something of ours. */
  readonly #waiters = new Set<{ readonly said: Heard; readonly done: (all: boolean) => void }>();

  constructor(parts: PeersParts) {
    this.#parts = parts;
  }

  hear(saying: Saying): void {
    const { home, bye } = saying;
    if (bye === true) {
      this.#forget(home);
      return;
    }
    let peer = this.#peers.get(home);
    if (peer === undefined) {
      peer = { generation: '', number: -1, feeds: new Set(), heardAt: 0, waiting: null, lost: saying.lost, hasHeard: null };
      this.#peers.set(home, peer);
    }
    if (saying.lost > peer.lost) this.#parts.doubt();
    peer.lost = saying.lost;
    // It may have gone on meanwhile without having heard us.
    if (this.#parts.now() - peer.heardAt > SILENT_MS) peer.hasHeard = null;
    peer.heardAt = this.#parts.now();
    if (peer.waiting !== null) {
      peer.waiting.push(saying);
      return;
    }
    const changes = saying.join !== undefined || saying.leave !== undefined;
    const known = peer.generation === saying.generation && peer.number >= 0;
    if (known && saying.number === peer.number + (changes ? 1 : 0)) this.#apply(home, peer, saying);
    else void this.#readAnew(home, peer, saying);
  }

  /** A process has heard us up to here. The first time it may have published before it did. */
  hasHeard(home: number, heard: Heard): void {
    const peer = this.#peers.get(home);
    if (peer === undefined) return;
    const isFirst = peer.hasHeard === null;
    peer.hasHeard = heard;
    for (const waiter of this.#waiters) if (this.#allHeard(waiter.said)) waiter.done(true);
    if (isFirst) this.#parts.doubt();
  }

  /** Resolves once all of them have heard this; false when one of them is silent, or did not say so within `ms`. */
  async haveHeard(said: Heard, ms: number): Promise<boolean> {
    const silent = this.#parts.now() - SILENT_MS;
    for (const { heardAt } of this.#peers.values()) if (heardAt < silent) return false;
    if (this.#allHeard(said)) return true;
    return await new Promise((resolve) => {
      const done = (all: boolean): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(all);
      };
      const waiter = { said, done };
      const timer = setTimeout(() => done(false), ms);
      timer.unref();
      this.#waiters.add(waiter);
    });
  }

  #allHeard({ generation, number }: Heard): boolean {
    for (const { hasHeard } of this.#peers.values()) {
      if (hasHeard === null || hasHeard.generation !== generation || hasHeard.number < number) return false;
    }
    return true;
  }

  /** What was said may have been missed: every set is read anew with the next word of its process. */
  doubt(): void {
    for (const peer of this.#peers.values()) {
      peer.number = -1;
      peer.heardAt = this.#parts.now();
    }
  }

  /** Forgets those not heard of for long. */
  sweep(): void {
    const before = this.#parts.now() - LEASE_MS;
    for (const [home, peer] of this.#peers) if (peer.heardAt < before) this.#forget(home);
  }

  #apply(home: number, peer: Peer, { number, generation, join = [], leave = [] }: Saying): void {
    peer.number = number;
    peer.generation = generation;
    for (const feed of join) {
      peer.feeds.add(feed);
      this.#parts.wanted.join(home, feed);
    }
    for (const feed of leave) {
      peer.feeds.delete(feed);
      this.#parts.wanted.leave(home, feed);
    }
    this.#parts.applied(home, { generation, number });
  }

  async #readAnew(home: number, peer: Peer, first: Saying): Promise<void> {
    peer.waiting = [first];
    const read = await this.#parts.read(home);
    const said = peer.waiting;
    peer.waiting = null;
    if (this.#peers.get(home) !== peer) return;
    if (read === null) {
      peer.number = -1;
      return;
    }
    const feeds = new Set(read);
    for (const feed of peer.feeds) if (!feeds.has(feed)) this.#parts.wanted.leave(home, feed);
    for (const feed of feeds) this.#parts.wanted.join(home, feed);
    peer.feeds = feeds;
    // What the set has already may be said again: the last word on each feed is the same.
    let last = first;
    for (const saying of said) {
      if (saying.generation === last.generation && saying.number > last.number + 1) {
        peer.number = -1;
        return;
      }
      this.#apply(home, peer, saying);
      last = saying;
    }
  }

  #forget(home: number): void {
    const peer = this.#peers.get(home);
    if (peer === undefined) return;
    this.#peers.delete(home);
    for (const feed of peer.feeds) this.#parts.wanted.leave(home, feed);
    for (const waiter of this.#waiters) if (this.#allHeard(waiter.said)) waiter.done(true);
    // Its last words may not have been said.
    this.#parts.doubt();
  }
}
