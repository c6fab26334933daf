import type { Published } from '../../core/effects.ts';
import type { Trip } from '../../core/trip.ts';
import type { MirrorPush, MirrorWrite } from '../../hub/mirror-write.ts';
import type { Mirror } from '../../hub/ports.ts';
import { RedisGone, type RedisReply } from '../redis/link.ts';
import { isElsewhere, type RedisCall, type RedisConnection } from '../redis/redis-connection.ts';
import { refusalCode, remedyFor } from '../redis/remedy.ts';
import { type Latest, LatestValues } from './latest-values.ts';

/** `trip`: the one the message is about, as it is now; null for those of a driver. */
export type Encode = (published: Published, trip: Trip | null) => Iterable<MirrorWrite>;

export type Whom = Parameters<Mirror['forget']>[0];

export interface RedisMirrorOptions {
  readonly connection: RedisConnection;
  readonly encode: Encode;
  /** The keys there may be of a driver, or of a trip. */
  readonly keys: (whom: Whom) => readonly string[];
  /** The newest value of so many keys may wait while Redis is away, slow, or takes nothing. */
  readonly mostKeys?: number;
  readonly warn?: (message: string, error: unknown) => void;
}

interface Pushed {
  /** Oldest first. */
  values: string[];
  readonly keep: number;
  readonly ttl: number;
}

const IN_FLIGHT = 4;
/** Others can wait this long, and a ride that moves ten times a second is written less often than that. */
const GATHER_MS = 50;
/** Some 500 bytes each. */
const MOST_KEYS = 50_000;
/** So many lists, and so many messages, may wait while Redis is slow. */
const MOST_WAITING = 10_000;
const VALUES_AT_ONCE = 2_000;
/** What did not arrive is written again so often, and so much of it: one that takes nothing is not held up by that. */
const RETRY_MS = 200;
const RETRIED_AT_ONCE = 1_000;
const CLOSE_WITHIN_MS = 1_000;

/**
 * Keys and channels that other services read; nothing here reads them. They bear no prefix: their names are a contract.
 * Each key is written at most once in a while. Values are kept until they are written, or are worth nothing any more;
 * of lists and messages what cannot be written in time is left out.
 */
export class RedisMirror implements Mirror {
  readonly #connection: RedisConnection;
  readonly #encode: Encode;
  readonly #keys: RedisMirrorOptions['keys'];
  readonly #warn: (message: string, error: unknown) => void;
  readonly #stopListening: () => void;
  readonly #values: LatestValues;
  /** Keys that have to go. */
  readonly #removals = new Set<string>();
  #pushes = new Map<string, Pushed>();
  #messages: RedisCall[] = [];
  #scheduled = false;
  #retry: NodeJS.Timeout | undefined;
  readonly #inFlight = new Set<Promise<void>>();
  /** The kinds of refusal that were told of. */
  readonly #refusals = new Set<string>();
  /** Whether it was told that some are left out, and how many had been until then. */
  #isTold = false;
  #leftOutBefore = 0;

