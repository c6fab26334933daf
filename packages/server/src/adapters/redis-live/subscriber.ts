import type { Link } from '../redis/link.ts';
import type { RedisConnection } from '../redis/redis-connection.ts';

export interface SubscriberEvents {
  readonly message: (channel: string, text: string) => void;
  /** All channels are heard, for the first time or again: what was said meanwhile was not. */
  readonly hearing: () => void;
}

const RETRY_MS = 200;

/** Hears channels on connections of its own; in a Cluster each by the node of its slot. */
export class Subscriber {
  readonly #connection: RedisConnection;
  readonly #channels: readonly string[];
  readonly #events: SubscriberEvents;
  /** By address. */
  readonly #links = new Map<string, Link>();
  /** Where each channel is heard. */
  readonly #heard = new Map<string, string>();
  readonly #stopListening: () => void;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(connection: RedisConnection, channels: readonly string[], events: SubscriberEvents) {
    this.#connection = connection;
    this.#channels = channels;
    this.#events = events;
    this.#stopListening = connection.onChange(() => this.#place());
    this.#place();
  }

  get hearing(): boolean {
    return this.#channels.every((channel) => this.#isHeard(channel));
  }

  close(): void {
    this.#closed = true;
    this.#stopListening();
    clearTimeout(this.#timer);
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  /** Puts every channel where it belongs now. */
  #place(): void {
    if (this.#closed) return;
    const wanted = new Map<string, string[]>();
    for (const channel of this.#channels) {
      const address = this.#connection.addressOf(channel);
      if (address !== undefined) wanted.set(address, [...(wanted.get(address) ?? []), channel]);
    }
    for (const [address, link] of this.#links) {
      if (wanted.has(address)) continue;
      this.#links.delete(address);
      link.close();
    }
    for (const [address, channels] of wanted) {
      const link = this.#links.get(address);
      if (link === undefined) this.#dial(address, channels[0] as string);
      else if (link.up && !channels.every((channel) => this.#isHeard(channel))) void this.#subscribe(link);
    }
  }

  #dial(address: string, channel: string): void {
    const link = this.#connection.dial(channel, {
      up: (up) => void this.#subscribe(up),
      down: () => {
        for (const [heard, at] of this.#heard) if (at === address) this.#heard.delete(heard);
      },
      message: this.#events.message,
    });
    if (link !== undefined) this.#links.set(address, link);
  }

  async #subscribe(link: Link): Promise<void> {
    const channels = this.#channels.filter((channel) => this.#connection.addressOf(channel) === link.address);
    try {
      for (const channel of channels) {
        if (this.#connection.cluster) await link.redis.ssubscribe(channel);
        else await link.redis.subscribe(channel);
      }
    } catch {
      // Gone again, or the slot has moved: tried until it is heard.
      this.#retry();
      return;
    }
    const before = this.hearing;
    for (const channel of channels) this.#heard.set(channel, link.address);
    if (!before && this.hearing) this.#events.hearing();
  }

  #isHeard(channel: string): boolean {
    const at = this.#heard.get(channel);
    return at !== undefined && at === this.#connection.addressOf(channel);
  }

  #retry(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#connection.locate().then(() => this.#place());
    }, RETRY_MS).unref();
  }
}
