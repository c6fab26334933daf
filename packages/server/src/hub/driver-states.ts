import { setTimeout as sleep } from 'node:timers/promises';
import type { SeenDriver } from '../core/driver.ts';
import type { Rules } from '../core/rules.ts';
import type { Engine } from './engine.ts';
import { KEPT, UNSEEN } from './kept.ts';
import { partitionOf } from './partition.ts';
import type { Hot } from './ports.ts';
import { restored } from './restored.ts';
import type { Store } from './storage-ports.ts';

/** What is out of date in Redis its owner writes anew within so long, ms; if not, nobody has the driver in memory. */
const PATIENCE_MS = [100, 200, 400];

/** A driver in somebody's memory; or that its owner and the store know of none, that nobody has it, that it cannot be seen who has. */
export type Sight = SeenDriver | 'unknown' | 'nobody' | 'unseen';

/** Drivers as they are now, whichever process owns them. */
export class DriverStates {
  readonly #parts: { readonly engine: Engine; readonly hot: Hot; readonly store: Store; readonly rules: Rules };

  constructor(parts: { readonly engine: Engine; readonly hot: Hot; readonly store: Store; readonly rules: Rules }) {
    this.#parts = parts;
  }

  /** Those of them that are in somebody's memory. */
  async known(ids: Iterable<string>): Promise<ReadonlyMap<string, SeenDriver>> {
    const { engine, hot } = this.#parts;
    const known = new Map<string, SeenDriver>();
    const look = async (id: string): Promise<void> => {
      const driver = engine.owns(partitionOf(id)) ? engine.resident(id) : await hot.driver(id);
      if (driver != null) known.set(id, driver);
    };
    await Promise.all(Array.from(ids, look));
    return known;
  }

  /**
   * As somebody has it in memory. `isPast`: by what was told of it already, what another process shows of it is out of date:
   * Redis came back without what it took last, say.
   */
  async see(id: string, isPast: (seen: SeenDriver) => boolean = () => false): Promise<Sight> {
    const { engine, hot } = this.#parts;
    if (engine.owns(partitionOf(id))) {
      const driver = await engine.wake(id);
      // It may have changed hands meanwhile: that nobody came in then says nothing.
      if (driver !== undefined || engine.owns(partitionOf(id))) return driver ?? 'unknown';
    }
    for (const patience of [...PATIENCE_MS, 0]) {
      const seen = await hot.driver(id);
      if (seen == null) return seen === null ? 'unseen' : 'nobody';
      if (!isPast(seen)) return seen;
      if (patience > 0) await sleep(patience);
    }
    return 'nobody';
  }

  /** The same, else as it is stored; undefined for one the store never heard of. */
  async look(id: string): Promise<SeenDriver | undefined> {
    const seen = await this.see(id);
    return typeof seen === 'object' ? seen : await this.stored(id, seen);
  }

  /** As it is stored, of one that is not seen in anybody's memory; undefined for one the store never heard of. */
  async stored(id: string, sight: Exclude<Sight, SeenDriver>): Promise<SeenDriver | undefined> {
    const { store, rules } = this.#parts;
    if (sight === 'unknown') return undefined;
    const [stored] = await store.load([id]);
    return stored === undefined ? undefined : restored(stored, sight === 'unseen' ? UNSEEN : KEPT, rules);
  }
}
