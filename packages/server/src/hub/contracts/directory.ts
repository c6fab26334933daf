import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Directory, ExternalBooking, ExternalRide } from '../directory/directory.ts';

/** A directory, and a hand on the services behind it. */
export interface DirectoryPlace {
  readonly directory: Directory;
  tellRide(ride: ExternalRide): Promise<void>;
  tellBookings(rideId: string, bookings: readonly ExternalBooking[]): Promise<void>;
  /** How many questions the services got. */
  questions(): number;
  /** From now on the services cannot be asked. */
  cut(): Promise<void>;
  close(): Promise<void>;
}

const HERE = { lat: 37.3352, lng: -121.8811 };
const THERE = { lat: 37.6213, lng: -122.379 };

function rideOf(id: string, more: Partial<ExternalRide> = {}): ExternalRide {
  return { id, driverId: 'driver-1', driverName: 'Ada', destination: THERE, status: 'active', ...more };
}

function bookingOf(id: string, rideId: string, more: Partial<ExternalBooking> = {}): ExternalBooking {
  return { id, rideId, passengerId: `p-${id}`, status: 'approved', pickup: HERE, dropoff: THERE, ...more };
}

export function directoryContract(name: string, make: () => Promise<DirectoryPlace>): void {
  describe(`${name} is a directory`, () => {
    let place: DirectoryPlace;
    beforeAll(async () => {
      place = await make();
    });
    afterAll(() => place.close());
    const ride = (id: string) => (place.directory.ride as NonNullable<Directory['ride']>)(id);
    const bookings = (id: string) => (place.directory.bookings as NonNullable<Directory['bookings']>)(id);

    it('tells a ride whole, and what is not known of it [X1]', async () => {
      const unknown = rideOf('r-2', { driverId: null, driverName: null, destination: null, status: 'In words of its own' });
      await place.tellRide(rideOf('r-1'));
      await place.tellRide(unknown);
      expect(await ride('r-1')).toEqual(rideOf('r-1'));
      expect(await ride('r-2')).toEqual(unknown);
    });

    it('tells that there is no such ride [X2]', async () => {
      expect(await ride('r-nobody-knows')).toBeNull();
    });

    it('tells the bookings of a ride, in their order, and of no other', async () => {
      const all = [bookingOf('b-2', 'r-1'), bookingOf('b-1', 'r-1', { status: 'pending', passengerId: 'p:1' })];
      await place.tellBookings('r-1', all);
      await place.tellBookings('r-2', [bookingOf('b-3', 'r-2')]);
      expect(await bookings('r-1')).toEqual(all);
      expect((await bookings('r-without')) ?? []).toEqual([]);
    });

    it('asks anew every time', async () => {
      await place.tellRide(rideOf('r-3'));
      expect(await ride('r-3')).toMatchObject({ status: 'active' });
      await place.tellRide(rideOf('r-3', { status: 'completed', driverId: 'driver-2' }));
      expect(await ride('r-3')).toMatchObject({ status: 'completed', driverId: 'driver-2' });
    });

    it.each(['a.b:c_D-9', '...', 'x'.repeat(64), ':', '-', '9'])('takes any id there can be: %s', async (id) => {
      await place.tellRide(rideOf(id));
      await place.tellBookings(id, [bookingOf('b', id)]);
      expect((await ride(id))?.id).toBe(id);
      expect((await bookings(id))?.[0]?.rideId).toBe(id);
    });

    it.each(['', '.', '..', 'a/b', 'a?b', '../bookings', 'a b', 'x'.repeat(65), 'é'])('asks nobody about %j, which is none', async (id) => {
      const before = place.questions();
      expect(await ride(id)).toBeNull();
      expect(await bookings(id)).toBeNull();
      expect(place.questions()).toBe(before);
    });

    it('says that it cannot be asked, and when to come again; for rides and for bookings [X7]', async () => {
      await place.cut();
      const refused = { code: 'directory_unavailable', retryAfter: expect.any(Number) };
      await expect(ride('r-1')).rejects.toMatchObject(refused);
      await expect(bookings('r-1')).rejects.toMatchObject(refused);
    });
  });
}
