import { isId, WaycastError } from '@waycast/protocol';
import type { Driver } from '../../core/driver.ts';
import { isOpenTrip, type Trip } from '../../core/trip.ts';
import type { FoundTrip } from '../found-trips.ts';
import type { Clock } from '../ports.ts';
import type { Principal } from '../principal.ts';
import type { Trips } from '../trips.ts';
import { Answers } from './answers.ts';
import type { Directory, ExternalBooking, ExternalRide } from './directory.ts';
import { DrivenRides } from './driven-rides.ts';
import { endOf, mirrorPatch, newMirror, type Outside } from './mirror.ts';
import { EARLIEST_MS, Refresher } from './refresher.ts';
import { statusSteps } from './status-steps.ts';

/** As whom this server does what the services outside say. */
const DIRECTORY: Principal = {
  sub: 'directory',
  role: 'service',
  trips: undefined,
  drivers: undefined,
  labels: undefined,
  expiresAt: null,
};
const VIA = 'directory';
/** The driver, say, may end the trip while it is being changed: this often it is looked at again. */
const ATTEMPTS = 5;
/** An answer asked for within this is as new as any other process's, ms. */
const JUST_ASKED_MS = 1_000;
/** Of one driver, brought in line when it comes. */
const MOST_OPEN = 50;
/** Refusals that only say that the trip is not what it was a moment ago. */
const OVERTAKEN: ReadonlySet<string> = new Set(['trip_exists', 'trip_closed', 'illegal_transition', 'revision_conflict', 'not_found']);

export interface RidesParts {
  readonly trips: Trips;
  readonly directory: Directory;
  readonly clock: Clock;
  /** Those in memory. */
  readonly drivers: () => Iterable<Driver>;
  /** Other processes ask the same services, each at its own times. */
  readonly shared: boolean;
  readonly warn: (message: string, error: unknown) => void;
}

/**
 * Rides as the old clients mean them: trips of kind `ride`. Where rides or bookings live in services outside, those
 * are asked, and the own trip is brought in line with what they say: everything else sees trips only [X].
 */
export class Rides {
  readonly #parts: RidesParts;
  readonly #rides: Answers<ExternalRide> | null;
  readonly #bookings: Answers<readonly ExternalBooking[]> | null;
  readonly #refresher: Refresher | null;
  readonly #driven: DrivenRides | null;
  readonly #finding = new Map<string, Promise<FoundTrip | null>>();
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #shared: boolean;

  constructor(parts: RidesParts) {
    const { directory, clock, drivers, shared } = parts;
    this.#shared = shared;
    this.#parts = parts;
    this.#rides = directory.ride && new Answers(directory.ride, clock);
    this.#bookings = directory.bookings && new Answers(directory.bookings, clock);
    const isOwn = this.#rides === null && this.#bookings === null;
    this.#refresher = isOwn
      ? null
      : new Refresher({
          clock,
          refresh: (rideId) => this.#refresh(rideId),
          askedAt: (rideId) => this.#askedAt(rideId),
          failed: (_, error) => this.#failed(error),
        });
    const watch = (rideId: string) => this.watch(rideId);
    this.#driven = isOwn ? null : new DrivenRides({ clock, drivers, watch, unwatch: (rideId) => this.unwatch(rideId) });
  }

  /**
   * The ride as it stands, null when there is none; `active` may still be null for a moment after its first find. Who
   * may see it is the caller's to decide. Many may ask at once.
   * @throws WaycastError `directory_unavailable` when a service has to be asked and cannot be; `storage_unavailable`
   */
  async find(rideId: string): Promise<FoundTrip | null> {
    if (!isId(rideId)) return null;
    const finding = this.#finding.get(rideId);
    if (finding !== undefined) return finding;
    const found = this.#find(rideId).finally(() => this.#finding.delete(rideId));
    this.#finding.set(rideId, found);
    return found;
  }

  /**
   * While somebody watches, or its driver is heard of, what happens to the ride and its bookings outside shows on the
   * trip's feed, as `changed`, `assignment` and `status` events, within 30 s [X6]. As many `unwatch` as `watch`.
   */
  watch(rideId: string): void {
    this.#refresher?.watch(rideId);
  }

  unwatch(rideId: string): void {
    this.#refresher?.unwatch(rideId);
  }

