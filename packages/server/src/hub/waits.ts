/** Pauses between tries, each twice as long as the one before up to a longest one, ms. */
export class Waits {
  readonly #longest: number;
  #next: number;
  #until = Number.NEGATIVE_INFINITY;

  constructor(first: number, longest: number) {
    this.#next = first;
    this.#longest = longest;
  }

  /** `now`: epoch ms. */
  begin(now: number): void {
    this.#until = now + this.#next;
    this.#next = Math.min(2 * this.#next, this.#longest);
  }

  /** Whether it may be tried; true before the first `begin`. */
  isOver(now: number): boolean {
    return now >= this.#until;
  }
}
