import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { type Actor, WaycastError } from '@waycast/protocol';
import type { Command } from '../core/commands.ts';
import { adoptEntry } from '../core/drive-trip.ts';
import type { ActiveTrip } from '../core/driver.ts';
import type { EventPublished, OutboxEntry } from '../core/effects.ts';
import type { TripHappened } from '../core/events.ts';
import { createdEvent, hasStarted, isOpenTrip, type Trip } from '../core/trip.ts';
import type { Engine } from './engine.ts';
import type { FoundTrips } from './found-trips.ts';
import type { Outgoing } from './outbox/outgoing.ts';
import { partitionOf } from './partition.ts';
import type { Bus, Clock, Log } from './ports.ts';
import type { Principal } from './principal.ts';
import type { Publisher } from './publisher.ts';
import type { Replies } from './replies.ts';
import type { Store, TripChange } from './storage-ports.ts';

/** A trip changes hands now and then while we look; this often we look again, and this long after, ms. */
export const ATTEMPTS = 200;
const ARRIVAL_MS = 10;
const SHOWN_ATTEMPTS = 30;

export interface TripChangesParts {
  readonly found: FoundTrips;
  readonly log: Log;
  readonly store: Store;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly engine: Engine;
  readonly publisher: Publisher;
  readonly replies: Replies;
  readonly outgoing: Outgoing;
}

/** Changes trips where they live, and looks again when one moves meanwhile [T7]. Who may has been settled. */
export class TripChanges {
  readonly #parts: TripChangesParts;

  constructor(parts: TripChangesParts) {
    this.#parts = parts;
  }

  /** Answers false when it is there already, or `soleSince` says that another one brings its order. */
  add(trip: Trip, by: Actor, soleSince?: number): Promise<boolean> {
    const outbox = adoption(trip, null, trip.createdAt, by);
    return this.#storeChange({ expected: 0, soleSince, trip, remove: false, events: [createdEvent(trip, by)], outbox });
  }

  /** Changes a trip where it lives, with its driver or in the store; looks again when it moved meanwhile. */
  async change(
    who: Principal,
    id: string,
    command: (driverId: string, reply: number) => Command,
    inStore: (copy: Trip) => TripHappened[],
  ): Promise<Trip> {
    for (let attempt = 1; ; attempt++) {
      const { trip, active } = await this.#parts.found.find(who, id);
      if (isOnItsWay(trip, active)) {
        await arrival(attempt);
        continue;
      }
      if (active !== null) {
        const driverId = trip.driverId as string;
        const answer = await settledUnlessMoved(this.#ask('trip', driverId, (reply) => command(driverId, reply)));
        if (answer) {
          if (answer.trip.driverId !== driverId) await this.#shown(answer.trip);
          return answer.trip;
        }
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

  /** [T6] */
  async remove(who: Principal, id: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const { trip, active } = await this.#parts.found.find(who, id);
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

  /** Whoever looks next should find the trip with its driver, by whichever process [P1]; it is not waited for long. */
  async #shown(trip: Trip): Promise<void> {
    if (trip.driverId === null) return;
    for (let attempt = 1; attempt <= SHOWN_ATTEMPTS; attempt++) {
      if ((await this.#parts.found.current(trip)).active !== null) return;
      // With a driver of this process it is within a turn of the event loop.
      await (attempt === 1 ? nextTurn() : sleep(ARRIVAL_MS));
    }
  }

  #ask<K extends 'trip' | 'done'>(kind: K, driverId: string, command: (reply: number) => Command) {
    return this.#parts.replies.ask(kind, (reply) => this.#parts.log.append(partitionOf(driverId), command(reply)));
  }
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
