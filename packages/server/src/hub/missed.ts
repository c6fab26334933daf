import { setTimeout as sleep } from 'node:timers/promises';
import type { Published } from '../core/effects.ts';
import { planOf } from '../core/eta.ts';
import type { Happened, TripHappened } from '../core/events.ts';
import { isToldBy, timesOf } from '../core/told.ts';
import { isOpenTrip, type Trip } from '../core/trip.ts';
import type { Snapshot } from './delivery.ts';

/** The store may be a moment behind what was told: so long it is waited for, each time, ms. */
const PATIENCE_MS = [0, 50, 200, 750, 2_000];

/** What of a feed was told so far. */
export interface Told {
  /** As last told of; null when nothing was. */
  readonly trip: Trip | null;
  /** Ids of the last texts. */
  readonly texts: ReadonlySet<string>;
  /** Texts up to then were told, or were not for those who are here, epoch ms. */
  readonly since: number;
  /** When the last position was captured, epoch ms; 0 for none. */
  readonly fixAt: number;
}

/**
 * What messages that got lost had to say, up to where `snapshot` stands, for those who live by messages alone: every event
 * of the trip, then the newest position. `events`: of the trip, as stored, oldest first.
 */
export async function missedSince(
  told: Told,
  snapshot: Snapshot,
  events: (tripId: string) => Promise<readonly Happened[]>,
  now: number,
): Promise<readonly Published[]> {
  const { feed, epoch, seq, trip, driver, location } = snapshot;
  if (trip === null || told.trip === null) return [];
  const missed: Published[] = (await missedEvents(told, told.trip, trip, events)).map((event) => ({
    type: 'event',
    feed,
    epoch,
    seq,
    event,
    trip,
  }));
  if (driver !== null && location !== null && location.at > told.fixAt && isOpenTrip(trip)) {
    missed.push({ type: 'location', feed, epoch, seq, driverId: driver.id, fix: location, plan: planOf(trip.kind, trip.stops), now });
  }
  return missed;
}

async function missedEvents(
  told: Told,
  before: Trip,
  after: Trip,
  stored: (tripId: string) => Promise<readonly Happened[]>,
): Promise<readonly TripHappened[]> {
  let missed: TripHappened[] = [];
  for (const patience of PATIENCE_MS) {
    if (patience > 0) await sleep(patience);
    missed = (await stored(after.id)).filter((event): event is TripHappened => 'tripId' in event && isMissed(told, before, event));
    if (explains(missed, before, after)) break;
  }
  return missed;
}

function isMissed({ texts, since }: Told, before: Trip, event: TripHappened): boolean {
  return !(isToldBy(before, event) ?? (event.at <= since || texts.has(event.id)));
}

/** Whether a trip can have come by these events from the one to the other. */
function explains(events: readonly TripHappened[], before: Trip, after: Trip): boolean {
  const count = (...kinds: readonly TripHappened['kind'][]) => events.filter(({ kind }) => kinds.includes(kind)).length;
  if (after.status !== before.status && !events.some((event) => event.kind === 'status' && event.status === after.status)) return false;
  if (after.driverId !== before.driverId && count('assignment') === 0) return false;
  // With other stops the times of those that are gone are gone as well.
  return count('changed') > 0 || count('approaching', 'arrived', 'departed') >= timesOf(after) - timesOf(before);
}
