import type { Command } from '../core/commands.ts';
import type { OutboxEntry } from '../core/effects.ts';
import { partitionOf } from './partition.ts';
import type { Clock, Log } from './ports.ts';
import type { Store } from './storage-ports.ts';

/** Entries of the outbox that had no effect by then are sent on again: whoever was to do it may be gone, ms. */
const AGAIN_EVERY_MS = 5_000;

export interface AdoptionsParts {
  readonly log: Log;
  readonly store: Store;
  readonly clock: Clock;
  /** The partitions whose drivers are this process's. */
  readonly owned: () => readonly number[];
  readonly warn: (message: string, error: unknown) => void;
}

/** The way of a trip to its driver, whose partition it may be new to [T7]. */
export class Adoptions {
  readonly #parts: AdoptionsParts;
  readonly #stop: () => void;

  constructor(parts: AdoptionsParts) {
    this.#parts = parts;
    this.#stop = parts.clock.every(AGAIN_EVERY_MS, () => void this.#again());
  }

  /** Sends outbox entries to the partition they are for. Harmless when repeated. */
  send(outbox: readonly OutboxEntry[]): void {
    const { log, clock } = this.#parts;
    for (const { id, trip, previous, by, at } of outbox) {
      if (trip.driverId === null) continue;
      const command: Command = {
        kind: 'adopt',
        driverId: trip.driverId,
        receivedAt: clock.now(),
        reply: 0,
        trip: structuredClone(trip),
        previous,
        by,
        at,
        entry: id,
      };
      log.append(partitionOf(trip.driverId), command);
    }
  }

  close(): void {
    this.#stop();
  }

  async #again(): Promise<void> {
    const { log, store, clock, owned, warn } = this.#parts;
    const before = clock.now() - AGAIN_EVERY_MS;
    // What waits to be sent on would only be joined by its own repeats.
    const open = owned().filter((partition) => log.problem(partition) === null);
    if (open.length === 0) return;
    try {
      const waiting = await store.waiting(open);
      this.send(waiting.filter(({ at }) => at <= before));
    } catch (error) {
      warn('the store could not be asked which trips are on their way; it is tried again', error);
    }
  }
}
