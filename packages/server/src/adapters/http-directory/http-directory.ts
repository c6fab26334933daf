import { isId } from '@waycast/protocol';
import type { Directory, ExternalBooking } from '../../hub/directory/directory.ts';
import { Complaints } from './complaints.ts';
import { OutsideService } from './outside-service.ts';
import { readBookings, readRide } from './shapes.ts';

export interface HttpDirectoryParts {
  /** Addresses without `/api/v1`; undefined: the own registry knows. */
  readonly rideServiceUrl: string | undefined;
  readonly bookingServiceUrl: string | undefined;
  readonly warn: (message: string) => void;
  readonly info: (message: string) => void;
}

/** Rides and bookings of other services, asked over HTTP. */
export class HttpDirectory implements Directory {
  readonly ride: Directory['ride'];
  readonly bookings: Directory['bookings'];
  readonly #services: readonly OutsideService[];
  readonly #complaints: Complaints;

  constructor({ rideServiceUrl, bookingServiceUrl, warn, info }: HttpDirectoryParts) {
    const service = (name: string, base: string | undefined) =>
      base === undefined ? null : new OutsideService({ name, base, warn, info });
    const rides = service('ride service', rideServiceUrl);
    const bookings = service('booking service', bookingServiceUrl);
    this.#complaints = new Complaints(warn);
    this.#services = [rides, bookings].filter((one) => one !== null);
    this.ride =
      rides &&
      (async (rideId) =>
        isAskable(rideId) ? rides.get(`/api/v1/rides/${encodeURIComponent(rideId)}`, (body) => readRide(rideId, body)) : null);
    this.bookings =
      bookings &&
      (async (rideId) =>
        isAskable(rideId)
          ? bookings.get(`/api/v1/bookings?ride_id=${encodeURIComponent(rideId)}`, (body) => this.#usable(rideId, body))
          : null);
  }

  /** A booking that cannot be used keeps nobody else out [X8]. */
  #usable(rideId: string, body: unknown): readonly ExternalBooking[] {
    const { bookings, leftOut } = readBookings(rideId, body);
    for (const { index, id, field, message } of leftOut) {
      const which = id === null ? `#${index}` : `#${index} (${id})`;
      this.#complaints.make(`booking ${which} of ride ${rideId} is of no use and left out: ${field === '' ? 'it' : field}: ${message}`);
    }
    return bookings;
  }

  /** Lets go of every question on its way; twice is safe. */
  close(): void {
    for (const service of this.#services) service.close();
  }
}

/** `.` and `..` are ids, but as part of a path they would be another path, encoded or not. */
function isAskable(rideId: string): boolean {
  return isId(rideId) && rideId !== '.' && rideId !== '..';
}
