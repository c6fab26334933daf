import { STREAM_LIMITS, type SubscribeMessage, WaycastError } from '@waycast/protocol';
import type { LocationPublished } from '../../core/effects.ts';
import { isOpen } from '../../core/lifecycle.ts';
import type { Trip } from '../../core/trip.ts';
import { rideStatus } from '../../dialects/hybrid/ride-status.ts';
import { mayReadTrip, seesStop } from '../../hub/access.ts';
import { type Delivery, FLEET } from '../../hub/delivery.ts';
import { PERSON_FEEDS } from '../../hub/people.ts';
import type { Principal } from '../../hub/principal.ts';
import type { Watcher } from '../../hub/watchers.ts';
import type { Watching } from '../../hub/watching.ts';
import type { Socket } from '../websocket/socket.ts';
import { refOf } from './read-message.ts';

/** A feed as a connection follows it. */
interface Followed {
  epoch: string;
  seq: number;
  /** Whether heartbeats tell where it stands. */
  readonly numbered: boolean;
  /** The feed of a person that brought it here; null when the client asked for it. */
  readonly person: string | null;
  /** The last position, kept only for those who want `ride_status` beside the events. */
  readonly rideStatus: { last: LocationPublished | null } | null;
  /** The trip has ended: once its last events are out, what a person brought goes by itself. */
  over: boolean;
}

export interface SubscriptionsParts {
  readonly watching: Watching;
  readonly socket: Socket;
  readonly watcher: Watcher;
  readonly who: () => Principal;
  /** A fault of ours, for the log. */
  readonly broken: (error: unknown) => void;
}

/** What one connection follows: who may go on, what is for them, where each feed stands. */
export class Subscriptions {
  readonly #parts: SubscriptionsParts;
  readonly #feeds = new Map<string, Followed>();
  /** Feeds that were asked for and have not begun: they take room as well. */
  readonly #coming = new Set<string>();

  constructor(parts: SubscriptionsParts) {
    this.#parts = parts;
  }

  /** @throws WaycastError `too_many_subscriptions`, `not_found` */
  async add(message: SubscribeMessage): Promise<void> {
    const { feed } = message;
    if (!this.#feeds.has(feed) && !this.#coming.has(feed)) this.#mustHaveRoom();
    this.#coming.add(feed);
    try {
      if (isPerson(feed)) await this.#addPerson(message);
      else await this.#follow(message, null);
    } finally {
      this.#coming.delete(feed);
    }
  }

  remove(feed: string): void {
    this.#drop(feed);
    for (const [other, { person }] of this.#feeds) if (person === feed) this.#drop(other);
  }

  /** The road of a delivery to this client. */
  deliver(delivery: Delivery): void {
    const { socket } = this.#parts;
    if (delivery.type === 'person') {
      this.#join(delivery.feed, delivery.tripId);
      return;
    }
    if (delivery.type === 'removed') {
      this.#leave(delivery.feed);
      return;
    }
    const followed = this.#feeds.get(delivery.feed);
    if (followed !== undefined && 'seq' in delivery) {
      followed.epoch = delivery.epoch;
      followed.seq = delivery.seq;
    }
    if (delivery.type === 'location' && followed?.rideStatus) followed.rideStatus.last = delivery;
    socket.deliver(delivery);
    if (delivery.type !== 'event') return;
    const { event, trip, feed } = delivery;
    if (followed === undefined || trip === null) return;
    if (event.kind === 'status' && followed.rideStatus !== null) this.#sendRideStatus(trip, followed.rideStatus.last);
    this.#lookAgain(feed, followed, trip);
  }

  /** Where the numbered feeds stand [O4]; drops what a person brought and is over. */
  heartbeat(): { feed: string; epoch: string; seq: number }[] {
    const stands: { feed: string; epoch: string; seq: number }[] = [];
    for (const [feed, { epoch, seq, numbered, over, person }] of this.#feeds) {
      if (over && person !== null) this.#leave(feed);
      else if (numbered) stands.push({ feed, epoch, seq });
    }
    return stands;
  }

  close(): void {
    for (const feed of this.#feeds.keys()) this.#drop(feed);
  }

  async #follow(message: SubscribeMessage, person: string | null): Promise<void> {
    const { feed, since } = message;
    const { watching, watcher, socket, who } = this.#parts;
    await watching.subscribe(who(), feed, since ?? null, watcher, (resumed, first) => {
      if (socket.ended) {
        watching.unsubscribe(feed, watcher);
        return;
      }
      this.#feeds.set(feed, {
        epoch: since?.epoch ?? '',
        seq: since?.seq ?? 0,
        numbered: feed !== FLEET,
        person,
        rideStatus: message.events?.includes('ride_status') ? { last: null } : null,
        over: false,
      });
      socket.send({ type: 'subscribed', feed, resumed, ...refOf(message) });
      for (const delivery of first) watcher.deliver(delivery);
      this.#tellRideStatus(feed, first);
    });
  }

