import { isId } from '@waycast/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBookings } from './shapes.ts';

const place = fc.record({ lat: fc.double({ min: -90, max: 90, noNaN: true }), lng: fc.double({ min: -180, max: 180, noNaN: true }) });
const id = fc.oneof(fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/), fc.integer({ min: 0 }));
const good = fc.record({
  id,
  ride_id: fc.constantFrom('7', 7),
  passenger_id: id,
  status: fc.constant('approved'),
  pickup_location: place,
  dropoff_location: place.map(({ lat, lng }) => ({ lat: String(lat), lng: String(lng) })),
});
const odd = fc.oneof(
  fc.jsonValue(),
  fc
    .tuple(good, fc.constantFrom('id', 'ride_id', 'passenger_id', 'pickup_location', 'dropoff_location'), fc.jsonValue())
    .map(([booking, member, value]) => ({ ...booking, [member]: value })),
);

describe('a list of bookings', () => {
  it('loses none that is good to one that is not, and each that is sent counts or is told of [X8]', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            good.map((sent) => ({ sent, isGood: true })),
            odd.map((sent) => ({ sent, isGood: false })),
          ),
          { maxLength: 20 },
        ),
        (all) => {
          const { bookings, leftOut } = readBookings('7', JSON.parse(JSON.stringify(all.map(({ sent }) => sent))));
          expect(bookings.length + leftOut.length).toBe(all.length);
          expect(new Set(bookings.map((booking) => booking.id)).size).toBe(bookings.length);
          for (const { index, field } of leftOut) if (all[index]?.isGood) expect(field, 'another one has its id').toBe('/id');
          for (const { id: bookingId, rideId, passengerId, pickup, dropoff } of bookings) {
            expect([isId(bookingId), rideId, isId(passengerId)]).toEqual([true, '7', true]);
            for (const { lat, lng } of [pickup, dropoff]) {
              expect(Math.abs(lat)).toBeLessThanOrEqual(90);
              expect(Math.abs(lng)).toBeLessThanOrEqual(180);
            }
          }
        },
      ),
    );
  });
});
