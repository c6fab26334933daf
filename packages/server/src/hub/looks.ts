import type { Clock } from './ports.ts';

const TICK_MS = 100;
/** Looked at together; the rest waits for the next tick. */
const AT_ONCE = 100;
const RETRY_MS = 1_000;

export interface LooksParts {
  readonly clock: Clock;
  /** Finds out where a feed stands and tells what was missed of it. */
  readonly look: (feed: string) => Promise<void>;
  readonly warn: (message: string, error: unknown) => void;
}

interface Plan {
  /** Epoch ms. */
  at: number;
  /** Waits after the one for `at`, ms. */
  waits: readonly number[];
}

/** Feeds that are to be looked at again, since something told of them may have been missed. One whose look fails stays. */
export class Looks {
  readonly #parts: LooksParts;
  readonly #plans = new Map<string, Plan>();
  #looking = false;
  readonly #stop: () => void;

  constructor(parts: LooksParts) {
    this.#parts = parts;
    this.#stop = parts.clock.every(TICK_MS, () => void this.#tick());
  }

  /** Looks after `waits[0]` ms, or sooner where that was planned before, then after `waits[1]` ms more, and so on. */
  plan(feed: string, waits: readonly [number, ...number[]]): void {
    const [first, ...rest] = waits;
    const at = this.#parts.clock.now() + first;
    const planned = this.#plans.get(feed);
    // Whoever has waited longest comes first: it keeps its place.
    if (planned !== undefined && planned.at <= at) planned.waits = rest;
    else this.#set(feed, { at, waits: rest });
  }

  drop(feed: string): void {
    this.#plans.delete(feed);
  }

  close(): void {
    this.#stop();
  }

  async #tick(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const now = this.#parts.clock.now();
    const due: [string, Plan][] = [];
    for (const one of this.#plans) {
      if (one[1].at <= now) due.push(one);
      if (due.length === AT_ONCE) break;
    }
    const failures: unknown[] = [];
    await Promise.all(due.map(([feed, plan]) => this.#look(feed, plan).catch((error: unknown) => failures.push(error))));
    const [first] = failures;
    if (first !== undefined) this.#parts.warn(`where ${failures.length} feeds stand could not be looked at; it is tried again`, first);
    this.#looking = false;
  }

  /** At the end of those that wait. */
  #set(feed: string, plan: Plan): void {
    this.#plans.delete(feed);
    this.#plans.set(feed, plan);
  }

  async #look(feed: string, plan: Plan): Promise<void> {
    const { clock, look } = this.#parts;
    const [next, ...rest] = plan.waits;
    const now = clock.now();
    if (next === undefined) this.#plans.delete(feed);
    else this.#set(feed, { at: now + next, waits: rest });
    try {
      await look(feed);
    } catch (error) {
      if (!this.#plans.has(feed)) this.#plans.set(feed, { at: now + RETRY_MS, waits: [] });
      throw error;
    }
  }
}
