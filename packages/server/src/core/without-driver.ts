import type { Actor } from '@waycast/protocol';
import type { Happened } from './events.ts';
import { isOpenTrip, type Trip } from './trip.ts';

/** What stands where the erased driver, or a word of its own, stood and something has to. */
export const ERASED = 'erased';

/**
 * A trip as it is kept once a driver of it is erased [I12]: who drove is left out up to `until`, epoch ms, with its name and
 * its last place. null when nothing of the driver is in it; 'held' when somebody drives it now, in whose memory it is.
 */
export function tripWithout(trip: Trip, driverId: string, until: number): Trip | 'held' | null {
  const isOf = (one: Trip['assignments'][number]): boolean => one.driverId === driverId && one.from <= until;
  if (!trip.assignments.some(isOf)) return null;
  if (isOpenTrip(trip) && trip.driverId !== null) return 'held';
  const assignments = trip.assignments.filter((one) => !isOf(one));
  const isLast = trip.driverId === driverId && !assignments.some((one) => one.driverId === driverId);
  // Whose name it is does not show: it may be that of the one before.
  const who = isLast ? { driverId: null, lastPoint: null } : {};
  return { ...trip, ...who, driverName: null, assignments, revision: trip.revision + 1 };
}

/**
 * An event as it is kept once a driver is erased [I12]; 'gone' when it was the driver's alone, null when nothing of the driver
 * is in it. What a driver has written is its own.
 */
export function eventWithout(event: Happened, driverId: string): Happened | 'gone' | null {
  if (!('tripId' in event)) return event.driverId === driverId ? 'gone' : null;
  const isNamed = event.driverId === driverId;
  const wasNamed = event.kind === 'assignment' && event.previous === driverId;
  const wasAsked = event.kind === 'message' && event.to === driverId;
  const isBy = 'by' in event && event.by.sub === driverId;
  if (!isNamed && !wasNamed && !wasAsked && !isBy) return null;
  return {
    ...event,
    ...(isNamed && { driverId: null }),
    ...(wasNamed && { previous: null }),
    ...(wasAsked && { to: null }),
    ...(isBy && { by: nobody(event.by) }),
    ...(isBy && event.kind === 'message' && { text: ERASED }),
  } as Happened;
}

/** Whether a document names somebody otherwise than as the party of a stop: who rides on one trip may drive another. */
export function names(value: unknown, id: string): boolean {
  if (typeof value !== 'object' || value === null) return value === id;
  if (Array.isArray(value)) return value.some((one) => names(one, id));
  return Object.entries(value).some(([member, one]) => !PARTY.has(member) && names(one, id));
}

const PARTY = new Set(['partyId', 'user_id', 'to']);

function nobody({ role, via }: Actor): Actor {
  return { sub: ERASED, role, via };
}
