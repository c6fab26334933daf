import { createHash, randomUUID } from 'node:crypto';
import { type Actor, parseMoment, type StatusInput, type TripInput, type TripPatch, WaycastError } from '@waycast/protocol';
import type { Command } from '../core/commands.ts';
import type { Happened, TripHappened } from '../core/events.ts';
import type { Rules } from '../core/rules.ts';
import { type Stop, stopsFrom } from '../core/stops.ts';
import { assign, assignmentEvent, changeStatus, newTrip, patchTrip, type Trip } from '../core/trip.ts';
import { mayHear, mayReadTrip, mustCreate, mustManageTrips, mustMoveStatus, mustTellTime, tripsVisibleTo } from './access.ts';
import type { Sought } from './delivery.ts';
import type { DriverStates } from './driver-states.ts';
import { type FoundTrip, FoundTrips } from './found-trips.ts';
import type { Ingest } from './ingest.ts';
import type { Page } from './page.ts';
import { PlaceOfStatus } from './place-of-status.ts';
import type { Principal } from './principal.ts';
import type { Records, TripFilter } from './storage-ports.ts';
import { ATTEMPTS, TripChanges, type TripChangesParts } from './trip-changes.ts';

export interface TripsParts extends Omit<TripChangesParts, 'found'> {
  readonly records: Records;
  readonly states: DriverStates;
  readonly ingest: Ingest;
  readonly rules: Rules;
}

/**
 * Trips as callers see them. One that is driven belongs to its driver's partition and changes only there; one
 * without a driver lives in the store and changes there by its revision [T7].
 */
export class Trips {
  readonly #parts: TripsParts;
  readonly #found: FoundTrips;
  readonly #changes: TripChanges;

  constructor(parts: TripsParts) {
    this.#parts = parts;
    this.#found = new FoundTrips(parts.records, parts.states);
    this.#changes = new TripChanges({ ...parts, found: this.#found });
  }

