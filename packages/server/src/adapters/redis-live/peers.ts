import type { WantedFeeds } from './wanted.ts';

/** What a process says about what it wants. Every change has the next number; one without change repeats the last. */
export interface Saying {
  readonly home: number;
  /** Of this telling of the whole: a new one means that the set was written anew. */
  readonly generation: string;
  readonly number: number;
  readonly join?: readonly string[];
  readonly leave?: readonly string[];
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
}

/** How long a process is believed to be there without a word, ms. */
const LEASE_MS = 15_000;

/** The other processes, and what each wants: its set as read once, and what it has said since. */
export class Peers {
  readonly #peers = new Map<number, Peer>();
  readonly #wanted: WantedFeeds;
  readonly #now: () => number;
  /** The set of a process; null when it cannot be read now. */
  readonly #read: (home: number) => Promise<readonly string[] | null>;

  constructor(wanted: WantedFeeds, now: () => number, read: (home: number) => Promise<readonly string[] | null>) {
    this.#wanted = wanted;
    this.#now = now;
    this.#read = read;
  }

  hear(saying: Saying): void {
    const { home, bye } = saying;
    if (bye === true) {
      this.#forget(home);
      return;
    }
    let peer = this.#peers.get(home);
    if (peer === undefined) {
      peer = { generation: '', number: -1, feeds: new Set(), heardAt: 0, waiting: null };
      this.#peers.set(home, peer);
    }
    peer.heardAt = this.#now();
    if (peer.waiting !== null) {
      peer.waiting.push(saying);
      return;
    }
    const changes = saying.join !== undefined || saying.leave !== undefined;
    const known = peer.generation === saying.generation && peer.number >= 0;
    if (known && saying.number === peer.number + (changes ? 1 : 0)) this.#apply(home, peer, saying);
    else void this.#readAnew(home, peer, saying);
  }

  /** What was said may have been missed: every set is read anew with the next word of its process. */
  doubt(): void {
    for (const peer of this.#peers.values()) {
      peer.number = -1;
      peer.heardAt = this.#now();
    }
  }

  /** Forgets those not heard of for long. */
  sweep(): void {
    const before = this.#now() - LEASE_MS;
    for (const [home, peer] of this.#peers) if (peer.heardAt < before) this.#forget(home);
  }

  #apply(home: number, peer: Peer, { number, generation, join = [], leave = [] }: Saying): void {
    peer.number = number;
    peer.generation = generation;
    for (const feed of join) {
      peer.feeds.add(feed);
      this.#wanted.join(home, feed);
    }
    for (const feed of leave) {
      peer.feeds.delete(feed);
      this.#wanted.leave(home, feed);
    }
  }

  async #readAnew(home: number, peer: Peer, first: Saying): Promise<void> {
    peer.waiting = [first];
    const read = await this.#read(home);
    const said = peer.waiting;
    peer.waiting = null;
    if (this.#peers.get(home) !== peer) return;
    if (read === null) {
      peer.number = -1;
      return;
    }
    const feeds = new Set(read);
    for (const feed of peer.feeds) if (!feeds.has(feed)) this.#wanted.leave(home, feed);
    for (const feed of feeds) this.#wanted.join(home, feed);
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
    for (const feed of peer.feeds) this.#wanted.leave(home, feed);
  }
}
