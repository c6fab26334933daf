import type { DriverStatus } from '@waycast/protocol';
import { Nearby } from '../core/nearby.ts';
import { mayFind, mustSearchNearby } from './access.ts';
import type { FleetRow } from './delivery.ts';
import { FleetColumns } from './fleet-columns.ts';
import type { Clock } from './ports.ts';
import type { Principal } from './principal.ts';

/** What the store has of somebody who moves may be as old as this, ms. */
const SEED_AGE_MS = 30_000;

/** Around where, and who counts. Degrees, m. */
export interface NearbySearch {
  readonly lat: number;
  readonly lng: number;
  readonly radius: number;
  readonly limit: number;
  readonly statuses: readonly DriverStatus[];
  /** Of an open trip; null for any and none. */
  readonly label: string | null;
  /** Heard of within so many ms. */
  readonly maxAgeMs: number;
}

export interface NearbyDriver {
  readonly row: FleetRow;
  /** m */
  readonly distance: number;
}

/** Where everybody is who is not offline, for finding the nearest: as the fleet feed told it, so up to a second old [N2]. */
export class NearbyDrivers {
  readonly #clock: Clock;
  readonly #points = new Nearby();
  readonly #slots = new Map<string, number>();
  readonly #columns = new FleetColumns();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How a driver stands now. */
  put(row: FleetRow): void {
    const { driver, lat, lng } = row;
    let slot = this.#slots.get(driver);
    if (slot === undefined) {
      slot = this.#points.add(lat, lng);
      this.#slots.set(driver, slot);
    } else {
      this.#points.move(slot, lat, lng);
    }
    this.#columns.put(slot, row);
  }

  /**
   * What another process tells. One that has just lost a driver may still tell of it: what is older than what is known does
   * not count, unless that may be for clocks that differ.
   */
  hear(row: FleetRow): void {
    const slot = this.#slots.get(row.driver);
    const known = slot === undefined ? row.heardAt : this.#columns.heardAt(slot);
    const isLate = row.heardAt < known && known <= this.#clock.now() && known - row.heardAt < SEED_AGE_MS;
    if (!isLate) this.put(row);
  }

  /** A driver went offline; harmless for one that is not known. */
  drop(driverId: string): void {
    const slot = this.#slots.get(driverId);
    if (slot === undefined) return;
    this.#slots.delete(driverId);
    this.#points.remove(slot);
    this.#columns.clear(slot);
  }

  /** Everybody who is here, by driver. */
  *rows(): Generator<[string, FleetRow]> {
    for (const [driver, slot] of this.#slots) yield [driver, this.#columns.row(slot)];
  }

  /** Everybody there is, as it was a few seconds ago: what is newer stays, who is not among them goes unless just heard of. */
  seed(rows: readonly FleetRow[]): void {
    const since = this.#clock.now() - SEED_AGE_MS;
    const present = new Set<string>();
    for (const row of rows) {
      present.add(row.driver);
      const slot = this.#slots.get(row.driver);
      // Of two that were heard at the same time the one that was told stays.
      if (slot === undefined || this.#columns.heardAt(slot) < row.heardAt) this.put(row);
    }
    for (const [driver, slot] of this.#slots) if (!present.has(driver) && this.#columns.heardAt(slot) < since) this.drop(driver);
  }

  /**
   * The nearest first.
   * @throws WaycastError `forbidden` [N5]
   */
  find(who: Principal, { statuses, label, maxAgeMs, ...around }: NearbySearch): NearbyDriver[] {
    mustSearchNearby(who, statuses, label);
    const since = this.#clock.now() - maxAgeMs;
    const columns = this.#columns;
    const accept = (slot: number): boolean => {
      const status = columns.status(slot);
      if (status === null || !statuses.includes(status) || columns.heardAt(slot) < since) return false;
      return (label === null || columns.labels(slot).includes(label)) && mayFind(who, columns.driver(slot), columns.isStale(slot));
    };
    return this.#points.nearest({ ...around, accept }).map(({ slot, distance }) => ({ row: columns.row(slot), distance }));
  }
}
