/** A value on its way. */
export interface Latest {
  readonly key: string;
  readonly value: string;
  /** When it is worth nothing any more, ms on the clock of whoever gave it. */
  readonly until: number;
}

/**
 * The newest value of each key until it is known to be written. One that did not arrive waits to be written again, unless a newer
 * one is here or on its way by then. Of too many keys those that were given longest ago are left out.
 */
export class LatestValues {
  readonly #most: number;
  /** To be written next, the one given longest ago first. */
  #waiting = new Map<string, Latest>();
  /** The newest of each key that is on its way. */
  #onItsWay = new Map<string, Latest>();
  /** Did not arrive. */
  readonly #failed = new Map<string, Latest>();
  #leftOut = 0;

  /** @param most so many keys at a time */
  constructor(most: number) {
    this.#most = most;
  }

  /** How many keys wait, are on their way, or did not arrive. */
  get size(): number {
    return this.#waiting.size + this.#onItsWay.size + this.#failed.size;
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  get hasFailed(): boolean {
    return this.#failed.size > 0;
  }

  /** How many were left out so far, for there were too many. */
  get leftOut(): number {
    return this.#leftOut;
  }

  put(one: Latest): void {
    this.#failed.delete(one.key);
    this.#waiting.delete(one.key);
    this.#waiting.set(one.key, one);
    if (this.size > this.#most) this.#leaveOut();
  }

  /** Nothing of this key is to be written; what is on its way may still arrive. */
  remove(key: string): void {
    for (const some of [this.#waiting, this.#onItsWay, this.#failed]) some.delete(key);
  }

  /** The next ones to be written, on their way from here on, without those that are worth nothing at `now`. */
  take(count: number, now: number): readonly Latest[] {
    const taken: Latest[] = [];
    const waiting = this.#waiting;
    const takesAll = waiting.size <= count;
    // Not emptied one by one: a Map keeps what was in it before it shrank or grew for as long as V8 takes it for old.
    if (takesAll) this.#waiting = new Map();
    for (const one of waiting.values()) {
      if (taken.length === count) break;
      if (!takesAll) waiting.delete(one.key);
      if (one.until <= now) continue;
      this.#onItsWay.set(one.key, one);
      taken.push(one);
    }
    return taken;
  }

  /** Whether one that was taken has arrived. */
  settle(one: Latest, hasArrived: boolean): void {
    // A newer one of its key follows it: this one must not come after that.
    if (this.#onItsWay.get(one.key) !== one) return;
    if (this.#onItsWay.size > 1) this.#onItsWay.delete(one.key);
    else this.#onItsWay = new Map();
    if (!hasArrived && !this.#waiting.has(one.key)) this.#failed.set(one.key, one);
  }

  /** So many of those that did not arrive are to be written again. */
  retry(count: number): void {
    for (const one of [...this.#failed.values().take(count)]) {
      this.#failed.delete(one.key);
      this.#waiting.set(one.key, one);
    }
  }

  #leaveOut(): void {
    const oldest = this.#failed.keys().next().value ?? this.#waiting.keys().next().value;
    if (oldest === undefined) return;
    if (!this.#failed.delete(oldest)) this.#waiting.delete(oldest);
    this.#leftOut++;
  }
}
