import { isWanted, type Stop } from '../../core/stops.ts';
import { isOpenTrip, isParty, type Trip } from '../../core/trip.ts';

/** Whether the ride is this driver's. */
export function isDriver(trip: Trip, userId: string): boolean {
  return trip.driverId === userId;
}

/** Whether somebody has a booking on the ride that holds: approved, completed, or never asked for [R2]. */
export function isPassenger(trip: Trip, userId: string): boolean {
  return isParty(trip, userId);
}

/** Whether the ride has ended. */
export function isOver(trip: Trip): boolean {
  return !isOpenTrip(trip);
}

/** Where the ride goes: its last drop-off, of those whose booking holds. */
export function destinationOf(trip: Trip): Pick<Stop, 'lat' | 'lng'> | null {
  return trip.stops.findLast((stop) => stop.type === 'dropoff' && isWanted(stop)) ?? null;
}
