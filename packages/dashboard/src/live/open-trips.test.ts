import type { TrackingEvent, TripStatus } from '@waycast/protocol';
import { describe, expect, it } from 'vitest';
import { beginReading, endReading, NO_TRIPS, type OpenTrips, withPage, withTripEvent } from './open-trips.ts';
import { makeTrip } from './trip-fixture.ts';

function status(tripId: string, to: TripStatus): TrackingEvent {
  const by = { sub: 'ops', role: 'admin', via: 'rest' };
  return {
    id: `${tripId}/status/${to}`,
    kind: 'status',
    at: '2026-01-01T00:05:00.000Z',
    tripId,
    driverId: 'd1',
    status: to,
    previous: null,
    by,
  };
}

function read(...ids: string[]): OpenTrips {
  return endReading(
    withPage(
      beginReading(NO_TRIPS),
      ids.map((id) => makeTrip(id)),
    ),
    new Set(ids),
  );
}

function ids(state: OpenTrips): string[] {
  return [...state.trips.keys()].sort();
}

describe('the list of open trips', () => {
  it('is read page by page', () => {
    const one = withPage(beginReading(NO_TRIPS), [makeTrip('a')]);
    expect(one.phase).toBe('loading');
    const all = endReading(withPage(one, [makeTrip('b')]), new Set(['a', 'b']));
    expect(all.phase).toBe('ready');
    expect(ids(all)).toEqual(['a', 'b']);
  });

  it('takes new trips, changes known ones, drops those that end', () => {
    const added = withTripEvent(read('a'), status('b', 'PENDING'), makeTrip('b', 'PENDING'));
    expect(ids(added)).toEqual(['a', 'b']);
    const changed = withTripEvent(added, status('b', 'EN_ROUTE'), undefined);
    expect(changed.trips.get('b')?.status).toBe('EN_ROUTE');
    expect(ids(withTripEvent(changed, status('b', 'CANCELLED'), undefined))).toEqual(['a']);
  });

  it('does not go back to an older revision', () => {
    const newer = withTripEvent(read('a'), status('a', 'ARRIVED'), makeTrip('a', 'ARRIVED', { revision: 5 }));
    const late = withTripEvent(newer, status('a', 'EN_ROUTE'), makeTrip('a', 'EN_ROUTE', { revision: 4 }));
    expect(late.trips.get('a')?.status).toBe('ARRIVED');
  });

  it('does not bring back from a page what ended while it was read', () => {
    const reading = withTripEvent(beginReading(read('a')), status('a', 'COMPLETED'), makeTrip('a', 'COMPLETED'));
    expect(ids(endReading(withPage(reading, [makeTrip('a')]), new Set(['a'])))).toEqual([]);
  });

  it('keeps what came while it was read, and drops what ended unseen', () => {
    const reading = withTripEvent(beginReading(read('a', 'b')), status('c', 'PENDING'), makeTrip('c', 'PENDING'));
    expect(ids(endReading(withPage(reading, [makeTrip('a')]), new Set(['a'])))).toEqual(['a', 'c']);
  });

  it('marks stops by events that come without the trip', () => {
    const event: TrackingEvent = {
      id: 'a/s1/arrived',
      kind: 'arrived',
      at: '2026-01-01T00:06:00.000Z',
      tripId: 'a',
      driverId: 'd1',
      stopId: 's1',
      stopType: 'pickup',
      partyId: null,
      bookingId: null,
      distance: 80,
    };
    expect(withTripEvent(read('a'), event, undefined).trips.get('a')?.stops[0]?.arrivedAt).toBe('2026-01-01T00:06:00.000Z');
  });
});
