import { WaycastError } from '@waycast/protocol';
import type { Clock } from '../../hub/ports.ts';
import { Ride, type RideParts } from './ride.ts';

const LOOK_EVERY_MS = 1_000;
/** A ride is looked up again no sooner than this, and no later, ms: changes take effect within 30 s. */
const SOONEST_MS = 5_000;
const LATEST_MS = 20_000;
/** So many at a time are no matter. */
const FEW = 20;

interface Open {
  readonly ride: Ride;
  readonly followed: Promise<void>;
  users: number;
  /** Epoch ms. */
  lookedUpAt: number;
}

/** The rides that have sockets on this process. */
export class OpenRides {
  readonly #parts: RideParts;
  /** Those looked up longest ago come first. */
  readonly #open = new Map<string, Open>();
  readonly #stop: () => void;

  constructor(parts: RideParts & { readonly clock: Clock }) {
    this.#parts = parts;
    this.#stop = parts.clock.every(LOOK_EVERY_MS, () => this.#look());
  }

  /**
   * A ride that is followed; as many `leave` as `enter`.
   * @throws WaycastError `not_found`
   */
  async enter(rideId: string): Promise<Ride> {
    let open = this.#open.get(rideId);
    if (open === undefined) {
      const ride = new Ride(rideId, this.#parts);
      open = { ride, followed: ride.follow(), users: 0, lookedUpAt: this.#parts.now() };
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

  close(): void {
    this.#stop();
  }

  #leave(open: Open): void {
    if (--open.users > 0) return;
    open.ride.close();
    this.#open.delete(open.ride.id);
  }

  /** A share of the rides each time, so that many that came at once are not looked up at once for ever. */
  #look(): void {
    const now = this.#parts.now();
    let left = Math.max(FEW, Math.ceil((this.#open.size * LOOK_EVERY_MS) / LATEST_MS));
    for (const [rideId, open] of this.#open) {
      // One from the future is of before the clock was set back.
      const age = now - open.lookedUpAt;
      if (left-- === 0 || (age >= 0 && age < SOONEST_MS)) break;
      open.lookedUpAt = now;
      this.#open.delete(rideId);
      this.#open.set(rideId, open);
      open.ride.lookUp().catch((error: unknown) => this.#failed(error));
    }
  }

  /** A service or a store that does not answer ends nobody's connection. */
  #failed(error: unknown): void {
    if (!(error instanceof WaycastError)) this.#parts.broken(error);
  }
}
