import { type Driver, driverStatus } from '../core/driver.ts';
import type { Happened } from '../core/events.ts';
import type { Trip } from '../core/trip.ts';
import { FLEET, type FleetFrame, type FleetRow } from './delivery.ts';
import type { Bus, Clock, Hot } from './ports.ts';

/** Gathers who moved and tells it once a second, so that a whole fleet costs its watchers one message a second. */
export class Fleet {
  readonly #hot: Hot;
  readonly #bus: Bus;
  readonly #moved = new Set<Driver>();
  readonly #stop: () => void;

  constructor({ hot, bus, clock }: { hot: Hot; bus: Bus; clock: Clock }) {
    this.#hot = hot;
    this.#bus = bus;
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
  }

  #tell(): void {
    if (this.#moved.size === 0) return;
    const rows: FleetRow[] = [];
    const gone: string[] = [];
    for (const driver of this.#moved) {
      const row = rowOf(driver);
      if (row === null) gone.push(driver.id);
      else rows.push(row);
    }
    this.#moved.clear();
    this.#bus.publish({ type: 'fleet', feed: FLEET, full: false, rows, gone });
  }
}

function rowOf(driver: Driver): FleetRow | null {
  const { latest } = driver;
  if (latest === null || !driver.online) return null;
  return {
    driver: driver.id,
    name: driver.profile.name,
    status: driverStatus(driver),
    stale: driver.stale,
    lat: latest.lat,
    lng: latest.lng,
    speed: latest.speed,
    bearing: latest.bearing,
    at: latest.at,
    trips: driver.trips.map((active) => active.trip.id),
  };
}
