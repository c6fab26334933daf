import { describe, expect, it } from 'vitest';
import type { TripHappened } from '../../core/events.ts';
import { geofenceEvent } from './geofences.ts';

const AT = Date.UTC(2026, 0, 5, 10);

function at(more: object): TripHappened {
  return {
    id: 'r/b.p/approaching',
    kind: 'approaching',
    tripId: 'r',
    driverId: 'd',
    stopId: 'b.p',
    stopType: 'pickup',
    partyId: 'pia',
    bookingId: 'b',
    distance: 412.5,
    at: AT,
    ...more,
  } as TripHappened;
}

describe('what a passenger hears of a stop', () => {
  it.each([
    ['approaching', 'pickup', 'approaching_pickup', 'pickup'],
    ['arrived', 'pickup', 'arrived_pickup', 'pickup'],
    ['approaching', 'dropoff', 'approaching_destination', 'destination'],
    ['arrived', 'dropoff', 'arrived_destination', 'destination'],
  ])('%s at a %s is %s [R10]', (kind, stopType, event_type, location_type) => {
    expect(geofenceEvent(at({ kind, stopType }), 'pia')).toEqual({
      type: 'geofence_event',
      event_type,
      ride_id: 'r',
      location_type,
      distance_meters: 412.5,
      timestamp: '2026-01-05T10:00:00.000Z',
    });
  });

  it.each([
    ["another one's stop", at({ partyId: 'paul' })],
    ["nobody's stop", at({ partyId: null })],
    ['a waypoint', at({ stopType: 'waypoint' })],
    ['a departure', at({ kind: 'departed' })],
    [
      'a status',
      {
        id: 'r/status/COMPLETED',
        kind: 'status',
        tripId: 'r',
        driverId: 'd',
        status: 'COMPLETED',
        previous: 'IN_PROGRESS',
        at: AT,
        by: { sub: 'd', role: 'driver', via: 'rest' },
      } as const,
    ],
  ])('of %s is nothing [R10]', (_what, event) => {
    expect(geofenceEvent(event, 'pia')).toBeNull();
  });
});
