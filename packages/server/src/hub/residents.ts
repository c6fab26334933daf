import { type Driver, nextTickAt } from '../core/driver.ts';
import type { Rules } from '../core/rules.ts';
import type { Fleet } from './fleet.ts';
import { partitionOf } from './partition.ts';
import { type Clock, type Hot, PARTITIONS, type Store, type StoredDriver } from './ports.ts';
import { restored } from './restored.ts';

/** A driver that only sends plain fixes is stored whole this often, ms; after a crash the fixes since are folded again. */
const SNAPSHOT_EVERY_MS = 5_000;
/** But no more than this many a second: of a large fleet each would be stored whole with nearly every fix. */
const PLAIN_SNAPSHOTS_A_SECOND = 4_000;
/** An idle driver leaves memory after this long, ms. */
const UNLOAD_AFTER_MS = 600_000;
/** A tick that has not come back by then got lost, ms. */
const TICK_LOST_MS = 10_000;
/** How many drivers are loaded at once after a start. */
const WAKE_SLICE = 200;
/**
 * Drivers are looked at in parts, all of them within so many sweeps: to look at a hundred thousand at once, and to store
 * whole those that are due, would hold everybody up for tens of ms.
 */
const SWEEPS_A_ROUND = 20;
const SWEEP_AT_LEAST = 500;

/** A driver in memory. */
export interface Resident {
  readonly driver: Driver;
  readonly partition: number;
  /** Changed since it was last stored whole, and when that was, epoch ms. */
  dirty: boolean;
  storedWholeAt: number;
  /** When a tick was last put into the log, epoch ms; 0: none is on its way. */
  tickQueuedAt: number;
}

export interface ResidentsParts {
  readonly store: Store;
  readonly hot: Hot;
  readonly clock: Clock;
  readonly rules: Rules;
  readonly fleet: Fleet;
  /** A new random id for every life of a counter [O1]. */
  readonly newEpoch: () => string;
  readonly warn: (message: string, error: unknown) => void;
  /** Which time it is that this process owns it, 0: it does not. What was asked for in another one comes too late. */
  readonly tenure: (partition: number) => number;
}

/** What a sweep finds due. */
export interface Due {
  /** Time decides something about it. */
  tick(resident: Resident): void;
  /** It should be stored whole. */
  whole(driver: Driver): void;
}

/** The drivers in memory: how they come in, when they are due for something, when they leave. */
export class Residents {
  readonly #parts: ResidentsParts;
  readonly #residents = new Map<string, Resident>();
  /** Where the next sweep goes on. */
  #round = this.#residents.values();

  constructor(parts: ResidentsParts) {
    this.#parts = parts;
  }

  get(id: string): Resident | undefined {
    return this.#residents.get(id);
  }

