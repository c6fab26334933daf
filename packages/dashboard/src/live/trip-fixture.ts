import type { StopView, TripStatus, TripView } from '@waycast/protocol';

/** A stop for tests. */
export function makeStop(id: string, more: Partial<StopView> = {}): StopView {
  return {
    id,
    type: 'pickup',
    lat: 52.5,
    lng: 13.4,
    partyId: null,
    bookingId: null,
    bookingStatus: null,
    name: null,
    approachRadius: 500,
    arriveRadius: 100,
    approachingAt: null,
    arrivedAt: null,
    departedAt: null,
    ...more,
  };
}

/** A trip for tests. */
export function makeTrip(id: string, status: TripStatus = 'EN_ROUTE', more: Partial<TripView> = {}): TripView {
  return {
    id,
    kind: 'ride',
    status,
    driverId: 'd1',
    driverName: null,
    stops: [makeStop('s1'), makeStop('s2', { type: 'dropoff' })],
    labels: [],
    orderId: null,
    revision: 1,
    distance: 0,
    duration: null,
    createdAt: '2026-01-01T00:00:00.000Z',
    startedAt: null,
    arrivedAt: null,
    completedAt: null,
    cancelledAt: null,
    expiresAt: null,
    ...more,
  };
}
