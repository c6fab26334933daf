/** Degrees, WGS 84. */
export interface ExternalPlace {
  readonly lat: number;
  readonly lng: number;
}

/** A ride as another service has it. Its ids are valid ids; its status is in that service's own words. */
export interface ExternalRide {
  readonly id: string;
  readonly driverId: string | null;
  readonly driverName: string | null;
  readonly destination: ExternalPlace | null;
  readonly status: string;
}

/** A passenger's booking on a ride, as another service has it. */
export interface ExternalBooking {
  readonly id: string;
  readonly rideId: string;
  readonly passengerId: string;
  readonly status: string;
  readonly pickup: ExternalPlace;
  readonly dropoff: ExternalPlace;
}

/**
 * Rides and bookings that live in services outside. A member is null where no service is set: then the own registry
 * knows. Every question is asked anew: what is remembered, and for how long, is `Rides`' business.
 */
export interface Directory {
  /**
   * null: the service knows no such ride.
   * @throws WaycastError `directory_unavailable`, with `retryAfter`, when the service cannot be asked or makes no sense
   */
  readonly ride: ((rideId: string) => Promise<ExternalRide | null>) | null;
  /**
   * No two of one id, at most 200, without those that cannot be used; null: the service knows no such ride.
   * @throws WaycastError as `ride` does
   */
  readonly bookings: ((rideId: string) => Promise<readonly ExternalBooking[] | null>) | null;
}

/** No services outside: rides and bookings are what this server was told. */
export const OWN_REGISTRY: Directory = { ride: null, bookings: null };
