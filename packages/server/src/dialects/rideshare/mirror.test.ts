import { describe, expect, it } from 'vitest';
import type { EventPublished, LocationPublished } from '../../core/effects.ts';
import { changeStatus, newTrip } from '../../core/trip.ts';
import { locationUpdate } from './locations.ts';
import { rideMirror } from './mirror.ts';

const NOW = Date.UTC(2026, 0, 5, 10);
const SFO = { lat: 37.6213, lng: -122.379 };
const FIX = { lat: 37.3352, lng: -121.8811, at: NOW - 1_000, speed: 60, bearing: 90, accuracy: 10, altitude: null };
const BY = { sub: 'd', role: 'driver', via: 'rideshare' };

const stops = [
  { type: 'pickup' as const, lat: 37.34, lng: -121.88, partyId: 'pia', bookingId: 'b1', bookingStatus: 'approved' as const },
  { type: 'dropoff' as const, ...SFO, partyId: 'pia', bookingId: 'b1', bookingStatus: 'approved' as const },
  { type: 'pickup' as const, lat: 37.35, lng: -121.88, partyId: 'paul', bookingId: 'b2', bookingStatus: 'rejected' as const },
];
const ride = newTrip('ride-1', { kind: 'ride', driverId: 'ada', stops }, 'digest', NOW);

function location(more: Partial<LocationPublished> = {}): LocationPublished {
  return { type: 'location', feed: 'trip:ride-1', epoch: 'e', seq: 1, driverId: 'ada', fix: FIX, plan: null, now: NOW, ...more };
}

describe('what other services read of a ride [P11]', () => {
  it('is its last location, its history and the update itself, as the contract has them', () => {
    const update = locationUpdate('ada', FIX, SFO, NOW);
    const { type: _, eta_seconds, distance_remaining_km, estimated_arrival_time, ...place } = update;
    const writes = rideMirror(location(), ride);
    expect(
      writes.map((one) => ('key' in one ? { ...one, value: JSON.parse(one.value) } : { ...one, message: JSON.parse(one.message) })),
    ).toEqual([
      {
        kind: 'set',
        key: 'location:ride:ride-1:driver',
        value: { ...place, accuracy: 10, eta_seconds, distance_remaining_km, estimated_arrival_time, user_id: 'ada' },
        ttl: 86_400,
      },
      { kind: 'push', key: 'location:ride:ride-1:history', value: { ...place, accuracy: 10, user_id: 'ada' }, keep: 50, ttl: 86_400 },
      { kind: 'publish', channel: 'ride:ride-1:location', message: update },
    ]);
    expect(place).toMatchObject({ driver_id: 'ada', lat: 37.3352, timestamp: '2026-01-05T09:59:59.000Z' });
  });

  it('is its status whenever that may have changed', () => {
    const trip = structuredClone(ride);
    const [event] = changeStatus(trip, 'EN_ROUTE', NOW, BY);
    const published: EventPublished = {
      type: 'event',
      feed: 'trip:ride-1',
      epoch: 'e',
      seq: 2,
      event: event as EventPublished['event'],
      trip,
    };
    const [write, ...others] = rideMirror(published, null);
    expect(others).toEqual([]);
    expect(write).toMatchObject({ kind: 'set', key: 'tracking:ride:ride-1:status', ttl: 86_400 });
    const told = (one: typeof write) => JSON.parse(one?.kind === 'set' ? one.value : '{}');
    expect(told(write)).toEqual({ is_active: true, started_at: '2026-01-05T10:00:00.000Z', driver_id: 'ada', passenger_ids: ['pia'] });
    const over = structuredClone(trip);
    changeStatus(over, 'CANCELLED', NOW, BY);
    expect(told(rideMirror({ ...published, trip: over }, null)[0])).toMatchObject({ is_active: false });
  });

  it('is nothing for drivers, deliveries, texts, and trips that are not known', () => {
    expect(rideMirror(location({ feed: 'driver:ada' }), ride)).toEqual([]);
    expect(rideMirror(location(), null)).toEqual([]);
    expect(rideMirror(location(), { ...ride, kind: 'delivery' })).toEqual([]);
    const text = { id: 'm', kind: 'message', tripId: 'ride-1', driverId: 'ada', text: 'hi', to: null, at: NOW, by: BY } as const;
    expect(rideMirror({ type: 'event', feed: 'trip:ride-1', epoch: 'e', seq: 3, event: text, trip: ride }, null)).toEqual([]);
  });
});
