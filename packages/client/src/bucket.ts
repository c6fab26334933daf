/** A token bucket: `rate` tokens a second, at most `burst` saved up. Times are ms on any one monotonic clock. */
export class Bucket {
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(rate: number, burst: number, now: number) {
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  available(now: number): number {
    if (now > this.#at) {
      this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#rate);
      this.#at = now;
    }
    return this.#tokens;
  }

  take(count: number, now: number): boolean {
    if (this.available(now) < count) return false;
    this.#tokens -= count;
    return true;
  }

  /** ms until `count` are there; more than the burst never are, so that counts as the burst. */
  wait(count: number, now: number): number {
    const missing = Math.min(count, this.#burst) - this.available(now);
    return missing <= 0 ? 0 : (missing / this.#rate) * 1000;
  }
}
