import type { MessageHappened } from '../../core/events.ts';
import type { Trip } from '../../core/trip.ts';
import { takesTexts } from '../../dialects/fleet/text-message.ts';
import { mayHear, mayReadTrip } from '../../hub/access.ts';
import type { Delivery } from '../../hub/delivery.ts';
import type { Principal } from '../../hub/principal.ts';
import type { Watcher } from '../../hub/watchers.ts';
import type { Watching } from '../../hub/watching.ts';

export interface JobTextsParts {
  readonly watching: Watching;
  readonly driverId: string;
  /** The driver, as of now. */
  readonly who: () => Principal;
  readonly tell: (text: MessageHappened) => void;
  /** A fault of ours, for the log. */
  readonly broken: (error: unknown) => void;
}

/** What is written on the open trips of a driver, who hears it without following any of them [K17]. */
export class JobTexts implements Watcher {
  readonly #parts: JobTextsParts;
  readonly #jobs: string;
  readonly #trips = new Set<string>();
  #stopped = false;

  constructor(parts: JobTextsParts) {
    this.#parts = parts;
    this.#jobs = `jobs:${parts.driverId}`;
    this.#begin().catch(parts.broken);
  }

  stop(): void {
    this.#stopped = true;
    for (const feed of [this.#jobs, ...this.#trips]) this.#parts.watching.unsubscribe(feed, this);
    this.#trips.clear();
  }

  deliver(delivery: Delivery): void {
    if (delivery.type === 'person') this.#follow(delivery.tripId).catch(this.#parts.broken);
    else if (delivery.type === 'removed') this.#leave(delivery.feed);
    else if (delivery.type === 'event' && delivery.trip !== null) {
      const { event, trip, feed } = delivery;
      if (event.kind === 'message' && this.#isJob(trip) && mayHear(this.#parts.who(), event)) this.#parts.tell(event);
      if (!this.#isJob(trip)) this.#leave(feed);
    }
  }

  async #begin(): Promise<void> {
    const { watching, who } = this.#parts;
    const trips = await watching.followPerson(who(), this.#jobs, this);
    if (this.#stopped) watching.unsubscribe(this.#jobs, this);
    await Promise.all(trips.map((id) => this.#follow(id)));
  }

  async #follow(tripId: string): Promise<void> {
    const feed = `trip:${tripId}`;
    if (this.#stopped || this.#trips.has(feed)) return;
    this.#trips.add(feed);
    let isFollowed = false;
    try {
      await this.#parts.watching.followTrip(tripId, this, ({ trip }) => {
        isFollowed = trip !== null && this.#isJob(trip) && !this.#stopped;
      });
    } finally {
      if (!isFollowed) this.#leave(feed);
    }
  }

  #isJob(trip: Trip): boolean {
    return takesTexts(trip) && mayReadTrip(this.#parts.who(), trip);
  }

  #leave(feed: string): void {
    this.#trips.delete(feed);
    this.#parts.watching.unsubscribe(feed, this);
  }
}
