import { advance } from '../core/advance.ts';
import type { Command } from '../core/commands.ts';
import { type Driver, newDriver, nextTickAt, restoreDriver } from '../core/driver.ts';
import { type FixRow, noEffects } from '../core/effects.ts';
import type { Rules } from '../core/rules.ts';
import type { Fleet } from './fleet.ts';
import { partitionOf } from './partition.ts';
import { type Clock, type Hot, PARTITIONS, type Store, type StoredDriver } from './ports.ts';

/** A driver that only sends plain fixes is stored whole this often, ms; after a crash the fixes since are folded again. */
const SNAPSHOT_EVERY_MS = 5_000;
/** But no more than this many a second: of a large fleet each would be stored whole with nearly every fix. */
const PLAIN_SNAPSHOTS_A_SECOND = 4_000;
/** An idle driver leaves memory after this long, ms. */
const UNLOAD_AFTER_MS = 600_000;
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
  tickQueued: boolean;
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
    const [stored] = await this.#parts.store.load([id]);
    if (stored !== undefined) this.#admit(id, stored);
    return this.#residents.get(id)?.driver;
  }

  /** Brings drivers in; those the store has never heard of begin here. */
  async load(ids: Iterable<string>): Promise<void> {
    const missing = [...ids].filter((id) => !this.#residents.has(id));
    const stored = new Map((await this.#parts.store.load(missing)).map((one) => [one.id, one]));
    for (const id of missing) this.#admit(id, stored.get(id) ?? { id, snapshot: null, rows: [] });
  }

  /** Those who were online before a restart, a slice at a time: serving goes on meanwhile. */
  async wakeAll(ids: readonly string[]): Promise<void> {
    const { store, fleet, warn } = this.#parts;
    for (let i = 0; i < ids.length; i += WAKE_SLICE) {
      const slice = ids.slice(i, i + WAKE_SLICE).filter((id) => !this.#residents.has(id));
      try {
        for (const stored of await store.load(slice)) {
          this.#admit(stored.id, stored);
          const resident = this.#residents.get(stored.id);
          if (resident !== undefined) fleet.moved(resident.driver);
        }
      } catch (error) {
        warn('drivers that were online could not be loaded; they come back with their next fix', error);
      }
    }
  }

  /** Those changed since they were last stored whole. */
  *dirty(): Generator<Driver> {
    for (const resident of this.#residents.values()) if (resident.dirty) yield resident.driver;
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
    if (tickAt !== null && tickAt <= now && !resident.tickQueued) {
      resident.tickQueued = true;
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

  /** Brings a driver into memory: its snapshot, then the fixes stored after it, folded by the same function. */
  #admit(id: string, stored: StoredDriver): void {
    if (this.#residents.has(id)) return;
    const { newEpoch, rules, hot, clock } = this.#parts;
    const driver = stored.snapshot === null ? newDriver(id, newEpoch()) : restoreDriver(id, newEpoch(), stored.snapshot);
    const discarded = noEffects();
    for (const row of stored.rows) advance(driver, commandOf(row), row.position, rules, discarded);
    driver.seq = 0;
    for (const active of driver.trips) active.seq = 0;
    const partition = partitionOf(id);
    // Spread over the interval by partition, so that those who came together are not all stored whole together.
    const storedWholeAt = clock.now() - (partition / PARTITIONS) * this.#snapshotEveryMs();
    this.#residents.set(id, { driver, partition, dirty: stored.rows.length > 0, storedWholeAt, tickQueued: false });
    hot.put(driver);
  }

  #snapshotEveryMs(): number {
    return Math.max(SNAPSHOT_EVERY_MS, (this.#residents.size / PLAIN_SNAPSHOTS_A_SECOND) * 1_000);
  }
}

/** A stored fix as the command it once was, for folding. */
function commandOf(row: FixRow): Command {
  const { driverId, receivedAt, stream, seq, fix } = row;
  return { kind: 'fixes', driverId, receivedAt, reply: 0, live: true, stream, base: null, sender: 0, fixes: [{ seq, fix }] };
}
