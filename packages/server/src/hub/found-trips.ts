import { isId, WaycastError } from '@waycast/protocol';
import { canaryTrip } from '../core/canary.ts';
import type { ActiveTrip, SeenDriver } from '../core/driver.ts';
import { isDatedLife, isEarlierLife } from '../core/life.ts';
import { isOpenTrip, type Trip } from '../core/trip.ts';
import { mayReadTrip } from './access.ts';
import type { Sought } from './delivery.ts';
import type { DriverStates } from './driver-states.ts';
import type { Principal } from './principal.ts';
import type { Records } from './storage-ports.ts';

/** A trip as it stands, and its feed while somebody drives it. */
export interface FoundTrip {
  readonly trip: Trip;
  readonly active: ActiveTrip | null;
  readonly driver: SeenDriver | null;
  /** It is driven, and its driver cannot be seen now. */
  readonly unseen: boolean;
}

const AS_IT_IS: Sought = { told: [], orStored: true };

/** Trips as they stand now, each looked up where it lives: with its driver, or in the store. */
export class FoundTrips {
  readonly #records: Records;
  readonly #states: DriverStates;
  readonly #reading = new Map<string, Promise<Trip | undefined>>();

  constructor(records: Records, states: DriverStates) {
    this.#records = records;
    this.#states = states;
  }

  /** @throws WaycastError `not_found`, also when it is not for them [S6] */
  async find(who: Principal, id: string, sought?: Sought): Promise<FoundTrip> {
    const found = await this.look(id, sought);
    if (found === null || !mayReadTrip(who, found.trip)) throw new WaycastError('not_found', 'no such trip');
    return found;
  }

  /** A trip as the server itself sees it, null when there is none: who may see it is settled by the caller. */
  async look(id: string, sought?: Sought): Promise<FoundTrip | null> {
    const stored = isId(id) ? await this.stored(id) : undefined;
    return stored === undefined ? null : this.current(stored, sought);
  }

  /** The trip of a canary, which the store does not have and nobody finds [U5]. */
  canary(id: string, sought: Sought): Promise<FoundTrip> {
    return this.current(canaryTrip(id), sought);
  }

  /** An open trip that is driven is newer in its driver than in the store. */
  async current(stored: Trip, { told, orStored }: Sought = AS_IT_IS): Promise<FoundTrip> {
    if (!isOpenTrip(stored) || stored.driverId === null) return { trip: stored, active: null, driver: null, unseen: false };
    const activeOf = (seen: SeenDriver | undefined) => seen?.trips.find((one) => one.trip.id === stored.id);
    const isPast = (seen: SeenDriver): boolean => isBefore(activeOf(seen), told);
    const { driverId } = stored;
    const seen = await this.#states.see(driverId, isPast);
    const unseen = seen === 'unseen';
    const driver = typeof seen === 'object' ? seen : unseen && !orStored ? undefined : await this.#states.stored(driverId, seen);
    const active = activeOf(driver);
    if (driver === undefined || active === undefined) return { trip: stored, active: null, driver: null, unseen };
    // What was just stored may be newer than what another process shows of its driver.
    return { trip: stored.revision > active.trip.revision ? stored : active.trip, active, driver, unseen };
  }

  /** As the store has it. Many may ask for one trip at once, after a cut of the network say: the store is asked once. */
  stored(id: string): Promise<Trip | undefined> {
    const reading = this.#reading.get(id);
    if (reading !== undefined) return reading;
    const read = this.#records.trip(id).finally(() => this.#reading.delete(id));
    this.#reading.set(id, read);
    return read;
  }
}

/** Whether the feed has had a life after this one: then what is seen of it is out of date, and where it has none as well. */
function isBefore(active: ActiveTrip | undefined, told: readonly string[]): boolean {
  return told.some((epoch) => (active === undefined ? isDatedLife(epoch) : isEarlierLife(active.epoch, epoch)));
}
