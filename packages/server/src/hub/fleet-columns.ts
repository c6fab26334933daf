import { DRIVER_STATUSES, type DriverStatus } from '@waycast/protocol';
import type { FleetRow } from './delivery.ts';

const FIRST_CAPACITY = 1_024;
/** Numbers of a row, and where each stands; null is NaN. */
const FIELDS = 6;
const [LAT, LNG, SPEED, BEARING, AT, HEARD_AT] = [0, 1, 2, 3, 4, 5] as const;
/** Beside the status, in one byte. */
const STALE = 0x80;
const NOBODY = 0xff;
const NONE: readonly string[] = [];

/**
 * Rows of the fleet by slot. Each is replaced every few seconds for as long as its driver moves: kept as objects, a hundred
 * thousand of them are a third of what the collector has to go through, and most of what makes it begin.
 */
export class FleetColumns {
  #numbers = new Float64Array(FIRST_CAPACITY * FIELDS);
  #states = new Uint8Array(FIRST_CAPACITY).fill(NOBODY);
  readonly #drivers: (string | null)[] = [];
  readonly #names: (string | null)[] = [];
  readonly #vehicles: (string | null)[] = [];
  readonly #trips: (readonly string[])[] = [];
  readonly #labels: (readonly string[])[] = [];

  put(slot: number, row: FleetRow): void {
    if (slot >= this.#states.length) this.#grow(slot);
    const numbers = this.#numbers;
    const from = slot * FIELDS;
    numbers[from + LAT] = row.lat;
    numbers[from + LNG] = row.lng;
    numbers[from + SPEED] = row.speed ?? Number.NaN;
    numbers[from + BEARING] = row.bearing ?? Number.NaN;
    numbers[from + AT] = row.at;
    numbers[from + HEARD_AT] = row.heardAt;
    this.#states[slot] = DRIVER_STATUSES.indexOf(row.status) | (row.stale ? STALE : 0);
    // The same text, read from another frame, is not taken instead: it would have to grow old here first.
    if (this.#drivers[slot] !== row.driver) this.#drivers[slot] = row.driver;
    if (this.#names[slot] !== row.name) this.#names[slot] = row.name;
    if (this.#vehicles[slot] !== row.vehicle) this.#vehicles[slot] = row.vehicle;
    this.#trips[slot] = row.trips.length === 0 ? NONE : row.trips;
    this.#labels[slot] = row.labels.length === 0 ? NONE : row.labels;
  }

  /** Nobody is there any more. */
  clear(slot: number): void {
    this.#states[slot] = NOBODY;
    this.#drivers[slot] = null;
    this.#names[slot] = null;
    this.#vehicles[slot] = null;
    this.#trips[slot] = NONE;
    this.#labels[slot] = NONE;
  }

  /** null where nobody is. */
  status(slot: number): DriverStatus | null {
    const state = this.#states[slot] as number;
    return state === NOBODY ? null : (DRIVER_STATUSES[state & ~STALE] as DriverStatus);
  }

  isStale(slot: number): boolean {
    return ((this.#states[slot] as number) & STALE) !== 0;
  }

  driver(slot: number): string {
    return this.#drivers[slot] as string;
  }

  labels(slot: number): readonly string[] {
    return this.#labels[slot] as readonly string[];
  }

  /** Epoch ms. */
  heardAt(slot: number): number {
    return this.#numbers[slot * FIELDS + HEARD_AT] as number;
  }

  /** As it was put, anew. */
  row(slot: number): FleetRow {
    const from = slot * FIELDS;
    const number = (field: number): number => this.#numbers[from + field] as number;
    const orNull = (field: number): number | null => (Number.isNaN(number(field)) ? null : number(field));
    return {
      driver: this.driver(slot),
      name: this.#names[slot] as string | null,
      vehicle: this.#vehicles[slot] as string | null,
      status: this.status(slot) as DriverStatus,
      stale: this.isStale(slot),
      lat: number(LAT),
      lng: number(LNG),
      speed: orNull(SPEED),
      bearing: orNull(BEARING),
      at: number(AT),
      heardAt: number(HEARD_AT),
      trips: this.#trips[slot] as readonly string[],
      labels: this.labels(slot),
    };
  }

  /** Slots are given one after the other, so that the arrays beside them have no holes. */
  #grow(slot: number): void {
    const capacity = 2 ** Math.ceil(Math.log2(slot + 1));
    const numbers = new Float64Array(capacity * FIELDS);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    const states = new Uint8Array(capacity).fill(NOBODY);
    states.set(this.#states);
    this.#states = states;
  }
}
