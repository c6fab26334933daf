import { endedAt, type Trip } from './trip.ts';

/** Who drove a trip from when to when, in capture times; epoch ms, inclusive. */
export interface TrackInterval {
  readonly driverId: string;
  readonly from: number;
  readonly to: number;
}

/** The stretches of which a trip's track is made, oldest first. A replayed trip begins with its first fix. */
export function trackIntervals(trip: Trip): TrackInterval[] {
  const begin = Math.min(trip.createdAt, trip.firstFixAt ?? trip.createdAt);
  const end = Math.max(endedAt(trip) ?? Number.MAX_SAFE_INTEGER, trip.lastFixAt ?? 0);
  return trip.assignments.map(({ driverId, from, to }, index) => ({
    driverId,
    from: index === 0 ? begin : from,
    to: index === trip.assignments.length - 1 ? end : (to ?? end),
  }));
}
