import { BOOKING_STATUSES, type StopInput } from '@waycast/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newTrip, patchTrip, type Trip } from '../../core/trip.ts';
import type { ExternalBooking, ExternalRide } from './directory.ts';
import { endOf, mirrorPatch, newMirror, type Outside } from './mirror.ts';

const BY = { sub: 'directory', role: 'service', via: 'directory' } as const;
const place = fc.record({ lat: fc.double({ min: -90, max: 90, noNaN: true }), lng: fc.double({ min: -180, max: 180, noNaN: true }) });
const id = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/);
/** Ids that the mirror itself gives out, too. */
const stopId = fc.oneof(id, fc.constantFrom('destination', 'b.1.p', 'b.1.d', 'b.2.p'));
const party = fc.constantFrom('p-1', 'p-2', undefined);

const ownStops: fc.Arbitrary<StopInput[]> = fc.uniqueArray(
  fc
    .record({
      id: stopId,
      type: fc.constantFrom('pickup' as const, 'dropoff' as const, 'waypoint' as const),
      place,
      partyId: party,
      bookingId: fc.option(fc.constantFrom('1', 'own'), { nil: undefined }),
      bookingStatus: fc.option(fc.constantFrom(...BOOKING_STATUSES), { nil: undefined }),
    })
    .map(({ place: at, partyId, bookingId, bookingStatus, ...stop }) => ({
      ...stop,
      ...at,
      ...(partyId !== undefined && { partyId }),
      ...(bookingId !== undefined && { bookingId }),
      ...(bookingStatus !== undefined && { bookingStatus }),
    })),
  { selector: (stop) => stop.id, maxLength: 6 },
);
const ride: fc.Arbitrary<ExternalRide> = fc.record({
  id: fc.constant('r'),
  driverId: fc.constantFrom(null, 'd'),
  driverName: fc.constantFrom(null, 'Ada'),
  destination: fc.option(place),
  status: fc.string(),
});
const bookings: fc.Arbitrary<ExternalBooking[]> = fc.uniqueArray(
  fc.record({
    id: fc.oneof(id, fc.constantFrom('1', '2')),
    rideId: fc.constant('r'),
    passengerId: id,
    status: fc.oneof(fc.string(), fc.constantFrom(...BOOKING_STATUSES)),
    pickup: place,
    dropoff: place,
  }),
  { selector: (booking) => booking.id, maxLength: 6 },
);
const outside: fc.Arbitrary<Outside> = fc.record({
  ride: fc.option(ride, { nil: undefined }),
  bookings: fc.option(bookings, { nil: undefined }),
});

function tripWith(stops: StopInput[]): Trip {
  return newTrip('r', { kind: 'ride', stops }, 'digest', 0, null);
}

describe('a mirrored trip', () => {
  it('says what the services say after one patch: a second one has nothing to do [X1, X3]', () => {
    fc.assert(
      fc.property(ownStops, outside, (stops, said) => {
        const trip = tripWith(stops);
        const { driverId, ...changes } = mirrorPatch(trip, said) ?? {};
        if (Object.keys(changes).length > 0) patchTrip(trip, changes, 1, BY);
        if (driverId !== undefined) trip.driverId = driverId;
        expect(mirrorPatch(trip, said)).toBeNull();
        expect(new Set(trip.stops.map((stop) => stop.id)).size).toBe(trip.stops.length);
        for (const stop of trip.stops) expect(stop.id).toMatch(/^[A-Za-z0-9_.:-]{1,64}$/);
      }),
    );
  });

  it('made new is the one it would become [X3]', () => {
    fc.assert(
      fc.property(ride, bookings, (one, all) => {
        const trip = newTrip('r', newMirror(one, all), 'digest', 0, null);
        expect(mirrorPatch(trip, { ride: one, bookings: all })).toBeNull();
      }),
    );
  });

  it('has two stops of each booking, and keeps what carries none [X3]', () => {
    fc.assert(
      fc.property(ownStops, bookings, (stops, all) => {
        const trip = tripWith(stops);
        const after = mirrorPatch(trip, { ride: undefined, bookings: all })?.stops ?? stops;
        for (const { id: bookingId } of all)
          expect(after.filter((stop) => stop.bookingId === bookingId).map(({ type }) => type)).toEqual(['pickup', 'dropoff']);
        const taken = new Set(after.slice(0, all.length * 2).map((stop) => stop.id));
        const own = stops.filter((stop) => stop.bookingId === undefined && !taken.has(stop.id as string));
        expect(after.slice(all.length * 2).map((stop) => stop.id)).toEqual(own.map((stop) => stop.id));
      }),
    );
  });
});

describe('the end of a ride', () => {
  it.each([
    [' Completed ', 'COMPLETED'],
    ['FINISHED', 'COMPLETED'],
    ['cancelled', 'CANCELLED'],
    ['Canceled', 'CANCELLED'],
    ['in_progress', null],
    ['', null],
    ['toString', null],
  ])('%j is %s [X5]', (status, end) => {
    expect(endOf(status)).toBe(end);
  });
});
