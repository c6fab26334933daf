import type { Published } from '../../core/effects.ts';
import type { Trip } from '../../core/trip.ts';
import type { Mirror } from '../../hub/ports.ts';
import type { RedisCall, RedisConnection } from '../redis/redis-connection.ts';

/** What a dialect wants other services to find: a value, one more of a list (newest first), or a message. `ttl` in s. */
export type MirrorWrite =
  | { readonly kind: 'set'; readonly key: string; readonly value: string; readonly ttl: number }
  | { readonly kind: 'push'; readonly key: string; readonly value: string; readonly keep: number; readonly ttl: number }
  | { readonly kind: 'publish'; readonly channel: string; readonly message: string };

/** `trip`: the one the message is about, as it is now; null for those of a driver. */
export type Encode = (published: Published, trip: Trip | null) => Iterable<MirrorWrite>;

interface Pushed {
  /** Oldest first. */
  values: string[];
  readonly keep: number;
  readonly ttl: number;
}

const IN_FLIGHT = 4;
/** Others can wait this long, and a ride that moves ten times a second is written less often than that. */
const GATHER_MS = 50;
/** So many keys, and so many messages, may wait while Redis is away or slow. */
const MOST_WAITING = 10_000;

/**
 * Keys and channels that other services read; nothing here reads them. They bear no prefix: their names are a contract.
 * Each key is written at most once in a while. What cannot be written in time is left out, values excepted.
 */
export class RedisMirror implements Mirror {
  readonly #connection: RedisConnection;
  readonly #encode: Encode;
  readonly #stopListening: () => void;
  readonly #sets = new Map<string, { readonly value: string; readonly ttl: number }>();
  #pushes = new Map<string, Pushed>();
  #messages: RedisCall[] = [];
  #scheduled = false;
  #inFlight = 0;

  constructor(connection: RedisConnection, encode: Encode) {
    this.#connection = connection;
    this.#encode = encode;
    this.#stopListening = connection.onChange(({ ok }) => {
      if (ok) this.#schedule();
    });
  }

  published(published: Published, trip: Trip | null): void {
    for (const write of this.#encode(published, trip)) this.#gather(write);
  }

  close(): void {
    this.#stopListening();
  }

  #gather(write: MirrorWrite): void {
    if (write.kind === 'set') {
      if (this.#sets.size < MOST_WAITING || this.#sets.has(write.key)) this.#sets.set(write.key, write);
    } else if (this.#isAway()) {
      // What cannot be written now is old before it could be; values are as good later.
    } else if (write.kind === 'push') {
      const pushed = this.#pushes.get(write.key);
      if (pushed === undefined) {
        if (this.#pushes.size < MOST_WAITING) this.#pushes.set(write.key, { values: [write.value], keep: write.keep, ttl: write.ttl });
      } else {
        pushed.values.push(write.value);
        if (pushed.values.length > 2 * pushed.keep) pushed.values = pushed.values.slice(-pushed.keep);
      }
    } else if (this.#messages.length < MOST_WAITING) {
      this.#messages.push({ key: write.channel, args: ['PUBLISH', write.channel, write.message] });
    }
    this.#schedule();
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
    if (this.#isAway()) {
      this.#pushes.clear();
      this.#messages = [];
      return;
    }
    if (this.#inFlight >= IN_FLIGHT) return;
    const calls: RedisCall[] = [];
    for (const [key, { value, ttl }] of this.#sets) calls.push({ key, args: ['SET', key, value, 'EX', ttl] });
    for (const [key, { values, keep, ttl }] of this.#pushes) {
      calls.push({ key, args: ['LPUSH', key, ...values.slice(-keep)] });
      calls.push({ key, args: ['LTRIM', key, 0, keep - 1] }, { key, args: ['EXPIRE', key, ttl] });
    }
    calls.push(...this.#messages);
    this.#sets.clear();
    this.#pushes = new Map();
    this.#messages = [];
    if (calls.length === 0) return;
    this.#inFlight++;
    void this.#connection.run(calls, 0).then(() => {
      this.#inFlight--;
      this.#schedule();
    });
  }
}
