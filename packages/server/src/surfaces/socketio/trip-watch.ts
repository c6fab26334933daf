import { WaycastError } from '@waycast/protocol';
import type { MessageHappened } from '../../core/events.ts';
import type { Fix } from '../../core/fix.ts';
import type { ServerEvent } from '../../dialects/fleet/messages.ts';
import { textMessage } from '../../dialects/fleet/text-message.ts';
import { liveLocation, TripProgress } from '../../dialects/fleet/trip-progress.ts';
import { mayHear, mayReadTrip, seesStop } from '../../hub/access.ts';
import type { Delivery, Snapshot } from '../../hub/delivery.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Principal } from '../../hub/principal.ts';
import type { Watcher } from '../../hub/watchers.ts';

export interface TripWatchParts {
  readonly hub: Hub;
  readonly now: () => number;
  /** Who follows, as of now: a refreshed token may say more or less than the one before. */
  readonly who: () => Principal;
  /** Whether hybrid clients are served, who read positions in words of their own. */
  readonly hybrid: boolean;
  readonly position: (key: string, event: ServerEvent, payload: object) => void;
  /** Whether another trip of this driver has brought this position already. */
  readonly isTold: (driverId: string, fix: Fix) => boolean;
  readonly event: (event: ServerEvent, payload: object) => void;
  /** It is over: the trip has ended, or is not for them any more. */
  readonly ended: (watch: TripWatch) => void;
  readonly lost: (tripId: string) => void;
}

/** What somebody asked to follow: a trip, as the one of this driver. */
export interface Wanted {
  readonly tripId: string;
  /** null: whoever drives it. */
  readonly driverId: string | null;
}

/** One trip that a client follows, whoever drives it, until it ends or is not for them any more [K8-K10]. */
export class TripWatch implements Watcher {
  readonly wanted: Wanted;
  readonly #parts: TripWatchParts;
  #progress: TripProgress | null = null;
  /** The position it told last. */
  #told: { readonly driverId: string; readonly fix: Fix } | null = null;

  constructor(wanted: Wanted, parts: TripWatchParts) {
    this.wanted = wanted;
    this.#parts = parts;
  }

  /** Whether anything may still come. */
  get isAlive(): boolean {
    return this.#progress !== null;
  }

  /** Whether it is told under this driver's id, or was asked for by it. */
  isOf(driverId: string): boolean {
    return this.wanted.driverId === driverId || this.#progress?.driverId === driverId;
  }

  hasTold(driverId: string, { at, lat, lng }: Fix): boolean {
    const told = this.#told;
    return told !== null && told.driverId === driverId && told.fix.at === at && told.fix.lat === lat && told.fix.lng === lng;
  }

  /**
   * Begins; answers where the trip's feed stands.
   * @throws WaycastError `not_found`: there is none, it is not for them, or not this driver's
   */
  async begin(): Promise<number> {
    const { hub } = this.#parts;
    const { tripId } = this.wanted;
    let seq: number | null = null;
    await hub.watching.followTrip(tripId, this, (snapshot) => {
      if (this.#begin(snapshot)) seq = snapshot.seq;
      else this.stop();
    });
    if (seq === null) throw new WaycastError('not_found', 'no such trip of this driver');
    return seq;
  }

  stop(): void {
    this.#parts.hub.watching.unsubscribe(`trip:${this.wanted.tripId}`, this);
  }

  deliver(delivery: Delivery): void {
    const progress = this.#progress;
    if (progress === null) return;
    if (delivery.type === 'location') {
      progress.moved(delivery.fix, delivery.plan);
      if (!this.#parts.isTold(delivery.driverId, delivery.fix)) this.#tellPosition(progress, delivery.driverId, delivery.fix);
      if (progress.isDue(this.#parts.now())) this.#tellTrip(progress);
      return;
    }
    if (delivery.type === 'removed') {
      this.#end();
      this.#parts.lost(this.wanted.tripId);
      return;
    }
    // A snapshot comes before the events of a trip that nobody drives, and says nothing that they do not.
    if (delivery.type !== 'event' || delivery.trip === null) return;
    if (!mayReadTrip(this.#parts.who(), delivery.trip)) {
      this.#end();
      this.#parts.lost(delivery.trip.id);
      return;
    }
    const { driverId } = progress;
    progress.changed(delivery.trip);
    const { event } = delivery;
    // Texts on the trip change nothing about it.
    if (event.kind === 'message') this.#tellText(event);
    // The driver before gives it up and the next one takes it: this is told once.
    else if (event.kind !== 'assignment' || progress.driverId !== driverId) this.#tellTrip(progress);
    if (!progress.isOpen) this.#end();
  }

  #begin({ trip, location }: Snapshot): boolean {
    const { who } = this.#parts;
    const { driverId } = this.wanted;
    if (trip === null || !mayReadTrip(who(), trip) || (driverId !== null && trip.driverId !== driverId)) return false;
    // The trip in the snapshot goes on changing under its driver; what was said of it must not.
    const progress = new TripProgress(who().sub, (stop) => seesStop(who(), stop), structuredClone(trip), location);
    this.#progress = progress;
    if (location !== null && trip.driverId !== null && progress.isOpen) this.#tellPosition(progress, trip.driverId, location);
    this.#tellTrip(progress);
    if (!progress.isOpen) this.#end();
    return true;
  }

  #end(): void {
    this.stop();
    this.#progress = null;
    this.#parts.ended(this);
  }

  #tellPosition(progress: TripProgress, driverId: string, fix: Fix): void {
    const { position, hybrid, now } = this.#parts;
    this.#told = { driverId, fix };
    position(driverId, 'driver:location', liveLocation(driverId, fix));
    if (hybrid) position(driverId, 'driver_location', progress.hybridLocation(fix, now()));
  }

  #tellText(text: MessageHappened): void {
    const { hybrid, who, event } = this.#parts;
    if (hybrid && mayHear(who(), text)) event('message', textMessage(text));
  }

  #tellTrip(progress: TripProgress): void {
    this.#parts.event('trip:update', progress.update(this.#parts.now()));
  }
}
