import { WaycastError } from '@waycast/protocol';
import type { Clock } from '../ports.ts';
import { FRESH_MS } from './answers.ts';

const LOOK_EVERY_MS = 1_000;
/** With the second until it is noticed, this leaves an answer three seconds to come within FRESH_MS. */
export const EARLIEST_MS = FRESH_MS - 8_000;
const LATEST_MS = FRESH_MS - 4_000;
/** After a failure, ms, or when it says. */
const AGAIN_MS = 3_000;
const AT_ONCE = 16;

interface Watched {
  watchers: number;
  /** Epoch ms. */
  dueAt: number;
  busy: boolean;
}

export interface RefresherParts {
  readonly clock: Clock;
  /** Brings a ride in line with what the services say now. */
  readonly refresh: (rideId: string) => Promise<void>;
  /** When what is known of a ride was asked for, epoch ms; undefined when nothing is. */
  readonly askedAt: (rideId: string) => number | undefined;
  readonly failed: (rideId: string, error: unknown) => void;
}

/** Looks after the rides that are watched: each is asked for again before what is known of it gets too old [X6]. */
export class Refresher {
  readonly #parts: RefresherParts;
  readonly #watched = new Map<string, Watched>();
  readonly #due: string[] = [];
  readonly #stop: () => void;
  #running = 0;
  #closed = false;

  constructor(parts: RefresherParts) {
    this.#parts = parts;
    this.#stop = parts.clock.every(LOOK_EVERY_MS, () => this.#look());
  }

  watch(rideId: string): void {
    const watched = this.#watched.get(rideId);
    if (watched === undefined) this.#watched.set(rideId, { watchers: 1, dueAt: this.#nextOf(rideId), busy: false });
    else watched.watchers++;
  }

  unwatch(rideId: string): void {
    const watched = this.#watched.get(rideId);
    if (watched !== undefined && --watched.watchers === 0) this.#watched.delete(rideId);
  }

  close(): void {
    this.#closed = true;
    this.#stop();
    this.#due.length = 0;
  }

  #look(): void {
    const now = this.#parts.clock.now();
    for (const [rideId, watched] of this.#watched) {
      // Due later than ever intended: the clock was set back.
      if (watched.busy || (watched.dueAt > now && watched.dueAt <= now + FRESH_MS)) continue;
      watched.busy = true;
      this.#due.push(rideId);
    }
    this.#run();
  }

  #run(): void {
    while (this.#running < AT_ONCE) {
      const rideId = this.#due.shift();
      if (rideId === undefined) return;
      const watched = this.#watched.get(rideId);
      if (watched === undefined) continue;
      this.#running++;
      void this.#refresh(rideId, watched);
    }
  }

  async #refresh(rideId: string, watched: Watched): Promise<void> {
    try {
      await this.#parts.refresh(rideId);
      watched.dueAt = this.#nextOf(rideId);
    } catch (error) {
      watched.dueAt = this.#parts.clock.now() + spread(1, 2) * Math.max(AGAIN_MS, waitOf(error));
      this.#parts.failed(rideId, error);
    }
    watched.busy = false;
    this.#running--;
    if (!this.#closed) this.#run();
  }

  /** At once for a ride nothing is known of: it was asked for before a restart, and who knows when. */
  #nextOf(rideId: string): number {
    const askedAt = this.#parts.askedAt(rideId);
    return askedAt === undefined ? this.#parts.clock.now() : askedAt + spread(EARLIEST_MS, LATEST_MS);
  }
}

/** How long the failure says to wait, ms. */
function waitOf(error: unknown): number {
  return error instanceof WaycastError ? (error.retryAfter ?? 0) * 1_000 : 0;
}

/** Somewhere between, so that rides that were opened together are not asked for together for ever. */
function spread(from: number, to: number): number {
  return from + Math.random() * (to - from);
}
