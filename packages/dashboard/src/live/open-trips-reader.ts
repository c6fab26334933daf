import { ClientError, type RestClient } from '@waycast/client';
import { beginReading, endReading, type OpenTrips, readingFailed, withPage } from './open-trips.ts';
import type { Store } from './store.ts';

const RETRY = 5_000;

/** Reads the list of open trips, page by page, into the store. */
export class OpenTripsReader {
  readonly #rest: RestClient;
  readonly #store: Store<OpenTrips>;
  readonly #refused: (code: string) => void;
  #round = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(rest: RestClient, store: Store<OpenTrips>, refused: (code: string) => void) {
    this.#rest = rest;
    this.#store = store;
    this.#refused = refused;
  }

  /** A newer reading replaces an older one that still runs. */
  async read(): Promise<void> {
    const round = ++this.#round;
    clearTimeout(this.#timer);
    this.#store.update(beginReading);
    const seen = new Set<string>();
    let cursor: string | null = null;
    try {
      do {
        const page: Awaited<ReturnType<RestClient['trips']>> = await this.#rest.trips({
          status: 'open',
          ...(cursor === null ? {} : { cursor }),
        });
        if (round !== this.#round) return;
        for (const trip of page.trips) seen.add(trip.id);
        this.#store.update((state) => withPage(state, page.trips));
        cursor = page.cursor;
      } while (cursor !== null);
      this.#store.update((state) => endReading(state, seen));
    } catch (error) {
      if (round === this.#round) this.#failed(error);
    }
  }

  close(): void {
    this.#round += 1;
    clearTimeout(this.#timer);
  }

  #failed(error: unknown): void {
    if (!(error instanceof ClientError)) throw error;
    this.#store.update(readingFailed);
    this.#refused(error.code);
    this.#timer = setTimeout(() => void this.read(), Math.max(RETRY, (error.retryAfter ?? 0) * 1000));
  }
}
