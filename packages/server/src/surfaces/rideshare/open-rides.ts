import { Ride, type RideParts } from './ride.ts';

interface Open {
  readonly ride: Ride;
  readonly followed: Promise<void>;
  users: number;
}

/** The rides that have sockets on this process. */
export class OpenRides {
  readonly #parts: RideParts;
  readonly #open = new Map<string, Open>();

  constructor(parts: RideParts) {
    this.#parts = parts;
  }

  /**
   * A ride that is followed; as many `leave` as `enter`.
   * @throws WaycastError `not_found`
   */
  async enter(rideId: string): Promise<Ride> {
    let open = this.#open.get(rideId);
    if (open === undefined) {
      const ride = new Ride(rideId, this.#parts);
      open = { ride, followed: ride.follow(), users: 0 };
      this.#open.set(rideId, open);
    }
    open.users++;
    try {
      await open.followed;
      return open.ride;
    } catch (error) {
      this.#leave(open);
      throw error;
    }
  }

  leave(ride: Ride): void {
    const open = this.#open.get(ride.id);
    if (open?.ride === ride) this.#leave(open);
  }

  #leave(open: Open): void {
    if (--open.users > 0) return;
    open.ride.close();
    this.#open.delete(open.ride.id);
  }
}
