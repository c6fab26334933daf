import { type DriverStatus, WaycastError } from '@waycast/protocol';
import type { Happened } from '../core/events.ts';
import type { Stop } from '../core/stops.ts';
import { isParty, type Trip } from '../core/trip.ts';
import type { PersonFeed } from './people.ts';
import type { Principal } from './principal.ts';
import type { TripFilter } from './storage-ports.ts';

/** Who may do what [S2-S5]: the one place where it is written. */

/** Dispatchers, admins and services; their scopes narrow, where others' widen. */
function isStaff({ role }: Principal): boolean {
  return role === 'dispatcher' || role === 'admin' || role === 'service';
}

function isNarrowed({ trips, drivers, labels }: Principal): boolean {
  return trips !== undefined || drivers !== undefined || labels !== undefined;
}

/** Whether a trip is within what the scopes of a token name. */
function inScopes({ trips, drivers, labels }: Principal, trip: Trip): boolean {
  if (trips?.has(trip.id)) return true;
  if (drivers !== undefined && trip.driverId !== null && drivers.has(trip.driverId)) return true;
  return labels !== undefined && trip.labels.some((label) => labels.has(label));
}

export function mayReadTrip(who: Principal, trip: Trip): boolean {
  switch (who.role) {
    case 'dispatcher':
    case 'service':
      return !isNarrowed(who) || inScopes(who, trip);
    case 'admin':
      return true;
    case 'driver':
      return trip.driverId === who.sub;
    case 'passenger':
      return who.trips?.has(trip.id) === true || isParty(trip, who.sub);
    case 'merchant':
      return who.trips?.has(trip.id) === true || trip.labels.some((label) => who.labels?.has(label) === true);
  }
}

/** Whether a stop is for somebody who may see its trip: a passenger is told of its own, and of those that are nobody's [S3]. */
export function seesStop({ role, sub }: Principal, { partyId }: Pick<Stop, 'partyId'>): boolean {
  return role !== 'passenger' || partyId === null || partyId === sub;
}

export function seesAllOf(who: Principal, stops: readonly Pick<Stop, 'partyId'>[]): boolean {
  return who.role !== 'passenger' || stops.every((stop) => seesStop(who, stop));
}

/** A trip to be shown, with the stops that are for somebody; itself when all of them are. */
export function tripFor(who: Principal, trip: Trip): Trip {
  return seesAllOf(who, trip.stops) ? trip : { ...trip, stops: trip.stops.filter((stop) => seesStop(who, stop)) };
}

/** Which trips a list may show; null for nothing at all. */
export function tripsVisibleTo(who: Principal): TripFilter | null {
  const scopes = { ids: who.trips && [...who.trips], driverIds: who.drivers && [...who.drivers], labels: who.labels && [...who.labels] };
  switch (who.role) {
    case 'admin':
      return {};
    case 'dispatcher':
    case 'service':
      if (!isNarrowed(who)) return {};
      return (who.trips?.size ?? 0) + (who.drivers?.size ?? 0) + (who.labels?.size ?? 0) > 0 ? scopes : null;
    case 'driver':
      return { driverId: who.sub };
    case 'passenger':
      return { partyId: who.sub, ids: scopes.ids };
    case 'merchant':
      return (who.trips?.size ?? 0) + (who.labels?.size ?? 0) > 0 ? { ...scopes, driverIds: undefined } : null;
  }
}

/** Erases drivers [I10]. */
export function mustErase({ role }: Principal): void {
  if (role !== 'admin') throw new WaycastError('forbidden', 'only an admin erases drivers');
}

/** Creates, assigns and changes trips. */
export function mustManageTrips(who: Principal): void {
  if (!isStaff(who)) throw new WaycastError('forbidden', `a ${who.role} does not manage trips`);
}

/** New trips cannot be in anybody's scopes yet, unless by their labels or their driver. */
export function mustCreate(who: Principal, trip: Trip): void {
  mustManageTrips(who);
  if (who.role !== 'admin' && isNarrowed(who) && !inScopes(who, trip))
    throw new WaycastError('forbidden', 'the trip would be outside the scopes of this token');
}

/**
 * Who may write on a trip: its driver, its parties, staff. A passenger writes to the driver alone.
 * @throws WaycastError `forbidden`
 */
export function mustWriteMessage(who: Principal, trip: Trip, to: string | null): void {
  if (isStaff(who) || (who.role === 'driver' && trip.driverId === who.sub)) {
    if (to !== null && !isParty(trip, to))
      throw new WaycastError('bad_request', 'nobody of that id has a stop on this trip', { field: '/to' });
    return;
  }
  if (who.role !== 'passenger' || !isParty(trip, who.sub)) throw new WaycastError('forbidden', `a ${who.role} does not write on this trip`);
  if (to !== null) throw new WaycastError('forbidden', 'passengers write to the driver alone', { field: '/to' });
}

