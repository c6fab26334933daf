import type { Driver } from '../core/driver.ts';
import type { Happened } from '../core/events.ts';
import type { Trip } from '../core/trip.ts';
import { type Delivery, FLEET, type FleetFrame, type FleetRow } from './delivery.ts';
import { fleetRowOf } from './fleet-row.ts';
import type { NearbyDrivers } from './nearby.ts';
import type { Bus, Clock } from './ports.ts';
import type { Watcher } from './watchers.ts';

/** After so many drivers others get their turn: a hundred thousand at once would hold up every live position. */
const DRIVERS_A_TURN = 500;

export interface FleetParts {
  readonly home: number;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly nearby: NearbyDrivers;
  /** Where everybody is as the store has it, for what other processes told while nobody here heard. */
  readonly stored: () => Promise<readonly FleetRow[]>;
  readonly warn: (message: string, error: unknown) => void;
}

/** Gathers who moved and tells it once a second, so that a whole fleet costs its watchers a message or a few a second; and hears it of others. */
export class Fleet implements Watcher {
  readonly #parts: FleetParts;
  #moved = new Set<Driver>();
  /** Those of the last second that are still being told. */
  #told: ReadonlySet<Driver> = new Set();
  #telling: NodeJS.Immediate | undefined;
  #number = 0;
  /** The last frame heard of each process. */
  readonly #heard = new Map<number, number>();
  #seeding: Promise<void> | null = null;
  readonly #stop: () => void;

  constructor(parts: FleetParts) {
    this.#parts = parts;
    this.#stop = parts.clock.every(1_000, () => this.#tell());
  }

  moved(driver: Driver): void {
    this.#moved.add(driver);
  }

  happened(event: Happened, trip: Trip | null): void {
    this.#parts.bus.publish({ type: 'fleet-event', feed: FLEET, event, trip });
  }

  /** Everybody who is not offline: what a new watcher starts from. */
  full(): FleetFrame {
    const rows = new Map(this.#parts.nearby.rows());
    for (const driver of [...this.#told, ...this.#moved]) {
      const row = fleetRowOf(driver);
      if (row === null) rows.delete(driver.id);
      else rows.set(driver.id, row);
    }
    return { type: 'fleet', feed: FLEET, full: true, home: this.#parts.home, number: 0, rows: [...rows.values()], gone: [] };
  }

  /** What other processes tell; a frame that got lost is made up for from the store [N2]. */
  deliver(delivery: Delivery): void {
    const { home, nearby } = this.#parts;
    if (delivery.type !== 'fleet' || delivery.home === home) return;
    for (const row of delivery.rows) nearby.put(row);
    for (const id of delivery.gone) nearby.drop(id);
    const isNext = delivery.number === (this.#heard.get(delivery.home) ?? 0) + 1;
    this.#heard.set(delivery.home, delivery.number);
    if (!isNext) void this.seed();
  }

  /** Takes over from the store who was told of while nobody here heard. */
  seed(): Promise<void> {
    this.#seeding ??= this.#seed().finally(() => {
      this.#seeding = null;
    });
    return this.#seeding;
  }

  close(): void {
    this.#stop();
    clearImmediate(this.#telling);
  }

  async #seed(): Promise<void> {
    const { stored, nearby, warn } = this.#parts;
    try {
      nearby.seed(await stored());
    } catch (error) {
      warn('the store could not be asked where everybody is; it is asked again when somebody moves', error);
      this.#heard.clear();
    }
  }

  #tell(): void {
    if (this.#moved.size === 0 || this.#telling !== undefined) return;
    this.#told = this.#moved;
    this.#moved = new Set();
    this.#tellSome(this.#told.values());
  }

  /** A turn's worth of those who moved: a frame of its own, so that whoever writes and whoever reads it is soon done. */
  #tellSome(moved: Iterator<Driver>): void {
    const { home, bus, nearby } = this.#parts;
    const rows: FleetRow[] = [];
    const gone: string[] = [];
    this.#telling = undefined;
    let next = moved.next();
    for (; !next.done; next = moved.next()) {
      const driver = next.value;
      const row = fleetRowOf(driver);
      if (row === null) {
        gone.push(driver.id);
        nearby.drop(driver.id);
      } else {
        rows.push(row);
        nearby.put(row);
      }
      if (rows.length + gone.length === DRIVERS_A_TURN) break;
    }
    if (next.done) this.#told = new Set();
    else this.#telling = setImmediate(() => this.#tellSome(moved));
    if (rows.length + gone.length > 0) bus.publish({ type: 'fleet', feed: FLEET, full: false, home, number: ++this.#number, rows, gone });
  }
}
