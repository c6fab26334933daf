import { type ErrorCode, WaycastError } from '@waycast/protocol';
import type { LocationPublished, Published } from '../../core/effects.ts';
import type { Trip } from '../../core/trip.ts';
import { messagesOf } from '../../dialects/delivery/live-messages.ts';
import { movedTo, type SessionState, sessionOf, stateOf } from '../../dialects/delivery/session.ts';
import type { Delivery } from '../../hub/delivery.ts';
import { isSession, sessionEndsAt } from '../../hub/sessions.ts';
import type { Watcher } from '../../hub/watchers.ts';
import type { Watching } from '../../hub/watching.ts';
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
  /** Once it follows its session; rejects when there is none. */
  readonly ready: Promise<void>;
  readonly #parts: SessionFeedParts;
  readonly #guests = new Set<Guest>();
  /** Those on their way in, who may not find it closed. */
  #expected = 0;
  readonly #feed: string;
  #state: SessionState;
  #endsAt: number;
  #frames: Frames | null = null;
  /** A position of this turn, which a status may follow: they are told of in one. */
  #held: LocationPublished | null = null;

  constructor(trip: Trip, parts: SessionFeedParts) {
    this.#parts = parts;
    this.#feed = `trip:${trip.id}`;
    this.#state = stateOf(trip);
    this.#endsAt = sessionEndsAt(trip);
    this.ready = this.#follow();
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Somebody is on the way in; either joins, or not after all. */
  expect(): { join(guest: Guest): void; giveUp(): void } {
    this.#expected++;
    let isSettled = false;
    const settle = () => {
      if (!isSettled) this.#expected--;
      isSettled = true;
      this.#closeWhenEmpty();
    };
    return {
      // Hears how the session stands, and then what happens.
      join: (guest) => {
        this.#guests.add(guest);
        settle();
        guest.begin(this.#state);
      },
      giveUp: settle,
    };
  }

  leave(guest: Guest): void {
    this.#guests.delete(guest);
    this.#closeWhenEmpty();
  }

  /** Whoever is still here when the session expires is told so [Y8]. */
  lookAtTheTime(): void {
    if (this.#parts.now() >= this.#endsAt) this.#end('session_expired');
  }

  deliver(delivery: Delivery): void {
    if (isStatus(delivery)) this.#held = null;
    else this.#release();
    const before = this.#state;
    if (delivery.type === 'location') this.#state = movedTo(before, delivery.fix);
    const trip = delivery.type === 'event' || delivery.type === 'snapshot' ? delivery.trip : null;
    // Dispatchers may remove it, or take its drop-off away.
    const isGone = delivery.type === 'removed' || (trip !== null && !isSession(trip));
    if (trip !== null && isSession(trip)) this.#take(trip);
    if (isGone) this.#end('not_found');
    // A session is over when its day is, before its trip is cancelled for it.
    else if (this.#parts.now() >= this.#endsAt) this.#end('session_expired');
    else if (delivery.type === 'location') this.#hold(delivery);
    else if (this.#isNews(delivery, before)) this.#tell(delivery);
  }

  /** For as long as this turn runs, and no longer: what was sent together comes in one. */
  #hold(delivery: LocationPublished): void {
    this.#held = delivery;
    queueMicrotask(() => this.#release());
  }

  #release(): void {
    const held = this.#held;
    this.#held = null;
    if (held !== null) this.#tell(held);
  }

  #tell(delivery: Delivery): void {
    for (const guest of this.#guests) guest.deliver(delivery);
  }

  /** A delivery for watchers who may know the courier, or for the public. */
  frameOf(delivery: Delivery, isKnown: boolean): Buffer | null {
    if (delivery.type !== 'location' && delivery.type !== 'event') return null;
    if (this.#frames?.delivery !== delivery) this.#frames = this.#framesOf(delivery);
    return isKnown ? this.#frames.known : this.#frames.public;
  }

  async #follow(): Promise<void> {
    const isThere = await this.#parts.watching.followTrip(this.#state.id, this, ({ trip }) => {
      if (trip !== null && isSession(trip)) this.#take(trip);
    });
    if (!isThere) throw new WaycastError('not_found');
  }

  #end(code: ErrorCode): void {
    for (const guest of this.#guests) guest.end(code);
  }

  #closeWhenEmpty(): void {
    if (this.#guests.size > 0 || this.#expected > 0) return;
    this.#parts.watching.unsubscribe(this.#feed, this);
    this.#parts.deserted(this);
  }

  #take(trip: Trip): void {
    this.#state = stateOf(trip);
    this.#endsAt = sessionEndsAt(trip);
  }

  /** A status is told always; of whom and what it is, when that shows. Stops are told of by the position that reaches them. */
  #isNews(delivery: Delivery, before: SessionState): boolean {
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

/** It brings the position that it was sent with. */
function isStatus(delivery: Delivery): boolean {
  return delivery.type === 'event' && delivery.event.kind === 'status';
}
