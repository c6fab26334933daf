import { randomUUID } from 'node:crypto';
import type { Clock } from '../../hub/ports.ts';
import type { RedisCall, RedisConnection } from '../redis/redis-connection.ts';
import { type Heard, Peers, type Saying } from './peers.ts';
import type { Turn } from './turn.ts';
import { WantedFeeds } from './wanted.ts';

/** Why this process wants a feed; it may have both reasons. */
export const FOR_BUS = 1;
export const FOR_RING = 2;

const BEAT_MS = 2_000;
const SWEEP_MS = 10_000;
/** How often it is looked who has gone without a word. */
const PEERS_MS = 1_000;
const LEASE_S = 15;
/** So long it is waited for others to have heard what is wanted here, ms. */
const HEARD_MS = 300;
/** Names of one command. */
const SLICE = 1_000;
/** Stands in every set, so that one without feeds is there as well: a set that is missing was wiped. */
const HERE = '';

export interface InterestParts {
  readonly connection: RedisConnection;
  readonly clock: Clock;
  readonly home: number;
  readonly turn: Turn;
  /** How often what this process published could not be sent. */
  readonly lost: () => number;
  /** Redis has lost what was in it. */
  readonly wiped: () => void;
  /** Others may have published what did not reach this process. */
  readonly doubt: () => void;
}

/**
 * Which process wants which feed, known to all of them: a set per process under a lease, and every change said aloud,
 * numbered. Whoever misses a number reads the set. Each is answered once it is heard, and all that was published before
 * can be read: from there on nothing that is published is missed.
 */
export class Interest {
  readonly channel: string;
  /** Where others answer this process. */
  readonly answers: string;
  readonly #parts: InterestParts;
  readonly #wanted: WantedFeeds;
  readonly #peers: Peers;
  readonly #own = new Map<string, number>();
  /** Changes not said yet: whether each is wanted now. */
  #changes = new Map<string, boolean>();
  #generation = '';
  #number = 0;
  /** The whole has to be written anew. */
  #anew = true;
  #ask = true;
  #hearing = false;
  /** Until then others may be there that were not heard yet, epoch ms. */
  #newUntil = 0;
  /** Whom to answer, and up to where each was heard. */
  #heard = new Map<number, Heard>();
  #answering = false;
  #scheduled = false;
  #saying: Promise<void> | undefined;
  #closed = false;
  readonly #stops: (() => void)[];