  /** Creates a trip, or finds the same one created before [T4]. */
  async create(
    who: Principal,
    input: TripInput,
    via: string,
    idempotencyKey: string | undefined,
  ): Promise<{ trip: Trip; created: boolean }> {
    const { id: given, ...content } = input;
    const id = given ?? (idempotencyKey === undefined ? randomUUID() : keyedId(who, idempotencyKey));
    const trip = newTrip(id, input, digestOf(content), this.#effectTime(who, input.at), expiryOf(input));
    mustUniqueStops(trip.stops);
    mustCreate(who, trip);
    if (await this.#changes.add(trip, actor(who, via))) return { trip, created: true };
    const existing = await this.#found.stored(id);
    if (existing === undefined || existing.digest !== trip.digest || !mayReadTrip(who, existing)) {
      throw new WaycastError('trip_exists', `a trip ${id} with other content exists`, { field: '/id' });
    }
    return { trip: (await this.#found.current(existing)).trip, created: false };
  }

  /**
   * Creates the trip that delivers an order, unless an open one created after `since` (epoch ms) does so already: then
   * that one is answered. Who may has been settled.
   */
  async createForOrder(by: Actor, trip: Trip, since: number): Promise<{ trip: Trip; created: boolean }> {
    const orderId = trip.order?.id;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (await this.#changes.add(trip, by, since)) return { trip, created: true };
      const { items } = await this.#parts.records.trips({ orderId, open: true, createdAfter: since }, 1, null);
      if (items[0] !== undefined) return { trip: (await this.#found.current(items[0])).trip, created: false };
    }
    throw new WaycastError('revision_conflict');
  }

  /** @throws WaycastError `not_found`, also when it is not for them [S6] */
  find(who: Principal, id: string, sought?: Sought): Promise<FoundTrip> {
    return this.#found.find(who, id, sought);
  }

  /** A trip as the server itself sees it, null when there is none: who may see it is settled by the caller. */
  look(id: string, sought?: Sought): Promise<FoundTrip | null> {
    return this.#found.look(id, sought);
  }

  /** As `look`, for the server's own canary. */
  canary(id: string, sought: Sought): Promise<FoundTrip> {
    return this.#found.canary(id, sought);
  }

  async list(who: Principal, filter: TripFilter, limit: number, cursor: string | null): Promise<Page<Trip>> {
    const visible = tripsVisibleTo(who);
    if (visible === null) return { items: [], cursor: null };
    if (visible.driverId !== undefined && filter.driverId !== undefined && filter.driverId !== visible.driverId)
      return { items: [], cursor: null };
    const page = await this.#parts.records.trips({ ...filter, ...visible }, limit, cursor);
    const items = await Promise.all(page.items.map(async (trip) => (await this.#found.current(trip)).trip));
    // What the store finds it by may be older than the trip, or than the rule.
    return { items: items.filter((trip) => mayReadTrip(who, trip)), cursor: page.cursor };
  }

  /** The timeline of a trip, oldest first. */
  async events(who: Principal, id: string): Promise<{ trip: Trip; events: readonly Happened[] }> {
    const { trip } = await this.find(who, id);
    const events = await this.#parts.records.events(id);
    return { trip, events: events.filter((event) => mayHear(who, event)) };
  }

  /**
   * Moves a trip along its lifecycle. A location sent along is kept even when the status is refused, and a status that
   * may be taken is taken even when the location comes too fast [T9]. `suspect`: the location is out of the question.
   */
  async status(who: Principal, id: string, input: StatusInput, via: string): Promise<{ trip: Trip; suspect: boolean }> {
    const { trip: before } = await this.find(who, id);
    mustMoveStatus(who, before);
    const { ingest, rules, clock } = this.#parts;
    const moment = () => this.#effectTime(who, input.at);
    moment();
    const by = actor(who, via);
    const place = new PlaceOfStatus(ingest, before, input, rules);
    const moved = this.#changes.change(
      who,
      id,
      (driverId, reply) => {
        const at = moment();
        place.send(at);
        return { kind: 'status', driverId, receivedAt: clock.now(), reply, tripId: id, status: input.status, at, by };
      },
      (copy) => changeStatus(copy, input.status, moment(), by, rules.deliveriesMayJump),
    );
    const [outcome] = await Promise.allSettled([moved]);
    // Of a trip that nobody drives, or that has ended, no command went out.
    place.send(moment());
    const [suspect] = await Promise.allSettled([place.settled()]);
    if (outcome.status === 'rejected') throw outcome.reason;
    if (suspect.status === 'rejected') throw suspect.reason;
    return { trip: outcome.value, suspect: suspect.value };
  }

  /** Changes a trip, or gives it to another driver [T7]. */
  async patch(who: Principal, id: string, patch: TripPatch, via: string): Promise<Trip> {
    mustManageTrips(who);
    const at = this.#effectTime(who, patch.at);
    const { driverId: to, at: _, ...changes } = patch;
    const by = actor(who, via);
    const now = () => this.#parts.clock.now();
    const hasChanges = Object.keys(changes).length > 0;
    if (changes.stops !== undefined) mustUniqueStops(stopsFrom(changes.stops));
    return this.#changes.change(
      who,
      id,
      (driverId, reply) =>
        to !== undefined && to !== driverId
          ? { kind: 'release', driverId, receivedAt: now(), reply, tripId: id, to, patch: changes, by, at }
          : { kind: 'patch', driverId, receivedAt: now(), reply, tripId: id, patch: changes, by, at },
      (copy) => {
        const events = hasChanges ? patchTrip(copy, changes, at, by) : [];
        if (to === undefined || to === copy.driverId) return events;
        const previous = copy.driverId;
        assign(copy, to, at);
        return [...events, assignmentEvent(copy, previous, at, by)];
      },
    );
  }

  /** [T6] */
  async remove(who: Principal, id: string): Promise<void> {
    mustManageTrips(who);
    await this.#changes.remove(who, id);
  }

  /** A change that is none of the above: `command` for its driver, `inStore` while it has none. Who may has been settled. */
  change(
    who: Principal,
    id: string,
    command: (driverId: string, reply: number) => Command,
    inStore: (copy: Trip) => TripHappened[],
  ): Promise<Trip> {
    return this.#changes.change(who, id, command, inStore);
  }

  #effectTime(who: Principal, at: string | number | undefined): number {
    if (at === undefined) return this.#parts.clock.now();
    mustTellTime(who);
    const time = parseMoment(at);
    if (Number.isNaN(time)) throw new WaycastError('bad_request', 'at: no such moment', { field: '/at' });
    return time;
  }
}

export function actor(who: Principal, via: string): Actor {
  return { sub: who.sub, role: who.role, via };
}

/** @throws WaycastError `bad_request` */
function expiryOf({ expiresAt }: TripInput): number | null {
  if (expiresAt === undefined) return null;
  const at = parseMoment(expiresAt);
  if (Number.isNaN(at)) throw new WaycastError('bad_request', 'expiresAt: no such moment', { field: '/expiresAt' });
  return at;
}

/** Events are told apart by trip, stop and kind: two stops of one name would hide each other's. */
function mustUniqueStops(stops: readonly Stop[]): void {
  const ids = new Set<string>();
  stops.forEach(({ id }, index) => {
    if (ids.has(id)) throw new WaycastError('bad_request', `two stops have the id ${id}`, { field: `/stops/${index}/id` });
    ids.add(id);
  });
}

function keyedId(who: Principal, key: string): string {
  return `k-${createHash('sha256').update(`${who.role}\n${who.sub}\n${key}`).digest('base64url').slice(0, 40)}`;
}

/** The same content in any order of members has the same digest. */
function digestOf(content: unknown): string {
  const sorted = JSON.stringify(content, (_, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(sorted).digest('base64url');
}
