import { randomBytes } from 'node:crypto';
import type { Clock, Codes } from '../hub/ports.ts';

/** The codes of one process; the oldest make room when there are too many. */
export class MemoryCodes<T> implements Codes<T> {
  readonly #codes = new Map<string, { value: T; until: number }>();
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #most: number;

  constructor(clock: Clock, ttlMs: number, most = 10_000) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
    this.#most = most;
  }

  async issue(value: T): Promise<{ code: string; until: number }> {
    this.#expire();
    const code = randomBytes(24).toString('base64url');
    const until = this.#clock.now() + this.#ttlMs;
    this.#codes.set(code, { value, until });
    return { code, until };
  }

  async redeem(code: string): Promise<T | undefined> {
    const found = this.#codes.get(code);
    this.#codes.delete(code);
    return found !== undefined && found.until >= this.#clock.now() ? found.value : undefined;
  }

  /** All live equally long, so the oldest are always first. */
  #expire(): void {
    const now = this.#clock.now();
    for (const [code, { until }] of this.#codes) {
      if (until >= now && this.#codes.size < this.#most) return;
      this.#codes.delete(code);
    }
  }
}
