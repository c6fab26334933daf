import type { ErrorMessage, ServerMessage } from '@waycast/protocol';
import { ClientError } from './client-error.ts';
import { emit } from './emit.ts';
import type { FeedHandlers, FleetHandlers, NumberedFeedName, Watch } from './handlers.ts';
import { type FeedPosition, NumberedFeed } from './numbered-feed.ts';
import { isRetryableCode } from './retryable.ts';

/** The feeds that one client follows: subscribes, resumes, and hands messages to those who watch. */
export class Watching {
  readonly #send: (text: string) => boolean;
  readonly #feeds = new Map<string, NumberedFeed>();
  readonly #fleet = new Set<FleetHandlers>();
  readonly #retries = new Set<ReturnType<typeof setTimeout>>();
  #fleetRef = '';
  #refs = 0;

  constructor(send: (text: string) => boolean) {
    this.#send = send;
  }

  watchFeed(name: NumberedFeedName, handlers: FeedHandlers): Watch {
    // The same object given twice must be two watches.
    const own = { ...handlers };
    let feed = this.#feeds.get(name);
    if (feed === undefined) {
      feed = new NumberedFeed(name, (of, since) => this.#ask(of, since));
      this.#feeds.set(name, feed);
      feed.subscribe();
    } else feed.restart();
    feed.handlers.set(own, false);
    const followed = feed;
    return { close: () => this.#leave(followed, own) };
  }

  watchFleet(handlers: FleetHandlers): Watch {
    const own = { ...handlers };
    this.#fleet.add(own);
    this.#askFleet();
    return {
      close: () => {
        if (this.#fleet.delete(own) && this.#fleet.size === 0) this.#send('{"type":"unsubscribe","feed":"fleet"}');
      },
    };
  }

  up(): void {
    for (const feed of this.#feeds.values()) feed.subscribe();
    this.#askFleet();
  }

  down(): void {
    for (const retry of this.#retries) clearTimeout(retry);
    this.#retries.clear();
  }

  message(message: ServerMessage): void {
    switch (message.type) {
      case 'subscribed':
        this.#feeds.get(message.feed)?.subscribed(message.ref, message.resumed);
        break;
      case 'snapshot':
        this.#feeds.get(message.feed)?.snapshot(message);
        break;
      case 'location':
      case 'event':
        this.#feeds.get(message.feed)?.numbered(message);
        break;
      case 'conflated':
        this.#feeds.get(message.feed)?.conflated(message);
        break;
      case 'heartbeat':
        for (const { feed, epoch, seq } of message.feeds) this.#feeds.get(feed)?.heartbeat(epoch, seq);
        break;
      case 'positions':
        for (const handlers of this.#fleet) emit(handlers.positions, message);
        break;
      case 'fleet-event':
        for (const handlers of this.#fleet) emit(handlers.event, message);
        break;
      default:
    }
  }

  /** Takes an error that answers one of the subscriptions; says whether it was one. */
  refused(message: ErrorMessage): boolean {
    if (message.ref === undefined) return false;
    const error = new ClientError(message.code, message.message, { field: message.field, retryAfter: message.retryAfter });
    if (message.ref === this.#fleetRef) {
      this.#again(message, () => this.#askFleet());
      for (const handlers of this.#fleet) emit(handlers.error, error);
      return true;
    }
    for (const feed of this.#feeds.values()) {
      if (feed.ref !== message.ref) continue;
      this.#again(message, () => this.#feeds.get(feed.name) === feed && feed.subscribe());
      for (const handlers of feed.handlers.keys()) emit(handlers.error, error);
      return true;
    }
    return false;
  }

  #askFleet(): void {
    if (this.#fleet.size > 0) this.#fleetRef = this.#ask('fleet', undefined);
  }

  #again(message: ErrorMessage, retry: () => void): void {
    if (!isRetryableCode(message.code)) return;
    const timer = setTimeout(
      () => {
        this.#retries.delete(timer);
        retry();
      },
      (message.retryAfter ?? 1) * 1000,
    );
    this.#retries.add(timer);
  }

  #ask(feed: string, since: FeedPosition | undefined): string {
    this.#refs += 1;
    const ref = `w${this.#refs}`;
    this.#send(JSON.stringify({ type: 'subscribe', feed, ...(since === undefined ? {} : { since }), ref }));
    return ref;
  }

  #leave(feed: NumberedFeed, handlers: FeedHandlers): void {
    if (!feed.handlers.delete(handlers) || feed.handlers.size > 0) return;
    this.#feeds.delete(feed.name);
    this.#send(JSON.stringify({ type: 'unsubscribe', feed: feed.name }));
  }
}
