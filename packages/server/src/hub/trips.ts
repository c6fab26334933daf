import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Actor, isId, parseMoment, type StatusInput, type TripInput, type TripPatch, WaycastError } from '@waycast/protocol';
import type { Command } from '../core/commands.ts';
import { adoptEntry } from '../core/drive-trip.ts';
import type { ActiveTrip, SeenDriver } from '../core/driver.ts';
import type { EventPublished, OutboxEntry } from '../core/effects.ts';
import type { Happened, TripHappened } from '../core/events.ts';
import type { Rules } from '../core/rules.ts';
import { type Stop, stopsFrom } from '../core/stops.ts';
import {
  assign,
  assignmentEvent,
  changeStatus,
  createdEvent,
  hasStarted,
  isOpenTrip,
  newTrip,
  patchTrip,
  type Trip,
} from '../core/trip.ts';
import { mayHear, mayReadTrip, mustCreate, mustManageTrips, mustMoveStatus, mustTellTime, tripsVisibleTo } from './access.ts';
import type { DriverStates } from './driver-states.ts';
import type { Engine } from './engine.ts';
import type { Ingest } from './ingest.ts';
import type { Outgoing } from './outbox/outgoing.ts';
import type { Page } from './page.ts';
import { partitionOf } from './partition.ts';
import { PlaceOfStatus } from './place-of-status.ts';
import type { Bus, Clock, Log, Records, Store, TripChange, TripFilter } from './ports.ts';
import type { Principal } from './principal.ts';
import type { Publisher } from './publisher.ts';
import type { Replies } from './replies.ts';

/** A trip changes hands now and then while we look; this often we look again, and this long after, ms. */
const ATTEMPTS = 200;
const ARRIVAL_MS = 10;
const SHOWN_ATTEMPTS = 30;

export interface TripsParts {
  readonly log: Log;
  readonly store: Store;
  readonly records: Records;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly engine: Engine;
  readonly states: DriverStates;
  readonly publisher: Publisher;
  readonly replies: Replies;
  readonly ingest: Ingest;
  readonly rules: Rules;
  readonly outgoing: Outgoing;
}

/** A trip as it stands, and its feed while somebody drives it. */
export interface FoundTrip {
  readonly trip: Trip;
  readonly active: ActiveTrip | null;
  readonly driver: SeenDriver | null;
}

/**
 * Trips as callers see them. One that is driven belongs to its driver's partition and changes only there; one
 * without a driver lives in the store and changes there by its revision [T7].
 */
export class Trips {
  readonly #parts: TripsParts;
  readonly #reading = new Map<string, Promise<Trip | undefined>>();

