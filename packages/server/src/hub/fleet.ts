import { type Driver, driverStatus } from '../core/driver.ts';
import type { Happened } from '../core/events.ts';
import type { Trip } from '../core/trip.ts';
import { FLEET, type FleetFrame, type FleetRow } from './delivery.ts';
import type { NearbyDrivers } from './nearby.ts';
import type { Bus, Clock, Hot } from './ports.ts';

/** After so many drivers others get their turn: a hundred thousand at once would hold up every live position. */
const DRIVERS_A_TURN = 1_000;
const NO_NAMES: readonly string[] = [];

/** Gathers who moved and tells it once a second, so that a whole fleet costs its watchers one message a second. */
export class Fleet {
  readonly #hot: Hot;
  readonly #bus: Bus;
  readonly #nearby: NearbyDrivers;
  #moved = new Set<Driver>();
  /** The rest of the last second is still being told. */
  #telling: NodeJS.Immediate | undefined;
  readonly #stop: () => void;

  constructor({ hot, bus, clock, nearby }: { hot: Hot; bus: Bus; clock: Clock; nearby: NearbyDrivers }) {
    this.#hot = hot;
    this.#bus = bus;
    this.#nearby = nearby;
    this.#stop = clock.every(1_000, () => this.#tell());
  }

  moved(driver: Driver): void {
    this.#moved.add(driver);
  }

  happened(event: Happened, trip: Trip | null): void {
    this.#bus.publish({ type: 'fleet-event', feed: FLEET, event, trip });
  }

  /** Everybody who is not offline: what a new watcher starts from. */
  full(): FleetFrame {
    const rows: FleetRow[] = [];
    for (const driver of this.#hot.drivers()) {
      const row = rowOf(driver);
      if (row !== null) rows.push(row);
    }
    return { type: 'fleet', feed: FLEET, full: true, rows, gone: [] };
  }

  close(): void {
    this.#stop();
    clearImmediate(this.#telling);
  }

  #tell(): void {
    if (this.#moved.size === 0 || this.#telling !== undefined) return;
    const moved = this.#moved.values();
    this.#moved = new Set();
    this.#tellSome(moved, [], []);
  }

  /** A turn's worth of those who moved; the frame goes out when all are in it. */
  #tellSome(moved: Iterator<Driver>, rows: FleetRow[], gone: string[]): void {
    this.#telling = undefined;
    for (let count = 0; count < DRIVERS_A_TURN; count++) {
      const { value: driver, done } = moved.next();
      if (done) {
        this.#bus.publish({ type: 'fleet', feed: FLEET, full: false, rows, gone });
        return;
      }
      const row = rowOf(driver);
      if (row === null) {
        gone.push(driver.id);
        this.#nearby.drop(driver.id);
      } else {
        rows.push(row);
        this.#nearby.put(row);
      }
    }
    this.#telling = setImmediate(() => this.#tellSome(moved, rows, gone));
  }
}

function rowOf(driver: Driver): FleetRow | null {
  const { latest } = driver;
  if (latest === null || !driver.online) return null;
  return {
    driver: driver.id,
    name: driver.profile.name,
    vehicle: driver.profile.vehicle,
    status: driverStatus(driver),
    stale: driver.stale,
    lat: latest.lat,
    lng: latest.lng,
    speed: latest.speed,
    bearing: latest.bearing,
    at: latest.at,
    heardAt: driver.lastSeenAt ?? latest.at,
    trips: driver.trips.length === 0 ? NO_NAMES : driver.trips.map((active) => active.trip.id),
    labels: driver.trips.length === 0 ? NO_NAMES : driver.trips.flatMap((active) => active.trip.labels),
  };
}
