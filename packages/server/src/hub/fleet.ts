import type { DriverStatus } from '@waycast/protocol';
import { type Driver, driverStatus } from '../core/driver.ts';
import type { Published } from '../core/effects.ts';
import type { StopEta } from '../core/eta.ts';
import type { Happened } from '../core/events.ts';
import type { Fix } from '../core/fix.ts';
import type { Trip } from '../core/trip.ts';
import type { Bus, Clock, Hot } from './ports.ts';

export const FLEET = 'fleet';

/** Where a driver is, as the whole-fleet feed shows it. Epoch ms. */
export interface FleetRow {
  readonly driver: string;
  readonly name: string | null;
  readonly status: DriverStatus;
  readonly stale: boolean;
  readonly lat: number;
  readonly lng: number;
  readonly speed: number | null;
  readonly bearing: number | null;
  readonly at: number;
  readonly trips: readonly string[];
}

/** One frame of the fleet feed: everybody, or who changed since the last one and who is gone. */
export interface FleetFrame {
  readonly type: 'fleet';
  readonly feed: typeof FLEET;
  readonly full: boolean;
  readonly rows: readonly FleetRow[];
  readonly gone: readonly string[];
}

export interface FleetEvent {
  readonly type: 'fleet-event';
  readonly feed: typeof FLEET;
  readonly event: Happened;
  readonly trip: Trip | null;
}

/** Where a feed stands: what a watcher starts from. Takes it to `{epoch, seq}`, whatever it had before. */
export interface Snapshot {
  readonly type: 'snapshot';
  readonly feed: string;
  readonly epoch: string;
  readonly seq: number;
  readonly trip: Trip | null;
  readonly driver: Driver | null;
  readonly location: Fix | null;
  readonly etas: readonly StopEta[];
}

/** Everything that travels to watchers. */
export type Delivery = Published | Snapshot | FleetFrame | FleetEvent;

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
