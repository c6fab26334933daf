import type { Driver } from '../core/driver.ts';
import type { Published } from '../core/effects.ts';
import type { Clock, Hot } from '../hub/ports.ts';

/** Messages kept per feed [O2]. */
const RING = 300;
/** How long after the last watcher left, ms. */
const LINGER_MS = 300_000;

interface Held {
  readonly ring: Published[];
  watchers: number;
  /** When the last watcher left, epoch ms. */
  leftAt: number;
}

/** Latest state by reference, and rings of the feeds that somebody watches or lately watched: idle feeds cost nothing. */
export class MemoryHot implements Hot {
  readonly #drivers = new Map<string, Driver>();
  readonly #held = new Map<string, Held>();
  readonly #clock: Clock;
  readonly #stop: () => void;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#stop = clock.every(10_000, () => this.#expire());
  }

  put(driver: Driver): void {
    this.#drivers.set(driver.id, driver);
  }

  driver(id: string): Driver | undefined {
    return this.#drivers.get(id);
  }

  drivers(): Iterable<Driver> {
    return this.#drivers.values();
  }

  drop(id: string): void {
    this.#drivers.delete(id);
  }

  append(published: Published): void {
    const held = this.#held.get(published.feed);
    if (held === undefined) return;
    const { ring } = held;
    ring.push(published);
    // Trimmed by halves, so that no message pays for moving the whole ring.
    if (ring.length >= 2 * RING) ring.splice(0, ring.length - RING);
  }

  hold(feed: string): void {
    const held = this.#held.get(feed);
    if (held === undefined) this.#held.set(feed, { ring: [], watchers: 1, leftAt: 0 });
    else held.watchers++;
  }

  release(feed: string): void {
    const held = this.#held.get(feed);
    if (held === undefined) return;
    held.watchers--;
    held.leftAt = this.#clock.now();
  }

  since(feed: string, epoch: string, seq: number): readonly Published[] | null {
    const ring = this.#held.get(feed)?.ring;
    const last = ring?.at(-1);
    if (ring === undefined || last === undefined || last.epoch !== epoch || seq > last.seq) return null;
    if (seq === last.seq) return [];
    const missing = last.seq - seq;
    if (missing > RING || missing > ring.length) return null;
    const gap = ring.slice(ring.length - missing);
    return gap.every((message) => message.epoch === epoch) ? gap : null;
  }

  close(): void {
    this.#stop();
  }

  #expire(): void {
    const before = this.#clock.now() - LINGER_MS;
    for (const [feed, held] of this.#held) if (held.watchers <= 0 && held.leftAt < before) this.#held.delete(feed);
  }
}
