import type { ConflatedMessage, EventMessage, LocationMessage, SnapshotMessage } from '@waycast/protocol';
import { emit } from './emit.ts';
import type { FeedHandlers, NumberedFeedName } from './handlers.ts';

export interface FeedPosition {
  epoch: string;
  seq: number;
}

/** Asks the server for the feed, from after `since` on; answers the ref that marks the answer. */
export type Ask = (feed: string, since: FeedPosition | undefined) => string;

/**
 * Follows one trip or driver: hands on messages in order, once, and asks again from where it stands when one is missing
 * (O1-O4). While it waits for that answer it ignores what is ahead, since the answer brings it again.
 */
export class NumberedFeed {
  readonly name: NumberedFeedName;
  /** who looks on, and whether they had a snapshot to start from */
  readonly handlers = new Map<FeedHandlers, boolean>();
  readonly #ask: Ask;
  #at: FeedPosition | undefined;
  #ref: string | undefined;
  /** where the last gap was, to notice that asking for it did not help */
  #gapAt: number | undefined;

  constructor(name: NumberedFeedName, ask: Ask) {
    this.name = name;
    this.#ask = ask;
  }

  /** where it stands; undefined before the first snapshot */
  get at(): FeedPosition | undefined {
    return this.#at;
  }

  /** the question that is not answered yet */
  get ref(): string | undefined {
    return this.#ref;
  }

  /** A new connection, or a retry. */
  subscribe(): void {
    this.#ref = this.#ask(this.name, this.#at);
  }

  /** Another one looks on: only a snapshot tells it everything. */
  restart(): void {
    this.#ref = this.#ask(this.name, undefined);
  }

  subscribed(ref: string | undefined, resumed: boolean): void {
    // Without `resumed` a snapshot follows, and until it is there nothing else counts.
    if (ref !== undefined && ref === this.#ref && resumed) this.#ref = undefined;
  }

  snapshot(message: SnapshotMessage): void {
    this.#at = { epoch: message.epoch, seq: message.seq };
    this.#ref = undefined;
    this.#gapAt = undefined;
    for (const handlers of this.handlers.keys()) {
      this.handlers.set(handlers, true);
      emit(handlers.snapshot, message);
    }
  }

  numbered(message: LocationMessage | EventMessage): void {
    if (!this.#advance(message.epoch, message.seq, message.seq)) return;
    for (const [handlers, ready] of this.handlers) {
      if (!ready) continue;
      if (message.type === 'location') emit(handlers.location, message);
      else emit(handlers.event, message);
    }
  }

  conflated(message: ConflatedMessage): void {
    if (!this.#advance(message.epoch, message.from, message.to)) return;
    for (const [handlers, ready] of this.handlers) if (ready) emit(handlers.conflated, message);
  }

  heartbeat(epoch: string, seq: number): void {
    if (this.#at !== undefined && (epoch !== this.#at.epoch || seq > this.#at.seq)) this.#repair(this.#at);
  }

  /** Moves over `from`..`to`; false when that is old, or when something before it is missing. */
  #advance(epoch: string, from: number, to: number): boolean {
    const at = this.#at;
    if (at === undefined) return false;
    if (epoch !== at.epoch || from > at.seq + 1) {
      this.#repair(at);
      return false;
    }
    if (to <= at.seq) return false;
    this.#at = { epoch, seq: to };
    return true;
  }

  #repair(at: FeedPosition): void {
    if (this.#ref !== undefined) return;
    // The same gap again: the server cannot fill it, so start over from a snapshot.
    const again = this.#gapAt === at.seq;
    this.#gapAt = at.seq;
    this.#ref = this.#ask(this.name, again ? undefined : at);
  }
}
