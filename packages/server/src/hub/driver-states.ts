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
   * Undefined for one the store never heard of. `isPast`: by what was told of it already, what another process shows of it
   * is out of date: Redis came back without what it took last, say, or an owner that woke late wrote over it.
   */
  async look(id: string, isPast: (seen: SeenDriver) => boolean = () => false): Promise<SeenDriver | undefined> {
    const { engine, hot, store, rules } = this.#parts;
    if (engine.owns(partitionOf(id))) {
      const driver = await engine.wake(id);
      // It may have changed hands meanwhile: that nobody came in then says nothing.
      if (driver !== undefined || engine.owns(partitionOf(id))) return driver;
    }
    let seen = await hot.driver(id);
    for (const patience of PATIENCE_MS) {
      if (seen == null || !isPast(seen)) break;
      await sleep(patience);
      seen = await hot.driver(id);
    }
    if (seen != null && !isPast(seen)) return seen;
    const [stored] = await store.load([id]);
    return stored === undefined ? undefined : restored(stored, seen === null ? UNSEEN : KEPT, rules);
  }
}
