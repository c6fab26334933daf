import type { TripKind, TripStatus, TripView } from '@waycast/protocol';

export interface TripFilter {
  text: string;
  kind: TripKind | 'all';
  status: TripStatus | 'all';
}

export const NO_FILTER: TripFilter = { text: '', kind: 'all', status: 'all' };

export function isFiltering(filter: TripFilter): boolean {
  return filter.text.trim() !== '' || filter.kind !== 'all' || filter.status !== 'all';
}

/** The trips that fit, newest first. Every word of the text must occur somewhere in the trip. */
export function filterTrips(trips: Iterable<TripView>, filter: TripFilter): TripView[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const found: TripView[] = [];
  for (const trip of trips) {
    if (filter.kind !== 'all' && trip.kind !== filter.kind) continue;
    if (filter.status !== 'all' && trip.status !== filter.status) continue;
    if (words.length > 0 && !matches(trip, words)) continue;
    found.push(trip);
  }
  return found.sort((a, b) => (a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : a.id < b.id ? -1 : 1));
}

function matches(trip: TripView, words: string[]): boolean {
  const names = trip.stops.flatMap((stop) => [stop.name ?? '', stop.partyId ?? '', stop.bookingId ?? '']);
  const text = [trip.id, trip.driverId ?? '', trip.driverName ?? '', ...trip.labels, ...names].join('\n').toLowerCase();
  return words.every((word) => text.includes(word));
}
