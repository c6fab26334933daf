import { setTimeout as sleep } from 'node:timers/promises';
import { isCanary, newCanary } from '../core/canary.ts';
import { type Driver, nextTickAt } from '../core/driver.ts';
import type { Rules } from '../core/rules.ts';
import { Damage } from './damage.ts';
import type { Fleet } from './fleet.ts';
import { partitionOf } from './partition.ts';
import { type Clock, type Hot, PARTITIONS } from './ports.ts';
import { restored } from './restored.ts';
import type { Store, StoredDriver } from './storage-ports.ts';

/** A driver that only sends plain fixes is stored whole this often, ms; after a crash the fixes since are folded again. */
const SNAPSHOT_EVERY_MS = 5_000;
/** An idle driver leaves memory after this long, ms. */
const UNLOAD_AFTER_MS = 600_000;
/** A tick that has not come back by then got lost, ms. */
const TICK_LOST_MS = 10_000;
/** How many drivers are loaded at once after a start. */
const WAKE_SLICE = 200;
/** So often one that cannot be read is tried before its commands are set aside [P6], and the pause between, ms. */
const TRIES = 5;
const TRY_AGAIN_MS = 50;
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
  /** Nothing of it is stored, listed or told but to its own watcher [U5]. */
  readonly isCanary: boolean;
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
  /** A new id for every life of a counter, which says when it begins [O1]. */
  readonly newEpoch: () => string;
  /** Something is lost, set aside or broken: it needs somebody. */
  readonly error: (message: string, error: unknown) => void;
  /** Which time it is that this process owns it, 0: it does not, or its drivers must not be in memory now. What was asked for in another one comes too late. */
  readonly tenure: (partition: number) => number;
  /** How much of the fleet is this process's, 0 to 1. */
  readonly share: () => number;
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
  /** How often a driver with plain fixes is stored whole, ms. */
  #every = SNAPSHOT_EVERY_MS;
  readonly #residents = new Map<string, Resident>();
  readonly #damage = new Damage();
  /** Erased, and the store may not know yet: what it says of them is of the past. */
  readonly #leaving = new Set<string>();
  /** How many were erased so far, and as which of them a driver was last. */
  #erasures = 0;
  readonly #erased = new Map<string, number>();
  /** Where the next sweep goes on. */
  #round = this.#residents.values();

  constructor(parts: ResidentsParts) {
    this.#parts = parts;
  }

  get(id: string): Resident | undefined {
    return this.#residents.get(id);
  }

  /**
   * The driver's state, loaded if the store knows it. For looking only.
   * @throws Error when it cannot be made of what is stored
   */
  async wake(id: string): Promise<Driver | undefined> {
    const resident = this.#residents.get(id);
    if (resident !== undefined) return resident.driver;
    const tenure = this.#tenureOf(id);
    for (const stored of await this.#loaded([id])) this.#admit(stored);
    const came = this.#residents.get(id)?.driver;
    // Nobody came in while it began anew, which says nothing about who there is.
    return came === undefined && tenure !== this.#tenureOf(id) && this.#tenureOf(id) !== 0 ? await this.wake(id) : came;
  }

  /** Brings drivers in; those the store has never heard of begin here. Of one that cannot be read `damage` says why. */
  async load(ids: Iterable<string>): Promise<void> {
    const { clock, error } = this.#parts;
    const missing = new Map<string, number>();
    for (const id of ids) if (!this.#residents.has(id) && this.damage(id) === undefined) missing.set(id, this.#tenureOf(id));
    for (let tries = 1; missing.size > 0; tries++) {
      if (tries > 1) await sleep(TRY_AGAIN_MS);
      const stored = new Map((await this.#loaded([...missing.keys()])).map((one) => [one.id, one]));
      for (const [id, tenure] of missing) {
        const why = tenure === this.#tenureOf(id) ? this.#tryToAdmit(stored.get(id) ?? { id, snapshot: null, rows: [] }) : null;
        if (why !== null && tries < TRIES && !this.#damage.has(id)) continue;
        missing.delete(id);
        if (why === null) continue;
        error(`driver ${id} cannot be made of what is stored of it: its commands are set aside, see the table set_aside`, why);
        this.#damage.note(id, why, clock.now());
      }
    }
  }

  /** Why nothing can be applied to this driver, as found by `load`; undefined when there is no reason. */
  damage(id: string): string | undefined {
    return this.#damage.of(id, this.#parts.clock.now());
  }

  /**
   * Those about whom time decides something, a slice at a time: serving goes on meanwhile. One that cannot be read is left out.
   * @throws what the store says when it cannot be asked; who came in before that is in
   */
  async wakeAll(ids: readonly string[]): Promise<void> {
    const { fleet, error } = this.#parts;
    for (let i = 0; i < ids.length; i += WAKE_SLICE) {
      const slice = ids.slice(i, i + WAKE_SLICE).filter((id) => !this.#residents.has(id));
      for (const stored of await this.#loaded(slice)) {
        const why = this.#tryToAdmit(stored);
        if (why !== null)
          error(`driver ${stored.id} cannot be made of what is stored of it and stays away: restore it from a backup, or report this`, why);
        const resident = this.#residents.get(stored.id);
        if (resident !== undefined) fleet.moved(resident.driver);
      }
    }
  }

  /** Everybody in memory whom others may know of. */
  *drivers(): Generator<Driver> {
    for (const resident of this.#residents.values()) if (!resident.isCanary) yield resident.driver;
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
    for (const id of this.#leaving) if (partitions.has(partitionOf(id))) this.erased(id);
    this.#damage.forget(partitions);
  }

  /** The driver is erased and leaves at once: who comes in under its id is somebody new, whatever the store still says. */
  erase(id: string): void {
    this.#residents.delete(id);
    this.#leaving.add(id);
    this.#erased.set(id, ++this.#erasures);
    this.#parts.hot.erase(id);
  }

  /** The store has. */
  erased(id: string): void {
    this.#leaving.delete(id);
  }

  /** These are stored whole with the commit that begins now. */
  storedWhole(drivers: Iterable<Driver>): void {
    const now = this.#parts.clock.now();
    const every = this.#every;
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
    this.#every = this.#snapshotEveryMs();
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
    const { driver, isCanary, storedWholeAt } = resident;
    const tickAt = nextTickAt(driver);
    if (tickAt !== null && tickAt <= now && now - resident.tickQueuedAt > TICK_LOST_MS) {
      resident.tickQueuedAt = now;
      due.tick(resident);
    } else if (resident.dirty) {
      if (now - storedWholeAt >= this.#every) due.whole(driver);
    } else if (!driver.online && (driver.trips.length === 0 || isCanary) && now - storedWholeAt > UNLOAD_AFTER_MS) {
      // Whoever is loaded again must find what was stored last.
      if (durable < storedWholeAt + this.#every) return;
      this.#residents.delete(driver.id);
      this.#parts.hot.drop(driver.id);
    }
  }

  /** What the store has, unless the partition was somebody else's meanwhile: then it may be out of date. */
  async #loaded(ids: readonly string[]): Promise<readonly StoredDriver[]> {
    const tenures = new Map(ids.map((id) => [id, this.#tenureOf(id)]));
    const erasures = this.#erasures;
    const stored = await this.#parts.store.load(ids.filter((id) => !this.#leaving.has(id)));
    return stored.filter(({ id }) => tenures.get(id) === this.#tenureOf(id) && (this.#erased.get(id) ?? 0) <= erasures);
  }

  #tenureOf(id: string): number {
    return this.#parts.tenure(partitionOf(id));
  }

  /** Answers why it cannot be made of what is stored; null when it can. */
  #tryToAdmit(stored: StoredDriver): string | null {
    try {
      this.#admit(stored);
      this.#damage.mended(stored.id);
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #admit(stored: StoredDriver): void {
    const { id } = stored;
    if (this.#residents.has(id) || this.#tenureOf(id) === 0) return;
    const { newEpoch, rules, hot, clock } = this.#parts;
    const hidden = isCanary(id);
    const driver = hidden ? newCanary(id, newEpoch()) : restored(stored, newEpoch(), rules);
    const partition = partitionOf(id);
    // Spread over the interval by partition, so that those who came together are not all stored whole together.
    const storedWholeAt = clock.now() - (partition / PARTITIONS) * this.#every;
    this.#residents.set(id, { driver, partition, isCanary: hidden, dirty: stored.rows.length > 0, storedWholeAt, tickQueuedAt: 0 });
    hot.put(driver);
  }

  /** Of a large fleet each would be stored whole with nearly every fix: all processes together do so only as often as is good for the store. */
  #snapshotEveryMs(): number {
    const { store, share } = this.#parts;
    const fleet = this.#residents.size / Math.max(share(), 1 / PARTITIONS);
    return Math.max(SNAPSHOT_EVERY_MS, (fleet / store.wholeASecond) * 1_000);
  }
}