  /** The driver's state, loaded if the store knows it. For looking only. */
  async wake(id: string): Promise<Driver | undefined> {
    const resident = this.#residents.get(id);
    if (resident !== undefined) return resident.driver;
    for (const stored of await this.#loaded([id])) this.#admit(stored);
    return this.#residents.get(id)?.driver;
  }

  /** Brings drivers in; those the store has never heard of begin here. */
  async load(ids: Iterable<string>): Promise<void> {
    const missing = [...ids].filter((id) => !this.#residents.has(id));
    const tenures = new Map(missing.map((id) => [id, this.#tenureOf(id)]));
    const stored = new Map((await this.#loaded(missing)).map((one) => [one.id, one]));
    for (const [id, tenure] of tenures) if (tenure === this.#tenureOf(id)) this.#admit(stored.get(id) ?? { id, snapshot: null, rows: [] });
  }

  /** Those who were online before a restart, a slice at a time: serving goes on meanwhile. */
  async wakeAll(ids: readonly string[]): Promise<void> {
    const { fleet, warn } = this.#parts;
    for (let i = 0; i < ids.length; i += WAKE_SLICE) {
      const slice = ids.slice(i, i + WAKE_SLICE).filter((id) => !this.#residents.has(id));
      try {
        for (const stored of await this.#loaded(slice)) {
          this.#admit(stored);
          const resident = this.#residents.get(stored.id);
          if (resident !== undefined) fleet.moved(resident.driver);
        }
      } catch (error) {
        warn('drivers that were online could not be loaded; they come back with their next fix', error);
      }
    }
  }

  /** Everybody in memory. */
  *drivers(): Generator<Driver> {
    for (const resident of this.#residents.values()) yield resident.driver;
  }

  /** Those of these partitions that changed since they were last stored whole. */
  *dirty(partitions: ReadonlySet<number>): Generator<Driver> {
    for (const resident of this.#residents.values()) if (resident.dirty && partitions.has(resident.partition)) yield resident.driver;
  }

  /** Those of these partitions leave memory as they are: somebody else has them, or they begin anew. */
  forget(partitions: ReadonlySet<number>): void {
    for (const [id, { partition }] of this.#residents) {
      if (!partitions.has(partition)) continue;
      this.#residents.delete(id);
      this.#parts.hot.drop(id);
    }
  }

  /** These are stored whole with the commit that begins now. */
  storedWhole(drivers: Iterable<Driver>): void {
    const now = this.#parts.clock.now();
    const every = this.#snapshotEveryMs();
    for (const { id } of drivers) {
      const resident = this.#residents.get(id);
      if (resident === undefined) continue;
      resident.dirty = false;
      // Their place in the interval stays, so that those who are spread over it stay so.
      resident.storedWholeAt = now - ((now - resident.storedWholeAt) % every);
    }
  }

  /** Looks at the next part: what time decides, who is to be stored whole, who may leave. `durable`: commits begun before it are stored, epoch ms. */
  sweep(durable: number, due: Due): void {
    const now = this.#parts.clock.now();
    const most = Math.max(SWEEP_AT_LEAST, this.#residents.size / SWEEPS_A_ROUND);
    for (let seen = 0; seen <= most; seen++) {
      const { value: resident, done } = this.#round.next();
      if (done) {
        this.#round = this.#residents.values();
        return;
      }
      this.#look(resident, now, durable, due);
    }
  }

  #look(resident: Resident, now: number, durable: number, due: Due): void {
    const { driver, storedWholeAt } = resident;
    const tickAt = nextTickAt(driver);
    if (tickAt !== null && tickAt <= now && now - resident.tickQueuedAt > TICK_LOST_MS) {
      resident.tickQueuedAt = now;
      due.tick(resident);
    } else if (resident.dirty) {
      if (now - storedWholeAt >= this.#snapshotEveryMs()) due.whole(driver);
    } else if (!driver.online && driver.trips.length === 0 && now - storedWholeAt > UNLOAD_AFTER_MS) {
      // Whoever is loaded again must find what was stored last.
      if (durable < storedWholeAt + this.#snapshotEveryMs()) return;
      this.#residents.delete(driver.id);
      this.#parts.hot.drop(driver.id);
    }
  }

  /** What the store has, unless the partition was somebody else's meanwhile: then it may be out of date. */
  async #loaded(ids: readonly string[]): Promise<readonly StoredDriver[]> {
    const tenures = new Map(ids.map((id) => [id, this.#tenureOf(id)]));
    const stored = await this.#parts.store.load(ids);
    return stored.filter(({ id }) => tenures.get(id) === this.#tenureOf(id));
  }

  #tenureOf(id: string): number {
    return this.#parts.tenure(partitionOf(id));
  }

  #admit(stored: StoredDriver): void {
    const { id } = stored;
    if (this.#residents.has(id) || this.#tenureOf(id) === 0) return;
    const { newEpoch, rules, hot, clock } = this.#parts;
    const driver = restored(stored, newEpoch(), rules);
    const partition = partitionOf(id);
    // Spread over the interval by partition, so that those who came together are not all stored whole together.
    const storedWholeAt = clock.now() - (partition / PARTITIONS) * this.#snapshotEveryMs();
    this.#residents.set(id, { driver, partition, dirty: stored.rows.length > 0, storedWholeAt, tickQueuedAt: 0 });
    hot.put(driver);
  }

  #snapshotEveryMs(): number {
    return Math.max(SNAPSHOT_EVERY_MS, (this.#residents.size / PLAIN_SNAPSHOTS_A_SECOND) * 1_000);
  }
}