  constructor(parts: InterestParts) {
    this.#parts = parts;
    const { connection, clock } = parts;
    this.channel = `${connection.prefix}interest`;
    this.answers = this.#answersOf(parts.home);
    const now = () => clock.now();
    this.#wanted = new WantedFeeds(now);
    this.#peers = new Peers({
      wanted: this.#wanted,
      now,
      read: (home) => this.#read(home),
      applied: (home, heard) => void this.#answer(home, heard),
      doubt: () => parts.doubt(),
    });
    this.#stops = [
      clock.every(BEAT_MS, () => void this.#beat()),
      clock.every(PEERS_MS, () => this.#sweepPeers()),
      clock.every(SWEEP_MS, () => this.#wanted.sweep()),
    ];
  }

  want(feed: string, reason: number): void {
    const before = this.#own.get(feed) ?? 0;
    this.#own.set(feed, before | reason);
    if (before === 0) this.#change(feed, true);
  }

  unwant(feed: string, reason: number): void {
    const before = this.#own.get(feed) ?? 0;
    const after = before & ~reason;
    if (before === 0 || after !== 0) {
      if (before !== 0) this.#own.set(feed, after);
      return;
    }
    this.#own.delete(feed);
    this.#change(feed, false);
  }

  /** Other processes that want it now. */
  homes(feed: string): readonly number[] {
    return this.#wanted.homes(feed);
  }

  /** Whether some process, this one included, wants it or lately did. */
  isWanted(feed: string): boolean {
    return this.#wanted.has(feed);
  }

  /** A message of the channel, or an answer. */
  hear(channel: string, text: string): void {
    if (channel === this.answers) {
      const { home, ...heard } = JSON.parse(text) as Heard & { readonly home: number };
      this.#peers.hasHeard(home, heard);
      return;
    }
    const saying = JSON.parse(text) as Saying;
    if (saying.home === this.#parts.home) return;
    this.#peers.hear(saying);
    if (saying.ask === true && !this.#anew) void this.#beat();
  }

  /** The channel is heard, for the first time or again: everybody tells everything. Resolves once it is told. */
  async start(): Promise<void> {
    const { clock, doubt } = this.#parts;
    if (this.#hearing) doubt();
    this.#hearing = true;
    this.#newUntil = clock.now() + BEAT_MS;
    this.#peers.doubt();
    this.#anew = true;
    this.#ask = true;
    await this.#say();
  }

  /**
   * Resolves once all that is published from now on of what is wanted here reaches this process, and what was published
   * before can be read. False when that is not certain: somebody does not answer, or may not be known yet.
   */
  async known(): Promise<boolean> {
    await this.#say();
    if (this.#anew || this.#parts.clock.now() < this.#newUntil) return false;
    return await this.#peers.haveHeard({ generation: this.#generation, number: this.#number }, HEARD_MS);
  }

  /** Asks whether Redis still has what this process put there, with the answer 1: if not it was wiped. */
  get asked(): RedisCall {
    const key = this.#key(this.#parts.home);
    return { key, args: ['SISMEMBER', key, HERE] };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const stop of this.#stops) stop();
    const { connection, home } = this.#parts;
    await connection.run([{ key: this.#key(home), args: ['DEL', this.#key(home)] }, this.#publish({ bye: true })], 0);
  }

  #change(feed: string, wants: boolean): void {
    this.#wanted.own(feed, wants);
    this.#changes.set(feed, wants);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      void this.#say();
    });
  }

  /** One after the other; what comes meanwhile goes with the next one. */
  async #say(): Promise<void> {
    while (this.#saying !== undefined) await this.#saying;
    if (!this.#hearing || this.#closed || (!this.#anew && this.#changes.size === 0)) return;
    this.#saying = (this.#anew ? this.#sayAll() : this.#sayChanges()).finally(() => {
      this.#saying = undefined;
    });
    await this.#saying;
  }

  async #sayAll(): Promise<void> {
    const { home, wiped } = this.#parts;
    const key = this.#key(home);
    const isFirst = this.#generation === '';
    this.#anew = false;
    this.#changes.clear();
    this.#generation = randomUUID();
    this.#number = 0;
    const calls: RedisCall[] = [{ key, args: ['DEL', key] }];
    const feeds = [HERE, ...this.#own.keys()];
    for (let i = 0; i < feeds.length; i += SLICE) calls.push({ key, args: ['SADD', key, ...feeds.slice(i, i + SLICE)] });
    calls.push({ key, args: ['EXPIRE', key, LEASE_S] });
    const saying = this.#publish(this.#ask ? { ask: true } : {});
    const [there, ...replies] = await this.#parts.connection.run(calls);
    if (replies.some((reply) => reply instanceof Error) || !(await this.#done([saying]))) this.#anew = true;
    else this.#ask = false;
    // A Redis that came back empty is first noticed here.
    if (there === 0 && !isFirst) wiped();
  }

  /** First the set, then the word: whoever hears it finds the set as it says. */
  async #sayChanges(): Promise<void> {
    const { connection, home } = this.#parts;
    const key = this.#key(home);
    const changes = [...this.#changes];
    this.#changes.clear();
    const join = changes.filter(([, wants]) => wants).map(([feed]) => feed);
    const leave = changes.filter(([, wants]) => !wants).map(([feed]) => feed);
    const calls: RedisCall[] = [];
    for (let i = 0; i < join.length; i += SLICE) calls.push({ key, args: ['SADD', key, ...join.slice(i, i + SLICE)] });
    for (let i = 0; i < leave.length; i += SLICE) calls.push({ key, args: ['SREM', key, ...leave.slice(i, i + SLICE)] });
    this.#number++;
    const saying = this.#publish({ join, leave });
    // On one Redis their order in one write is enough.
    const done = connection.cluster ? (await this.#done(calls)) && (await this.#done([saying])) : await this.#done([...calls, saying]);
    if (!done) this.#anew = true;
  }

  async #beat(): Promise<void> {
    const { connection, home, wiped } = this.#parts;
    if (this.#anew) {
      await this.#say();
      return;
    }
    if (!this.#hearing || this.#saying !== undefined) return;
    const key = this.#key(home);
    // Feeds alone may have been put there since it was wiped.
    const [put] = await connection.run([{ key, args: ['SADD', key, HERE] }, { key, args: ['EXPIRE', key, LEASE_S] }, this.#publish()], 0);
    if (put !== 1 || this.#closed) return;
    this.#anew = true;
    wiped();
    await this.#say();
  }

  /** First what was published before can be read, then it is said. What is heard meanwhile is answered with the next one. */
  async #answer(home: number, heard: Heard): Promise<void> {
    this.#heard.set(home, heard);
    if (this.#answering) return;
    this.#answering = true;
    const { connection, turn } = this.#parts;
    while (this.#heard.size > 0 && !this.#closed) {
      const answers = [...this.#heard];
      this.#heard.clear();
      await turn.written();
      await connection.run(
        answers.map(([to, what]) => connection.message(this.#answersOf(to), JSON.stringify({ home: this.#parts.home, ...what }))),
        0,
      );
    }
    this.#answering = false;
  }

  #sweepPeers(): void {
    // While nothing can be heard, silence says nothing.
    if (this.#hearing && this.#parts.connection.health().ok) this.#peers.sweep();
  }

  async #done(calls: readonly RedisCall[]): Promise<boolean> {
    const replies = await this.#parts.connection.run(calls);
    return !replies.some((reply) => reply instanceof Error);
  }

  async #read(home: number): Promise<readonly string[] | null> {
    const key = this.#key(home);
    const [members] = await this.#parts.connection.run([{ key, args: ['SMEMBERS', key] }]);
    // Without its mark it was wiped, and will be written anew in a moment.
    if (!Array.isArray(members) || !members.includes(HERE)) return null;
    return (members as string[]).filter((feed) => feed !== HERE);
  }

  #key(home: number): string {
    return `${this.#parts.connection.prefix}wants:${home}`;
  }

  #answersOf(home: number): string {
    return `${this.#parts.connection.prefix}heard:${home}`;
  }

  /** What this process says, with where it stands. */
  #publish(more: Partial<Saying> = {}): RedisCall {
    const { connection, home, lost } = this.#parts;
    const saying: Saying = { home, generation: this.#generation, number: this.#number, lost: lost(), ...more };
    return connection.message(this.channel, JSON.stringify(saying));
  }
}
