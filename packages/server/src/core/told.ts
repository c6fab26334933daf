import type { TripKind, TripStatus } from '@waycast/protocol';
import type { TripHappened } from './events.ts';
import { leadsTo } from './lifecycle.ts';
import type { Trip } from './trip.ts';

/** What tells of stops, and where a stop says that it was told. */
const STOP_EVENTS = { approaching: 'approachingAt', arrived: 'arrivedAt', departed: 'departedAt' } as const;

/**
 * Whether somebody who has seen the trip like this knows of the event; null for a text, of which a trip shows nothing.
 */
export function isToldBy(trip: Trip, event: TripHappened): boolean | null {
  switch (event.kind) {
    case 'message':
      return null;
    case 'status':
      return isPast(trip.kind, trip.status, event.status);
    case 'assignment':
    case 'changed':
      return Number(event.id.slice(event.id.lastIndexOf('/') + 1)) <= trip.revision;
    default: {
      const stop = trip.stops.find(({ id }) => id === event.stopId);
      // It was taken away before, or has come since.
      if (stop === undefined) return event.at <= trip.updatedAt;
      return stop[STOP_EVENTS[event.kind]] !== null;
    }
  }
}

/** Whether a trip that is `now` has been through `status`, or cannot come there any more. */
function isPast(kind: TripKind, now: TripStatus, status: TripStatus): boolean {
  return now === status || !leadsTo(kind, now, status);
}

/** How often it was near, in or out of a stop. */
export function timesOf({ stops }: Trip): number {
  let times = 0;
  for (const { approachingAt, arrivedAt, departedAt } of stops) {
    for (const at of [approachingAt, arrivedAt, departedAt]) if (at !== null) times++;
  }
  return times;
}
