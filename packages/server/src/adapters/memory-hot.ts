import type { Driver } from '../core/driver.ts';
import type { Published } from '../core/effects.ts';
import type { Clock, FeedPosition, Hot } from '../hub/ports.ts';
import { FeedRing } from './feed-ring.ts';

/** How long after the last watcher left, ms. */
const LINGER_MS = 300_000;

interface Held {
  ring: FeedRing;
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

  driver(id: string): Promise<Driver | undefined> {
    return Promise.resolve(this.#drivers.get(id));
  }

  hush(): void {
    // No other process looks here.
  }

  drop(id: string): void {
    this.#drivers.delete(id);
  }

  erase(id: string): void {
    this.drop(id);
    this.clear(`driver:${id}`);
  }

  /** Who is in memory came after: who was erased left with the commit. */
  wipe(id: string): Promise<boolean> {
    this.clear(`driver:${id}`);
    return Promise.resolve(!this.#drivers.has(id));
  }

  clear(feed: string): void {
    const held = this.#held.get(feed);
    if (held !== undefined) held.ring = new FeedRing();
  }

  append(published: Published): void {
    this.#held.get(published.feed)?.ring.push(published);
  }

  hold(feed: string): void {
    const held = this.#held.get(feed);
    if (held === undefined) this.#held.set(feed, { ring: new FeedRing(), watchers: 1, leftAt: 0 });
    else held.watchers++;
  }

  release(feed: string): void {
    const held = this.#held.get(feed);
    if (held === undefined) return;
    held.watchers--;
    held.leftAt = this.#clock.now();
  }

  since(feed: string, epoch: string, seq: number): Promise<readonly Published[] | null> {
    return Promise.resolve(this.#held.get(feed)?.ring.since(epoch, seq) ?? null);
  }

  heads(feeds: readonly string[]): Promise<readonly (FeedPosition | null)[]> {
    return Promise.resolve(feeds.map((feed) => this.#held.get(feed)?.ring.head() ?? null));
  }

  close(): void {
    this.#stop();
  }

  #expire(): void {
    const before = this.#clock.now() - LINGER_MS;
    for (const [feed, held] of this.#held) if (held.watchers <= 0 && held.leftAt < before) this.#held.delete(feed);
  }
}
