import type { Delivery } from './delivery.ts';
import type { Bus, Hot } from './ports.ts';

/** Somebody who looks on: a connection, in whatever dialect. */
export interface Watcher {
  deliver(delivery: Delivery): void;
}

/** Who on this process watches which feed. */
export class Watchers {
  readonly #feeds = new Map<string, Set<Watcher>>();
  readonly #bus: Bus;
  readonly #hot: Hot;

  constructor(bus: Bus, hot: Hot) {
    this.#bus = bus;
    this.#hot = hot;
    bus.listen((delivery) => this.#deliver(delivery));
  }

  /** `resumable`: what is published is held for those who come back. */
  add(feed: string, watcher: Watcher, resumable = true): void {
    let watchers = this.#feeds.get(feed);
    if (watchers === undefined) {
      watchers = new Set();
      this.#feeds.set(feed, watchers);
      this.#bus.join(feed);
      if (resumable) this.#hot.hold(feed);
    }
    watchers.add(watcher);
  }

  remove(feed: string, watcher: Watcher): void {
    const watchers = this.#feeds.get(feed);
    if (watchers?.delete(watcher) && watchers.size === 0) {
      this.#feeds.delete(feed);
      this.#bus.leave(feed);
      // Of a feed that was never held this is nothing.
      this.#hot.release(feed);
    }
  }

  #deliver(delivery: Delivery): void {
    const watchers = this.#feeds.get(delivery.feed);
    if (watchers === undefined) return;
    for (const watcher of watchers) watcher.deliver(delivery);
  }
}
