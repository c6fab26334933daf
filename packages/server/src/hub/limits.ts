import type { Clock } from './ports.ts';

/** So many in a second, sustained, and so many at once. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  /** Epoch ms. */
  at: number;
}

/** Token buckets by key. Full ones are forgotten, so that memory follows who is active. */
export class Limits {
  readonly #rate: Rate;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();
  readonly #stop: () => void;

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#stop = clock.every(60_000, () => this.#forgetFull());
  }

  /** Takes `count` tokens and answers 0, or takes none and answers after how many seconds they would be there. */
  take(key: string, count = 1): number {
    const { perSecond, burst } = this.#rate;
    if (perSecond === Number.POSITIVE_INFINITY) return 0;
    const now = this.#clock.now();
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = { tokens: burst, at: now };
      this.#buckets.set(key, bucket);
    }
    // A clock set back must not drain anybody.
    bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    // A hundredth of slack: sending exactly at the rate must not fail for rounding.
    if (bucket.tokens + 0.01 >= Math.min(count, burst)) {
      // The slack is owed, not given: it must not add up to a higher rate. A batch beyond the burst empties the bucket.
      bucket.tokens = Math.max(-0.01, bucket.tokens - count);
      return 0;
    }
    return Math.max(0.1, Math.ceil(((Math.min(count, burst) - bucket.tokens) / perSecond) * 10) / 10);
  }

  close(): void {
    this.#stop();
  }

  #forgetFull(): void {
    const { perSecond, burst } = this.#rate;
    const now = this.#clock.now();
    for (const [key, bucket] of this.#buckets) {
      if (bucket.tokens + ((now - bucket.at) / 1000) * perSecond >= burst) this.#buckets.delete(key);
    }
  }
}
