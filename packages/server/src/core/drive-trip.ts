import type { Actor } from '@waycast/protocol';
import { WaycastError } from '@waycast/protocol/errors';
import type { AdoptCommand, MessageCommand, PatchCommand, ReleaseCommand, RemoveCommand, StatusCommand } from './commands.ts';
import { type ActiveTrip, activeTrip, type Driver } from './driver.ts';
import type { Effects, OutboxEntry } from './effects.ts';
import { planOf } from './eta.ts';
import type { TripHappened } from './events.ts';
import type { Rules } from './rules.ts';
import { assign, assignmentEvent, changeStatus, hasStarted, isOpenTrip, messageEvent, patchTrip, type Trip } from './trip.ts';

/** The trip as the store has it becomes this driver's; one it drives already is nothing new [T7]. */
export function adopt(driver: Driver, command: AdoptCommand, effects: Effects): void {
  effects.outboxDone.push(command.entry);
  effects.changed.add(driver);
  if (driver.trips.some((active) => active.trip.id === command.trip.id)) return;
  const active = activeTrip(driver, command.trip, command.receivedAt);
  driver.trips = [...driver.trips, active];
  tripHappened(driver, active, [assignmentEvent(active.trip, command.previous, command.at, command.by)], effects);
}

/** The entry that brings a trip to its driver; its id makes a repeat recognisable [T7]. */
export function adoptEntry(trip: Trip, previous: string | null, at: number, by: Actor): OutboxEntry {
  return { id: `${trip.id}/adopt/${trip.revision}`, kind: 'adopt', trip, previous, by, at };
}

/** Gives a trip up, to another driver by an outbox entry, or to nobody [T7]. */
export function release(driver: Driver, command: ReleaseCommand, effects: Effects): void {
  const active = activeOf(driver, command.tripId);
  const { trip } = active;
  const { to, by, at } = command;
  const events = Object.keys(command.patch).length > 0 ? patchTrip(trip, command.patch, at, by) : [];
  assign(trip, to, at);
  letGo(driver, active);
  // The last messages of this life of the feed; the new driver's adoption begins another one.
  tripHappened(driver, active, [...events, assignmentEvent(trip, driver.id, at, by)], effects);
  const copy = structuredClone(trip);
  if (to !== null) effects.outbox.push(adoptEntry(copy, driver.id, at, by));
  effects.answers.push({ reply: command.reply, kind: 'trip', trip: copy });
}

export function changeTripStatus(driver: Driver, command: StatusCommand, rules: Rules, effects: Effects): void {
  const active = activeOf(driver, command.tripId);
  const events = changeStatus(active.trip, command.status, command.at, command.by, rules.deliveriesMayJump);
  if (events.length > 0) tripHappened(driver, active, events, effects);
  if (!isOpenTrip(active.trip)) letGo(driver, active);
  effects.answers.push({ reply: command.reply, kind: 'trip', trip: structuredClone(active.trip) });
}

/** Time has passed: trips whose time is up end [T10]. */
export function expireTrips(driver: Driver, now: number, effects: Effects): void {
  for (const active of driver.trips) {
    const { expiresAt } = active.trip;
    if (expiresAt === null || now < expiresAt) continue;
    tripHappened(driver, active, changeStatus(active.trip, 'CANCELLED', now, TIME), effects);
    letGo(driver, active);
  }
}

const TIME: Actor = { sub: 'waycast', role: 'service', via: 'expiry' };

export function patchActiveTrip(driver: Driver, command: PatchCommand, effects: Effects): void {
  const active = activeOf(driver, command.tripId);
  tripHappened(driver, active, patchTrip(active.trip, command.patch, command.at, command.by), effects);
  effects.answers.push({ reply: command.reply, kind: 'trip', trip: structuredClone(active.trip) });
}

export function writeOnTrip(driver: Driver, command: MessageCommand, effects: Effects): void {
  const active = activeOf(driver, command.tripId);
  const { message: id, text, to, at, by } = command;
  tripHappened(driver, active, [messageEvent(active.trip, { id, text, to, at, by })], effects);
  effects.answers.push({ reply: command.reply, kind: 'trip', trip: structuredClone(active.trip) });
}

/** [T6] */
export function removeTrip(driver: Driver, command: RemoveCommand, effects: Effects): void {
  const active = activeOf(driver, command.tripId);
  if (hasStarted(active.trip)) throw new WaycastError('trip_started');
  letGo(driver, active);
  effects.removedTrips.push(command.tripId);
  effects.changed.add(driver);
  effects.answers.push({ reply: command.reply, kind: 'done' });
}

/** Events of a trip are stored with it, published on its feed, and make the driver's state worth keeping. */
export function tripHappened(driver: Driver, active: ActiveTrip, events: readonly TripHappened[], effects: Effects): void {
  const trip = structuredClone(active.trip);
  active.plan = planOf(trip.kind, trip.stops);
  for (const event of events) {
    effects.events.push(event);
    effects.published.push({ type: 'event', feed: active.feed, epoch: active.epoch, seq: ++active.seq, event, trip });
  }
  effects.trips.add(active.trip);
  effects.changed.add(driver);
}

function activeOf(driver: Driver, tripId: string): ActiveTrip {
  const active = driver.trips.find((one) => one.trip.id === tripId);
  if (active === undefined) throw new WaycastError('revision_conflict', `${driver.id} does not drive this trip any more`);
  return active;
}

function letGo(driver: Driver, active: ActiveTrip): void {
  driver.trips = driver.trips.filter((one) => one !== active);
}
