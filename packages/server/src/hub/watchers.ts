import type { Delivery } from './delivery.ts';
import type { Bus, Hot } from './ports.ts';

/** Somebody who looks on: a connection, in whatever dialect. */
export interface Watcher {
  deliver(delivery: Delivery): void;
}

interface Audience {
  readonly watchers: Set<Watcher>;
  /** Whether what is published is held for those who come back. */
  held: boolean;
}

/** Who on this process watches which feed. */
export class Watchers {
  readonly #feeds = new Map<string, Audience>();
  readonly #bus: Bus;
  readonly #hot: Hot;

  constructor(bus: Bus, hot: Hot) {
    this.#bus = bus;
    this.#hot = hot;
    bus.listen((delivery) => this.#deliver(delivery));
  }

  /** `resumable`: from now on what is published is held for those who come back, until the last watcher has left. */
  add(feed: string, watcher: Watcher, resumable = true): void {
    let audience = this.#feeds.get(feed);
    if (audience === undefined) {
      audience = { watchers: new Set(), held: false };
      this.#feeds.set(feed, audience);
      this.#bus.join(feed);
    }
    audience.watchers.add(watcher);
    if (!resumable || audience.held) return;
    audience.held = true;
    this.#hot.hold(feed);
  }

  remove(feed: string, watcher: Watcher): void {
    const audience = this.#feeds.get(feed);
    if (audience === undefined || !audience.watchers.delete(watcher) || audience.watchers.size > 0) return;
    this.#feeds.delete(feed);
    this.#bus.leave(feed);
    if (audience.held) this.#hot.release(feed);
  }

  #deliver(delivery: Delivery): void {
    const audience = this.#feeds.get(delivery.feed);
    if (audience === undefined) return;
    for (const watcher of audience.watchers) watcher.deliver(delivery);
  }
}
