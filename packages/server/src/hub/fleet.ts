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
/** A driver is told of at most once in so long, ms; so long, too, a few that moved wait for others, as each frame costs every watcher. */
const REST_MS = 1_000;
/** Of a large fleet some are told at each tick, so that the work of a second does not come all at once, ms. */
const TICK_MS = 100;
const TICKS = REST_MS / TICK_MS;
/** By then the store has what was told when a frame got lost; ticks. */
const STORED_AFTER = 12_000 / TICK_MS;

export interface FleetParts {
  readonly home: number;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly nearby: NearbyDrivers;
  /** Where everybody is as the store has it, for what other processes told while nobody here heard. */
  readonly stored: () => Promise<readonly FleetRow[]>;
  readonly warn: (message: string, error: unknown) => void;
}

/** Gathers who moved and tells it, each driver at most once a second and many in a frame; and hears it of others. */
export class Fleet implements Watcher {
  readonly #parts: FleetParts;
  /** By id, as last heard of: one that was loaded anew is another object. */
  #moved = new Map<string, Driver>();
  /** Those of them whose turn it is, or was just now. */
  #due = new Map<string, Driver>();
  /** In this order; so many of them were told. */
  #order: readonly string[] = [];
  #told = 0;
  /** Ids of those told of less than a second ago, by the tick they were told at; null for who has not moved since. */
  readonly #toldAt: string[][] = Array.from({ length: TICKS }, () => []);
  readonly #resting = new Map<string, Driver | null>();
  #tick = 0;
  /** Ticks since somebody was told of. */
  #silent = TICKS;
  #telling: NodeJS.Immediate | undefined;
  #number = 0;
  /** The last frame heard of each process. */
  readonly #heard = new Map<number, number>();
  #seeding: Promise<void> | null = null;
  /** Ticks until the store is asked once more; 0 for not at all. */
  #seedIn = 0;
  readonly #stop: () => void;

  constructor(parts: FleetParts) {
    this.#parts = parts;
    this.#stop = parts.clock.every(TICK_MS, () => this.#tell());
  }

  moved(driver: Driver): void {
    const { id } = driver;
    if (this.#resting.has(id)) this.#resting.set(id, driver);
    else (this.#due.has(id) ? this.#due : this.#moved).set(id, driver);
  }

  /** Not at its next turn but now: nobody is to find it any more. */
  gone(id: string): void {
    const { home, bus, nearby } = this.#parts;
    for (const some of [this.#moved, this.#due]) some.delete(id);
    if (this.#resting.has(id)) this.#resting.set(id, null);
    nearby.drop(id);
    bus.publish({ type: 'fleet', feed: FLEET, full: false, home, number: ++this.#number, rows: [], gone: [id] });
  }

  happened(event: Happened, trip: Trip | null): void {
    this.#parts.bus.publish({ type: 'fleet-event', feed: FLEET, event, trip });
  }

  /** Everybody who is not offline: what a new watcher starts from. */
  full(): FleetFrame {
    const rows = new Map(this.#parts.nearby.rows());
    const resting = [...this.#resting.values()].filter((driver) => driver !== null);
    // Who was told already rests: others may have told of it since.
    const due = [...this.#due.values()].filter(({ id }) => !this.#resting.has(id));
    for (const driver of [...due, ...this.#moved.values(), ...resting]) {
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
    for (const row of delivery.rows) nearby.hear(row);
    for (const id of delivery.gone) nearby.drop(id);
    const isNext = delivery.number === (this.#heard.get(delivery.home) ?? 0) + 1;
    this.#heard.set(delivery.home, delivery.number);
    if (!isNext) this.doubt();
  }

  /** Something others told got lost: the store has most of it now, and all of it soon [N2, P7]. */
  doubt(): void {
    this.#seedIn = STORED_AFTER;
    void this.seed();
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
    if (this.#seedIn > 0 && --this.#seedIn === 0) void this.seed();
    if (this.#telling !== undefined) return;
    this.#tick = (this.#tick + 1) % TICKS;
    let isLate = ++this.#silent >= TICKS;
    for (const id of this.#toldAt[this.#tick]?.splice(0) ?? []) {
      const driver = this.#resting.get(id) ?? null;
      this.#resting.delete(id);
      if (driver === null) continue;
      this.#moved.set(id, driver);
      isLate = true;
    }
    if (this.#moved.size === 0 || (this.#moved.size < DRIVERS_A_TURN && !isLate)) return;
    this.#silent = 0;
    // Not emptied bit by bit: V8 would lay out each size of it anew among what is old.
    this.#due = this.#moved;
    this.#order = [...this.#due.keys()];
    this.#told = 0;
    this.#moved = new Map();
    this.#tellSome();
  }

  /** A turn's worth of those who are due: a frame of its own, so that whoever writes and whoever reads it is soon done. */
  #tellSome(): void {
    const { home, bus, nearby } = this.#parts;
    const rows: FleetRow[] = [];
    const gone: string[] = [];
    const turn = this.#order.slice(this.#told, this.#told + DRIVERS_A_TURN);
    this.#told += turn.length;
    for (const id of turn) {
      const driver = this.#due.get(id);
      if (driver === undefined) continue;
      this.#resting.set(id, null);
      this.#toldAt[this.#tick]?.push(id);
      const row = fleetRowOf(driver);
      if (row === null) {
        gone.push(id);
        nearby.drop(id);
      } else {
        rows.push(row);
        nearby.put(row);
      }
    }
    const isAll = this.#told === this.#order.length;
    if (isAll) this.#due = new Map();
    this.#telling = isAll ? undefined : setImmediate(() => this.#tellSome());
    bus.publish({ type: 'fleet', feed: FLEET, full: false, home, number: ++this.#number, rows, gone });
  }
}
