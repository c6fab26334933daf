/** Notices that this process stood still: stopped, or on a machine that slept. */
export class Standstill {
  readonly #mostMs: number;
  /** When it was asked last: one of the two goes on in whatever sleep. */
  #monotonic = performance.now();
  #wall = Date.now();

  constructor(mostMs: number) {
    this.#mostMs = mostMs;
  }

  /** How long it stood still since this was asked last, ms; 0 when that was not long. To be asked far more often than that. */
  passed(): number {
    const [monotonic, wall] = [performance.now(), Date.now()];
    const ms = Math.max(monotonic - this.#monotonic, wall - this.#wall);
    this.#monotonic = monotonic;
    this.#wall = wall;
    return ms > this.#mostMs ? ms : 0;
  }
}