  constructor({ connection, encode, keys, mostKeys = MOST_KEYS, warn = () => undefined }: RedisMirrorOptions) {
    this.#connection = connection;
    this.#encode = encode;
    this.#keys = keys;
    this.#warn = warn;
    this.#values = new LatestValues(mostKeys);
    this.#stopListening = connection.onChange(({ ok }) => {
      if (ok) this.#schedule();
    });
  }

  published(published: Published, trip: Trip | null): void {
    for (const write of this.#encode(published, trip)) this.#gather(write);
  }

  /** While Redis is away, and until it has done so; of too many those are left that live no longer than a day anyway. */
  async forget(whom: Whom): Promise<boolean> {
    const keys = this.#keys(whom);
    for (const key of keys) {
      this.#values.remove(key);
      this.#pushes.delete(key);
      if (this.#removals.size < MOST_WAITING) this.#removals.add(key);
    }
    this.#schedule();
    const replies = await this.#connection.run(keys.map((key) => ({ key, args: ['DEL', key] })));
    return !replies.some((reply) => reply instanceof Error);
  }

  /** Writes what is still to be written, if that is possible soon. Twice is safe. */
  async close(): Promise<void> {
    this.#stopListening();
    const deadline = performance.now() + CLOSE_WITHIN_MS;
    while (
      (this.#values.hasWaiting || this.#removals.size > 0 || this.#messages.length > 0 || this.#pushes.size > 0) &&
      !this.#isAway() &&
      performance.now() < deadline
    ) {
      this.#flush();
      if (this.#inFlight.size === 0) break;
      await Promise.race(this.#inFlight);
    }
    await Promise.all(this.#inFlight);
    clearTimeout(this.#retry);
  }

  #gather(write: MirrorWrite): void {
    if (write.kind === 'set') {
      this.#values.put({ key: write.key, value: write.value, until: performance.now() + write.ttl * 1_000 });
    } else if (this.#isAway()) {
      // What cannot be written now is old before it could be; values are as good later.
    } else if (write.kind === 'push') {
      this.#push(write);
    } else if (this.#messages.length < MOST_WAITING) {
      this.#messages.push({ key: write.channel, args: ['PUBLISH', write.channel, write.message] });
    }
    this.#schedule();
  }

  #push({ key, value, keep, ttl }: MirrorPush): void {
    const pushed = this.#pushes.get(key);
    if (pushed === undefined) {
      if (this.#pushes.size < MOST_WAITING) this.#pushes.set(key, { values: [value], keep, ttl });
      return;
    }
    pushed.values.push(value);
    if (pushed.values.length > 2 * keep) pushed.values = pushed.values.slice(-keep);
  }

  /** Of a Cluster some nodes may be there. */
  #isAway(): boolean {
    return !this.#connection.health().ok && !this.#connection.cluster;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => {
      this.#scheduled = false;
      this.#flush();
    }, GATHER_MS).unref();
  }

  #flush(): void {
    this.#tell();
    if (this.#isAway()) {
      this.#pushes.clear();
      this.#messages = [];
      return;
    }
    if (this.#inFlight.size >= IN_FLIGHT) return;
    const now = performance.now();
    // Like with like, which travels together.
    const values = this.#values.take(VALUES_AT_ONCE, now).toSorted((a, b) => a.until - b.until);
    const removals = [...this.#removals];
    this.#removals.clear();
    const calls: RedisCall[] = values.map(({ key, value, until }) => ({ key, args: ['SET', key, value, 'PX', lifeOf(until - now)] }));
    // First: what follows is of somebody new.
    calls.unshift(...removals.map((key): RedisCall => ({ key, args: ['DEL', key] })));
    for (const [key, { values, keep }] of this.#pushes) calls.push({ key, args: ['LPUSH', key, ...values.slice(-keep)] });
    for (const [key, { keep, ttl }] of this.#pushes)
      calls.push({ key, args: ['LTRIM', key, 0, keep - 1] }, { key, args: ['EXPIRE', key, ttl] });
    calls.push(...this.#messages);
    this.#pushes = new Map();
    this.#messages = [];
    if (calls.length === 0) return;
    const writing = this.#connection.write(calls, 0).then((replies) => {
      this.#inFlight.delete(writing);
      for (const [i, key] of removals.entries()) if (replies[i] instanceof Error) this.#removals.add(key);
      this.#settle(values, replies.slice(removals.length), replies);
      this.#schedule();
    });
    this.#inFlight.add(writing);
  }

  #settle(values: readonly Latest[], ofValues: readonly RedisReply[], replies: readonly RedisReply[]): void {
    for (const [i, one] of values.entries()) this.#values.settle(one, !(ofValues[i] instanceof Error));
    const refusal = replies.find((reply) => reply instanceof Error && !(reply instanceof RedisGone) && !isElsewhere(reply));
    if (refusal instanceof Error) this.#refused(refusal);
    if (this.#values.hasFailed || this.#removals.size > 0) this.#retryLater();
    else if (refusal === undefined) this.#refusals.clear();
  }

  #refused(refusal: Error): void {
    const code = refusalCode(refusal);
    if (this.#refusals.has(code)) return;
    this.#refusals.add(code);
    this.#warn(`Redis refuses what other services read (${code}): ${remedyFor(refusal)}; it is tried again`, refusal);
  }

  #retryLater(): void {
    if (this.#connection.closed) return;
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#values.retry(RETRIED_AT_ONCE);
      this.#schedule();
      if (this.#values.hasFailed) this.#retryLater();
    }, RETRY_MS).unref();
  }

  /** Once for each time that there are too many. */
  #tell(): void {
    const { leftOut, size } = this.#values;
    if (!this.#isTold && leftOut > this.#leftOutBefore) {
      this.#isTold = true;
      this.#warn(`Redis takes nothing, and ${size} values for other services wait for it: those that wait longest are left out`, null);
    }
    if (!this.#isTold || this.#values.hasWaiting) return;
    this.#isTold = false;
    this.#leftOutBefore = leftOut;
  }
}

/** How long a value lives, ms: the same for those that were gathered together, which then travel as one. */
function lifeOf(ms: number): number {
  return Math.max(1, Math.floor(ms / GATHER_MS) * GATHER_MS);
}