  /** Somebody who comes in the middle of a ride learns how it stands, not only what happens next. */
  #tellRideStatus(feed: string, first: readonly Delivery[]): void {
    const status = this.#feeds.get(feed)?.rideStatus ?? null;
    for (const delivery of first) {
      if (status === null || delivery.type !== 'snapshot' || delivery.trip === null) continue;
      this.#sendRideStatus(delivery.trip, status.last);
    }
  }

  #sendRideStatus(trip: Trip, last: LocationPublished | null): void {
    const who = this.#parts.who();
    this.#parts.socket.send(rideStatus(trip, last, (stop) => seesStop(who, stop)));
  }

  async #addPerson(message: SubscribeMessage): Promise<void> {
    const { feed } = message;
    const { watching, watcher, socket, who } = this.#parts;
    const trips = await watching.followPerson(who(), feed, watcher);
    if (socket.ended) {
      watching.unsubscribe(feed, watcher);
      return;
    }
    this.#feeds.set(feed, { epoch: '', seq: 0, numbered: false, person: null, rideStatus: null, over: false });
    socket.send({ type: 'subscribed', feed, resumed: false, ...refOf(message) });
    for (const id of trips) this.#join(feed, id);
  }

  /** A trip of a person who is followed: from now on its own feed is followed as well. */
  #join(person: string, tripId: string): void {
    const feed = `trip:${tripId}`;
    if (this.#feeds.has(feed) || !this.#feeds.has(person) || this.#feeds.size >= STREAM_LIMITS.subscriptions) return;
    this.#follow({ type: 'subscribe', feed }, person).catch((error: unknown) => {
      // Not theirs any more by now: nothing to tell.
      if (!(error instanceof WaycastError)) this.#parts.broken(error);
    });
  }

  /** A trip that changed may not be for them any more, or be over. */
  #lookAgain(feed: string, followed: Followed, trip: Trip): void {
    if (!mayReadTrip(this.#parts.who(), trip)) this.#leave(feed);
    else if (!isOpen(trip.kind, trip.status)) followed.over = true;
  }

  #leave(feed: string): void {
    this.#drop(feed);
    this.#parts.socket.send({ type: 'unsubscribed', feed });
  }

  #drop(feed: string): void {
    // One that has not begun never will.
    if (this.#feeds.delete(feed) || this.#coming.has(feed)) this.#parts.watching.unsubscribe(feed, this.#parts.watcher);
  }

  #mustHaveRoom(): void {
    let size = this.#feeds.size;
    for (const feed of this.#coming) if (!this.#feeds.has(feed)) size++;
    if (size >= STREAM_LIMITS.subscriptions) throw new WaycastError('too_many_subscriptions');
  }
}

function isPerson(feed: string): boolean {
  return PERSON_FEEDS.some((kind) => feed.startsWith(`${kind}:`));
}
