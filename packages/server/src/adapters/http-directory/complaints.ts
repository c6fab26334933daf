/** The same complaint is made once in this time, ms, and so many others meanwhile. */
const AGAIN_AFTER_MS = 600_000;
const MOST = 1_000;

/** Log lines about what does not change from one question to the next: each is written now and then, not every time. */
export class Complaints {
  readonly #write: (line: string) => void;
  readonly #now: () => number;
  /** When each was made, oldest first. */
  readonly #made = new Map<string, number>();

  /** @param now monotonic, ms */
  constructor(write: (line: string) => void, now: () => number = () => performance.now()) {
    this.#write = write;
    this.#now = now;
  }

  make(line: string): void {
    const now = this.#now();
    for (const [old, at] of this.#made) {
      if (now - at < AGAIN_AFTER_MS) break;
      this.#made.delete(old);
    }
    // With so many there is no news in one more.
    if (this.#made.has(line) || this.#made.size >= MOST) return;
    this.#made.set(line, now);
    this.#write(line);
  }
}