  constructor(parts: TripsParts) {
    this.#parts = parts;
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
    if (await this.#create(trip, actor(who, via))) return { trip, created: true };
    const existing = await this.#read(id);
    if (existing === undefined || existing.digest !== trip.digest || !mayReadTrip(who, existing)) {
      throw new WaycastError('trip_exists', `a trip ${id} with other content exists`, { field: '/id' });
    }
    return { trip: (await this.#current(existing)).trip, created: false };
  }

  /**
   * Creates the trip that delivers an order, unless an open one created after `since` (epoch ms) does so already: then
   * that one is answered. Who may has been settled.
   */
  async createForOrder(by: Actor, trip: Trip, since: number): Promise<{ trip: Trip; created: boolean }> {
    const orderId = trip.order?.id;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (await this.#create(trip, by, since)) return { trip, created: true };
      const { items } = await this.#parts.records.trips({ orderId, open: true, createdAfter: since }, 1, null);
      if (items[0] !== undefined) return { trip: (await this.#current(items[0])).trip, created: false };
    }
    throw new WaycastError('revision_conflict');
  }

  #create(trip: Trip, by: Actor, soleSince?: number): Promise<boolean> {
    const outbox = adoption(trip, null, trip.createdAt, by);
    return this.#storeChange({ expected: 0, soleSince, trip, remove: false, events: [createdEvent(trip, by)], outbox });
  }

  /** @throws WaycastError `not_found`, also when it is not for them [S6] */
  async find(who: Principal, id: string): Promise<FoundTrip> {
    const found = await this.look(id);
    if (found === null || !mayReadTrip(who, found.trip)) throw new WaycastError('not_found', 'no such trip');
    return found;
  }

  /** A trip as the server itself sees it, null when there is none: who may see it is settled by the caller. */
  async look(id: string): Promise<FoundTrip | null> {
    const stored = isId(id) ? await this.#read(id) : undefined;
    return stored === undefined ? null : this.#current(stored);
  }

  async list(who: Principal, filter: TripFilter, limit: number, cursor: string | null): Promise<Page<Trip>> {
    const visible = tripsVisibleTo(who);
    if (visible === null) return { items: [], cursor: null };
    if (visible.driverId !== undefined && filter.driverId !== undefined && filter.driverId !== visible.driverId)
      return { items: [], cursor: null };
    const page = await this.#parts.records.trips({ ...filter, ...visible }, limit, cursor);
    const items = await Promise.all(page.items.map(async (trip) => (await this.#current(trip)).trip));
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
    const moved = this.change(
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
    return this.change(
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
    for (let attempt = 1; ; attempt++) {
      const { trip, active } = await this.find(who, id);
      if (hasStarted(trip)) throw new WaycastError('trip_started', `the trip is ${trip.status}`);
      if (isOnItsWay(trip, active)) {
        await arrival(attempt);
        continue;
      }
      if (active === null) {
        if (await this.#storeChange({ expected: trip.revision, trip, remove: true, events: [], outbox: [] })) return;
      } else {
        const driverId = trip.driverId as string;
        const done = this.#ask('done', driverId, (reply) => ({
          kind: 'remove',
          driverId,
          receivedAt: this.#parts.clock.now(),
          reply,
          tripId: id,
        }));
        if (await settledUnlessMoved(done)) {
          this.#tellRemoved(id);
          return;
        }
      }
      if (attempt === ATTEMPTS) throw new WaycastError('revision_conflict');
    }
  }

  #tellRemoved(id: string): void {
    this.#parts.bus.publish({ type: 'removed', feed: `trip:${id}` });
  }

  /** Changes a trip where it lives, with its driver or in the store; looks again when it moved meanwhile. Who may has been settled. */
  async change(
    who: Principal,
    id: string,
    command: (driverId: string, reply: number) => Command,
    inStore: (copy: Trip) => TripHappened[],
  ): Promise<Trip> {
    for (let attempt = 1; ; attempt++) {
      const { trip, active } = await this.find(who, id);
      if (isOnItsWay(trip, active)) {
        await arrival(attempt);
        continue;
      }
      if (active !== null) {
        const driverId = trip.driverId as string;
        const answer = await settledUnlessMoved(this.#ask('trip', driverId, (reply) => command(driverId, reply)));
        if (answer) return answer.trip;
      } else {
        const copy = structuredClone(trip);
        const events = inStore(copy);
        if (copy.revision === trip.revision) return copy;
        const last = events.at(-1);
        const outbox = last?.kind === 'assignment' ? adoption(copy, last.previous, last.at, last.by) : [];
        if (await this.#storeChange({ expected: trip.revision, trip: copy, remove: false, events, outbox })) return copy;
      }
      if (attempt === ATTEMPTS) throw new WaycastError('revision_conflict');
    }
  }

  /** A change of a trip that nobody drives: stored, then sent on its way and shown. */
  async #storeChange(change: Omit<TripChange, 'messages'>): Promise<boolean> {
    const { store, engine, bus, publisher, outgoing } = this.#parts;
    const messages = change.events.flatMap((event) => outgoing.of(event, change.trip));
    const done = await withinTime(store.changeTrip({ ...change, messages }));
    if (!done) return false;
    if (messages.length > 0) outgoing.stored();
    const { trip } = change;
    if (change.remove) {
      this.#tellRemoved(trip.id);
      return true;
    }
    const at = { feed: `trip:${trip.id}`, epoch: `stored.${trip.revision}` };
    bus.publish({ type: 'snapshot', ...at, seq: 0, trip, driver: null, location: null, etas: [] });
    change.events.forEach((event, index) => {
      const published: EventPublished = { type: 'event', ...at, seq: index + 1, event, trip };
      publisher.publish(published);
    });
    // Only then: what its driver tells of it comes after this.
    engine.dispatch(change.outbox);
    await this.#shown(trip);
    return true;
  }

  /** Whoever looks next should find the trip with its driver, with whichever process that is; it is not waited for long. */
  async #shown(trip: Trip): Promise<void> {
    if (trip.driverId === null || this.#parts.engine.owns(partitionOf(trip.driverId))) return;
    for (let attempt = 1; attempt <= SHOWN_ATTEMPTS; attempt++) {
      if ((await this.#current(trip)).active !== null) return;
      await sleep(ARRIVAL_MS);
    }
  }

  #ask<K extends 'trip' | 'done'>(kind: K, driverId: string, command: (reply: number) => Command) {
    return this.#parts.replies.ask(kind, (reply) => this.#parts.log.append(partitionOf(driverId), command(reply)));
  }

  /** An open trip that is driven is newer in its driver than in the store. */
  async #current(stored: Trip): Promise<FoundTrip> {
    if (!isOpenTrip(stored) || stored.driverId === null) return { trip: stored, active: null, driver: null };
    const driver = await this.#parts.states.look(stored.driverId);
    const active = driver?.trips.find((one) => one.trip.id === stored.id);
    if (driver === undefined || active === undefined) return { trip: stored, active: null, driver: null };
    // What was just stored may be newer than what another process shows of its driver.
    return { trip: stored.revision > active.trip.revision ? stored : active.trip, active, driver };
  }

  /** Many may ask for one trip at once, after a cut of the network say: the store is asked once. */
  #read(id: string): Promise<Trip | undefined> {
    const reading = this.#reading.get(id);
    if (reading !== undefined) return reading;
    const read = this.#parts.records.trip(id).finally(() => this.#reading.delete(id));
    this.#reading.set(id, read);
    return read;
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

function adoption(trip: Trip, previous: string | null, at: number, by: Actor): OutboxEntry[] {
  return trip.driverId === null ? [] : [adoptEntry(trip, previous, at, by)];
}

/** False when the trip had gone to somebody else before the command came; any other refusal is the caller's. */
async function settledUnlessMoved<T>(answer: Promise<T>): Promise<T | false> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof WaycastError && error.code === 'revision_conflict') return false;
    throw error;
  }
}

/** Between two drivers, or ended a moment ago and not yet stored: whose it is must be settled before it changes [T7]. */
function isOnItsWay(trip: Trip, active: ActiveTrip | null): boolean {
  return active === null && trip.driverId !== null && isOpenTrip(trip);
}

/** A trip is on its way for a commit or two. */
async function arrival(attempt: number): Promise<void> {
  if (attempt >= ATTEMPTS)
    throw new WaycastError('storage_unavailable', 'the trip is between two drivers; repeat later', { retryAfter: 1 });
  await sleep(ARRIVAL_MS);
}

/** [A5] */
async function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new WaycastError('storage_unavailable', 'not stored in time; repeating is safe', { retryAfter: 5 })),
      5_000,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
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