  /**
   * A driver comes: what became of its open rides while it was away takes effect before this resolves, as far as the
   * services answer [X6].
   */
  async catchUp(driverId: string): Promise<void> {
    if (this.#refresher === null) return;
    const { items } = await this.#parts.trips.list(DIRECTORY, { driverId, kind: 'ride', open: true }, MOST_OPEN, null);
    await Promise.all(items.map(({ id }) => this.find(id).catch((error: unknown) => this.#failed(error))));
  }

  close(): void {
    this.#driven?.close();
    this.#refresher?.close();
  }

  async #find(rideId: string): Promise<FoundTrip | null> {
    await Promise.all([this.#rides?.get(rideId), this.#bookings?.get(rideId)]);
    return this.#inTurn(rideId, () => this.#bringInLine(rideId));
  }

  /** One service may be down: what the other says takes effect all the same. */
  async #refresh(rideId: string): Promise<void> {
    // Not the one that has just answered, when only the other has to be asked once more.
    const renewed = await Promise.allSettled([this.#rides?.get(rideId, EARLIEST_MS), this.#bookings?.get(rideId, EARLIEST_MS)]);
    await this.#inTurn(rideId, () => this.#bringInLine(rideId));
    for (const one of renewed) if (one.status === 'rejected') throw one.reason;
  }

  /** The log has it already that a service is down. */
  #failed(error: unknown): void {
    if (codeOf(error) !== 'directory_unavailable') this.#parts.warn('a ride could not be brought in line; it is tried again', error);
  }

  #askedAt(rideId: string): number | undefined {
    const times = [this.#rides, this.#bookings].flatMap((answers) => answers?.askedAt(rideId) ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** One change of a ride at a time, each by the newest answers: an older one never comes after a newer one. */
  #inTurn<T>(rideId: string, work: () => Promise<T>): Promise<T> {
    const turn = Promise.allSettled([this.#turns.get(rideId)])
      .then(work)
      .finally(() => {
        if (this.#turns.get(rideId) === turn) this.#turns.delete(rideId);
      });
    this.#turns.set(rideId, turn);
    return turn;
  }

  async #bringInLine(rideId: string): Promise<FoundTrip | null> {
    for (let attempt = 1; ; attempt++) {
      const ride = this.#rides?.newest(rideId);
      // A ride the service does not know is none, whatever was known of it before [X2].
      if (ride === null) return null;
      const bookings = this.#bookings?.newest(rideId);
      const outside: Outside = { ride, bookings: bookings === null ? [] : bookings };
      const found = await this.#own(rideId);
      if (found !== null && found.trip.kind !== 'ride') return null;
      if (attempt > ATTEMPTS) return found;
      try {
        if (found !== null && this.#shared && isUnlike(found.trip, outside) && (await this.#askAnew(rideId))) continue;
        if (!(await this.#step(found, outside))) return found;
      } catch (error) {
        if (attempt === ATTEMPTS || !OVERTAKEN.has(codeOf(error) ?? '')) throw error;
      }
    }
  }

  /**
   * The trip is unlike what was said here: another process may have heard newer. Answers whether something was asked anew;
   * what was is new enough to go by.
   */
  async #askAnew(rideId: string): Promise<boolean> {
    const askedAt = this.#askedAt(rideId);
    if (askedAt === undefined || this.#parts.clock.now() - askedAt < JUST_ASKED_MS) return false;
    await Promise.all([this.#rides?.get(rideId, JUST_ASKED_MS), this.#bookings?.get(rideId, JUST_ASKED_MS)]);
    return true;
  }

  /** Makes the trip more like what is said outside; false when it is like that already. */
  async #step(found: FoundTrip | null, outside: Outside): Promise<boolean> {
    const { trips } = this.#parts;
    const { ride } = outside;
    if (found === null) {
      if (ride === undefined) return false;
      await trips.create(DIRECTORY, newMirror(ride, outside.bookings), VIA, undefined);
      return true;
    }
    const { trip } = found;
    if (!isOpenTrip(trip)) return false;
    const patch = mirrorPatch(trip, outside);
    if (patch !== null) await trips.patch(DIRECTORY, trip.id, patch, VIA);
    const ended = ride !== undefined && (await this.#end(trip, ride));
    return patch !== null || ended;
  }

  async #end({ id, kind, status }: Trip, ride: ExternalRide): Promise<boolean> {
    const end = endOf(ride.status);
    if (end === null) return false;
    for (const next of statusSteps(kind, status, end)) await this.#parts.trips.status(DIRECTORY, id, { status: next }, VIA);
    return true;
  }

  async #own(rideId: string): Promise<FoundTrip | null> {
    try {
      return await this.#parts.trips.find(DIRECTORY, rideId);
    } catch (error) {
      if (codeOf(error) === 'not_found') return null;
      throw error;
    }
  }
}

function isUnlike(trip: Trip, outside: Outside): boolean {
  if (!isOpenTrip(trip)) return false;
  return mirrorPatch(trip, outside) !== null || (outside.ride !== undefined && endOf(outside.ride.status) !== null);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof WaycastError ? error.code : undefined;
}
