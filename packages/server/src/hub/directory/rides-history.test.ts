import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Trip } from '../../core/trip.ts';
import { found, hubsOverServices, LATER } from './testing/directory-hub.ts';
import { AIRPORT, booking, HOME, WORK } from './testing/outside-bodies.ts';

const { services, hubWith } = hubsOverServices();

describe('whatever happened outside before', () => {
  const place = fc.constantFrom(HOME, WORK, AIRPORT);
  const state = (status: fc.Arbitrary<string>) =>
    fc.record({
      driver: fc.constantFrom(null, 'd-1', 'd-2'),
      name: fc.constantFrom(null, 'Ada', 'Bob'),
      destination: fc.option(place),
      status,
      bookings: fc.uniqueArray(
        fc.record({
          id: fc.constantFrom('1', '2', '3'),
          passenger: fc.constantFrom('p-1', 'p-2'),
          status: fc.constantFrom('pending', 'approved', 'rejected', 'cancelled', 'completed', 'else'),
          pickup: place,
          dropoff: place,
        }),
        { selector: ({ id }) => id },
      ),
    });
  const open = state(fc.constantFrom('active', 'pending', '?'));
  const last = state(fc.constantFrom('active', 'completed', 'cancelled'));

  /** What is not the trip's own: its id, its progress, its past. */
  const shown = ({ kind, status, driverId, driverName, stops, labels }: Trip) => ({
    kind,
    status,
    driverId,
    driverName,
    labels,
    stops: stops.map(({ approachingAt: _, arrivedAt: __, departedAt: ___, ...stop }) => stop),
  });

  it('the trip is as if only the last of it had been mirrored [X3]', async () => {
    const { hub, clock, id } = await hubWith();
    let runs = 0;
    const mirror = async (
      rideId: string,
      { driver, name, destination, status, bookings }: typeof last extends fc.Arbitrary<infer S> ? S : never,
    ) => {
      const [destination_lat, destination_lng] = [destination?.lat ?? null, destination?.lng ?? null];
      await services().ride({ id: rideId, driver_id: driver, driver_name: name, destination_lat, destination_lng, status });
      await services().bookings(
        rideId,
        bookings.map((one) =>
          booking(rideId, one.id, {
            passenger_id: one.passenger,
            status: one.status,
            pickup_location: one.pickup,
            dropoff_location: one.dropoff,
          }),
        ),
      );
      clock.pass(LATER);
      return found(hub, rideId);
    };
    await fc.assert(
      fc.asyncProperty(fc.array(open, { maxLength: 5 }), last, async (before, end) => {
        const run = `${id}.${++runs}`;
        for (const one of before) await mirror(`${run}a`, one);
        expect(shown(await mirror(`${run}a`, end))).toEqual(shown(await mirror(`${run}b`, end)));
      }),
      { numRuns: 25 },
    );
  });
});
