import type { Published } from '../../core/effects.ts';
import type { RedisCall } from '../redis/redis-connection.ts';
import { encodeDelivery } from './delivery-codec.ts';

const KEPT_S = 600;
/** A ring's life is prolonged so often, ms. */
const PROLONG_MS = 60_000;
/** It may grow by so much before it is cut: readers look at its end only. */
const SLACK = 32;

interface Ring {
  /** Appended since it was cut. */
  added: number;
  prolongedAt: number;
}

/** Writes the rings of feeds: lists in Redis, of which the last messages count. A ring with a hole is removed. */
export class RingWriter {
  readonly #keyOf: (feed: string) => string;
  readonly #size: number;
  readonly #rings = new Map<string, Ring>();
  #pending = new Map<string, string[]>();
  /** To be removed, or begun anew, with the next write. */
  readonly #broken = new Set<string>();
  /** Broken too, but Redis did not take that: it is told again now and then, and before anything more is written of them. */
  readonly #failed = new Set<string>();
  #sweptAt = 0;

  constructor(keyOf: (feed: string) => string, size: number) {
    this.#keyOf = keyOf;
    this.#size = size;
  }

  push(published: Published): void {
    const texts = this.#pending.get(published.feed);
    const text = encodeDelivery(published);
    if (texts === undefined) this.#pending.set(published.feed, [text]);
    // While Redis is slow they gather: only the last ones count.
    else if (texts.push(text) >= 2 * this.#size) texts.splice(0, this.#size);
  }

  /** A message is not kept, as nobody wants the feed: its ring ends, for what it has would look like the newest. Answers whether there was one. */
  skip(feed: string): boolean {
    if (!this.#rings.delete(feed)) return false;
    this.#broken.add(feed);
    return true;
  }

  /** Whoever wrote it: nothing of it is to be left. */
  remove(feed: string): void {
    this.#pending.delete(feed);
    this.#rings.delete(feed);
    this.#broken.add(feed);
  }

  calls(): RedisCall[] {
    const calls: RedisCall[] = [];
    if (this.#failed.size > 0) for (const feed of this.#pending.keys()) if (this.#failed.delete(feed)) this.#broken.add(feed);
    for (const feed of this.#broken) calls.push({ key: this.#keyOf(feed), args: ['DEL', this.#keyOf(feed)] });
    this.#broken.clear();
    const now = performance.now();
    for (const [feed, texts] of this.#pending) this.#write(feed, texts, now, calls);
    this.#pending = new Map();
    if (now - this.#sweptAt > PROLONG_MS) this.#sweep(now);
    return calls;
  }

  /** What waits is not written. */
  drop(): void {
    for (const feed of this.#pending.keys()) {
      this.#rings.delete(feed);
      this.#broken.add(feed);
    }
    this.#pending.clear();
  }

  /** Redis did not take what it was given of this feed: its ring has a hole. */
  failed(feed: string): void {
    this.#rings.delete(feed);
    this.#failed.add(feed);
  }

  /** So many of those that failed are begun anew with the next write. */
  retry(count: number): void {
    for (const feed of [...this.#failed.values().take(count)]) {
      this.#failed.delete(feed);
      this.#broken.add(feed);
    }
  }

  hasFailed(): boolean {
    return this.#failed.size > 0;
  }

  /** Redis has lost what was in it. */
  restart(): void {
    for (const feed of this.#rings.keys()) this.#broken.add(feed);
    this.#rings.clear();
  }

  /** Of those that were silent for long nothing is left in Redis either. */
  #sweep(now: number): void {
    this.#sweptAt = now;
    for (const [feed, { prolongedAt }] of this.#rings) if (now - prolongedAt > KEPT_S * 1_000 + PROLONG_MS) this.#rings.delete(feed);
  }

  #write(feed: string, texts: readonly string[], now: number, calls: RedisCall[]): void {
    const key = this.#keyOf(feed);
    calls.push({ key, args: ['RPUSH', key, ...texts.slice(-this.#size)] });
    let ring = this.#rings.get(feed);
    if (ring === undefined) {
      ring = { added: SLACK, prolongedAt: Number.NEGATIVE_INFINITY };
      this.#rings.set(feed, ring);
    }
    ring.added += texts.length;
    if (ring.added >= SLACK) {
      ring.added = 0;
      calls.push({ key, args: ['LTRIM', key, -this.#size, -1] });
    }
    if (now - ring.prolongedAt < PROLONG_MS) return;
    ring.prolongedAt = now;
    calls.push({ key, args: ['EXPIRE', key, KEPT_S] });
  }
}
