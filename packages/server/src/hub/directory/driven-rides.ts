import type { Driver } from '../../core/driver.ts';
import type { Clock } from '../ports.ts';

/** A fleet is looked at in parts, 100,000 drivers within five seconds: to look at all at once would hold everybody up. */
const LOOK_EVERY_MS = 200;
const DRIVERS_A_LOOK = 4_000;

export interface DrivenRidesParts {
  readonly clock: Clock;
  /** All that are in memory, a new round each time. */
  readonly drivers: () => Iterable<Driver>;
  readonly watch: (rideId: string) => void;
  /** Once for each `watch`. */
  readonly unwatch: (rideId: string) => void;
}

/**
 * Watches the open rides of every driver that is heard of, whether a client looks at them or not: fixes count for them
 * all the same, and so do geofences and what goes out because of them [X6].
 */
export class DrivenRides {
  readonly #parts: DrivenRidesParts;
  readonly #stop: () => void;
  #round: Iterator<Driver>;
  #watched = new Set<string>();
  #seen = new Set<string>();

  constructor(parts: DrivenRidesParts) {
    this.#parts = parts;
    this.#round = parts.drivers()[Symbol.iterator]();
    this.#stop = parts.clock.every(LOOK_EVERY_MS, () => this.#look());
  }

  close(): void {
    this.#stop();
  }

  #look(): void {
    for (let looked = 0; looked < DRIVERS_A_LOOK; looked++) {
      const { value: driver, done } = this.#round.next();
      if (done) {
        this.#endRound();
        return;
      }
      if (!driver.online) continue;
      for (const { trip } of driver.trips) if (trip.kind === 'ride') this.#see(trip.id);
    }
  }

  #see(rideId: string): void {
    this.#seen.add(rideId);
    if (this.#watched.has(rideId)) return;
    this.#watched.add(rideId);
    this.#parts.watch(rideId);
  }

  /** Whatever the round did not meet has ended, or its driver is gone. */
  #endRound(): void {
    for (const rideId of this.#watched) if (!this.#seen.has(rideId)) this.#parts.unwatch(rideId);
    this.#watched = this.#seen;
    this.#seen = new Set();
    this.#round = this.#parts.drivers()[Symbol.iterator]();
  }
}
