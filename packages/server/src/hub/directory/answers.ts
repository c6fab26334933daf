import type { Clock } from '../ports.ts';

/** An answer holds this long, ms; that there is no such thing, less [X2]. */
export const FRESH_MS = 30_000;
const NOTHING_FRESH_MS = 5_000;
const MOST_ENTRIES = 10_000;

interface Answer<T> {
  readonly value: T | null;
  /** When it was asked for, epoch ms: what it says may have changed since. */
  readonly askedAt: number;
}

/** What a service answered lately, by key. However many ask for one key at once, the service is asked once. */
export class Answers<T> {
  readonly #ask: (key: string) => Promise<T | null>;
  readonly #clock: Clock;
  readonly #most: number;
  readonly #known = new Map<string, Answer<T>>();
  readonly #asking = new Map<string, Promise<T | null>>();

  constructor(ask: (key: string) => Promise<T | null>, clock: Clock, most = MOST_ENTRIES) {
    this.#ask = ask;
    this.#clock = clock;
    this.#most = most;
  }

  /** What is known and younger than `maxAge` ms, else what the service says now. Rejects as the question does; failures are not kept. */
  async get(key: string, maxAge = FRESH_MS): Promise<T | null> {
    const known = this.#known.get(key);
    if (known !== undefined && this.#isYounger(known, maxAge)) return known.value;
    const asking = this.#asking.get(key);
    if (asking !== undefined) return asking;
    const asked = this.#askNow(key).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asked);
    return asked;
  }

  /** The newest answer, however old; undefined when there is none. */
  newest(key: string): T | null | undefined {
    return this.#known.get(key)?.value;
  }

  /** When the newest answer was asked for, epoch ms. */
  askedAt(key: string): number | undefined {
    return this.#known.get(key)?.askedAt;
  }

  async #askNow(key: string): Promise<T | null> {
    const askedAt = this.#clock.now();
    const value = await this.#ask(key);
    this.#known.delete(key);
    this.#known.set(key, { value, askedAt });
    // A map goes through its keys in the order they came: the first is the one renewed longest ago.
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= this.#most) break;
      this.#known.delete(oldest);
    }
    return value;
  }

  #isYounger({ value, askedAt }: Answer<T>, maxAge: number): boolean {
    const age = this.#clock.now() - askedAt;
    // One from the future is of before the clock was set back: how old it is cannot be told.
    return age >= 0 && age < (value === null ? Math.min(maxAge, NOTHING_FRESH_MS) : maxAge);
  }
}
