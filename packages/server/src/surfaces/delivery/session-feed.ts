import type { ErrorCode } from '@waycast/protocol';
import type { Published } from '../../core/effects.ts';
import type { Trip } from '../../core/trip.ts';
import { messagesOf } from '../../dialects/delivery/live-messages.ts';
import { movedTo, type SessionState, sessionOf, stateOf } from '../../dialects/delivery/session.ts';
import type { Delivery } from '../../hub/delivery.ts';
import { sessionEndsAt } from '../../hub/sessions.ts';
import type { Watcher } from '../../hub/watchers.ts';
import type { Watching } from '../../hub/watching.ts';
import type { Codec } from '../websocket/codec.ts';
import { frame } from '../websocket/frame.ts';

/** Somebody at a session. */
export interface Guest extends Watcher {
  /** From here on everything that happens follows. */
  begin(state: SessionState): void;
  end(code: ErrorCode): void;
}

export interface SessionFeedParts {
  readonly watching: Watching;
  readonly now: () => number;
  readonly broken: (error: unknown) => void;
  /** The last guest is gone. */
  readonly deserted: (feed: SessionFeed) => void;
}

/** The frames of one delivery: with the courier's id, and without. */
interface Frames {
  readonly delivery: Published;
  readonly known: Buffer;
  readonly public: Buffer;
}

/**
 * What all sockets of one session share: how it stands, until when, and the frames of what happens, made once for
 * all of them.
 */
export class SessionFeed implements Watcher {
  readonly #parts: SessionFeedParts;
  readonly #guests = new Set<Guest>();
  readonly #feed: string;
  #state: SessionState;
  #endsAt: number;
  #begun = false;
  #frames: Frames | null = null;

  constructor(trip: Trip, parts: SessionFeedParts) {
    this.#parts = parts;
    this.#feed = `trip:${trip.id}`;
    this.#state = stateOf(trip);
    this.#endsAt = sessionEndsAt(trip);
    this.#follow().catch((error: unknown) => {
      parts.broken(error);
      for (const guest of this.#guests) guest.end('internal');
    });
  }

  get state(): SessionState {
    return this.#state;
  }

  /** The guest hears how the session stands as soon as that is known, and then what happens. */
  join(guest: Guest): void {
    this.#guests.add(guest);
    if (this.#begun) guest.begin(this.#state);
  }

  leave(guest: Guest): void {
    if (this.#guests.delete(guest) && this.#guests.size === 0) this.#close();
  }

  /** Whoever is still here when the session expires is told so [Y8]. */
  lookAtTheTime(): void {
    if (this.#parts.now() < this.#endsAt) return;
    for (const guest of this.#guests) guest.end('session_expired');
  }

  deliver(delivery: Delivery): void {
    const before = this.#state;
    if (delivery.type === 'location') this.#state = movedTo(before, delivery.fix);
    else if ((delivery.type === 'event' || delivery.type === 'snapshot') && delivery.trip !== null) this.#take(delivery.trip);
    // A session is over when its day is, before its trip is cancelled for it.
    if (this.#parts.now() >= this.#endsAt) this.lookAtTheTime();
    else if (this.#isNews(delivery, before)) for (const guest of this.#guests) guest.deliver(delivery);
  }

  /** For watchers who may know the courier, and for the public. */
  codec(isKnown: boolean): Codec {
    return {
      frameOf: (delivery) => {
        if (delivery.type !== 'location' && delivery.type !== 'event') return null;
        if (this.#frames?.delivery !== delivery) this.#frames = this.#framesOf(delivery);
        return isKnown ? this.#frames.known : this.#frames.public;
      },
      conflated: () => null,
    };
  }

  async #follow(): Promise<void> {
    const isThere = await this.#parts.watching.followTrip(this.#state.id, this, ({ trip }) => {
      if (trip !== null) this.#take(trip);
      this.#begun = true;
      if (this.#guests.size === 0) this.#close();
      for (const guest of this.#guests) guest.begin(this.#state);
    });
    if (!isThere) for (const guest of this.#guests) guest.end('not_found');
  }

  #close(): void {
    this.#parts.watching.unsubscribe(this.#feed, this);
    this.#parts.deserted(this);
  }

  #take(trip: Trip): void {
    this.#state = stateOf(trip);
    this.#endsAt = sessionEndsAt(trip);
  }

  /** A position and a status are told always; of whom and what it is, when that shows. Stops are told of by the position that reaches them. */
  #isNews(delivery: Delivery, before: SessionState): boolean {
    if (delivery.type === 'location') return true;
    if (delivery.type !== 'event') return false;
    const { kind } = delivery.event;
    if (kind !== 'assignment' && kind !== 'changed') return kind === 'status';
    return JSON.stringify(sessionOf(before)) !== JSON.stringify(sessionOf(this.#state));
  }

  #framesOf(delivery: Published): Frames {
    const frames = (isKnown: boolean) =>
      Buffer.concat(messagesOf(delivery, this.#state, isKnown).map((message) => frame(JSON.stringify(message))));
    return { delivery, known: frames(true), public: frames(false) };
  }
}