/** Whether an event is for somebody who may see its trip: of a stop as the stop is [S3], a text for those it was written to [H5]. */
export function mayHear(who: Principal, event: Happened): boolean {
  if ('partyId' in event) return seesStop(who, event);
  if (event.kind !== 'message' || isStaff(who) || who.role === 'driver') return true;
  if (who.role !== 'passenger') return false;
  return event.to === who.sub || event.by.sub === who.sub || (event.to === null && event.by.role !== 'passenger');
}

export function mustMoveStatus(who: Principal, trip: Trip): void {
  if (isStaff(who) || (who.role === 'driver' && trip.driverId === who.sub)) return;
  throw new WaycastError('forbidden', `a ${who.role} does not change the status of trips`);
}

/** [T5] */
export function mustTellTime(who: Principal): void {
  if (!isStaff(who))
    throw new WaycastError('forbidden', 'only service, dispatcher and admin say when something took effect', { field: '/at' });
}

/** Sends fixes, availability and profile of a driver. Somebody else's driver looks like an unknown one [S6]. */
export function mustWriteDriver(who: Principal, driverId: string): void {
  if (who.role === 'driver') {
    if (who.sub !== driverId) throw new WaycastError('not_found');
    return;
  }
  if (who.role !== 'service' && who.role !== 'admin') throw new WaycastError('forbidden', `a ${who.role} does not send positions`);
  if (who.role === 'service' && isNarrowed(who) && who.drivers?.has(driverId) !== true) throw new WaycastError('not_found');
}

export function mayReadDriver(who: Principal, driverId: string): boolean {
  switch (who.role) {
    case 'admin':
      return true;
    case 'dispatcher':
    case 'service':
      return !isNarrowed(who) || who.drivers?.has(driverId) === true;
    case 'driver':
      return who.sub === driverId;
    case 'passenger':
    case 'merchant':
      return who.drivers?.has(driverId) === true;
  }
}

/** Looks for drivers in these states, on trips of this label, around a place [N5]. */
export function mustSearchNearby(who: Principal, statuses: readonly DriverStatus[], label: string | null): void {
  if (isStaff(who)) return;
  if (who.role === 'driver') throw new WaycastError('forbidden', 'a driver does not look for other drivers');
  if (statuses.some((status) => status !== 'ONLINE'))
    throw new WaycastError('forbidden', `a ${who.role} finds available drivers only`, { field: '/query/status' });
  if (label !== null && !(who.role === 'merchant' && who.labels?.has(label)))
    throw new WaycastError('forbidden', 'not a label of yours', { field: '/query/label' });
}

/** Whether such a search may show a driver. */
export function mayFind(who: Principal, driverId: string, stale: boolean): boolean {
  return isStaff(who) ? mayReadDriver(who, driverId) : !stale;
}

/**
 * Whose history a search for who passed looks through, of those asked for; null for everybody's [Q5].
 * @throws WaycastError `forbidden`
 */
export function searchableDrivers(who: Principal, wanted: readonly string[] | null): readonly string[] | null {
  if (!isStaff(who)) throw new WaycastError('forbidden', `a ${who.role} does not search history`);
  if (who.role === 'admin' || !isNarrowed(who)) return wanted;
  return wanted === null ? [...(who.drivers ?? [])] : wanted.filter((driver) => mayReadDriver(who, driver));
}

/** [W12] */
export function mustManageWebhooks(who: Principal): void {
  if (who.role !== 'admin') throw new WaycastError('forbidden', `a ${who.role} does not manage webhooks`);
}

/** Webhooks tell of everything: who sees only part of it does not look. */
export function mustReadWebhooks(who: Principal): void {
  if (who.role !== 'admin' && (who.role !== 'dispatcher' || isNarrowed(who)))
    throw new WaycastError('forbidden', `a ${who.role} does not see webhooks`);
}

/** Whether somebody may follow all trips of a party, of a driver's jobs, or of a label [O8]. */
export function mayFollowPerson(who: Principal, kind: PersonFeed, id: string): boolean {
  if (kind === 'jobs') return mayReadDriver(who, id);
  if (who.role === 'admin' || (isStaff(who) && !isNarrowed(who))) return true;
  if (kind === 'party') return who.role === 'passenger' && who.sub === id;
  return (isStaff(who) || who.role === 'merchant') && who.labels?.has(id) === true;
}

/** [S5] */
export function mustFollowFleet(who: Principal): void {
  if (!isStaff(who) || (who.role !== 'admin' && isNarrowed(who))) throw new WaycastError('not_found');
}
