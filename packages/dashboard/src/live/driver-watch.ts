import type { StreamClient, Watch } from '@waycast/client';
import type { DriverView, Location } from '@waycast/protocol';
import { Store } from './store.ts';

/** The one opened driver, from its own feed: profile, and positions as they come. */
export interface DriverDetail {
  id: string;
  driver: DriverView | null;
  location: Location | null;
  missing: boolean;
}

export class DriverWatch {
  readonly detail = new Store<DriverDetail | null>(null);
  readonly #stream: StreamClient;
  #watch: Watch | null = null;

  constructor(stream: StreamClient) {
    this.#stream = stream;
  }

  /** Opens a driver instead of the one before; null closes. */
  open(id: string | null): void {
    if (this.detail.get()?.id === id) return;
    this.#watch?.close();
    this.#watch = null;
    if (id === null) {
      this.detail.set(null);
      return;
    }
    this.detail.set({ id, driver: null, location: null, missing: false });
    const change = (more: Partial<DriverDetail>) => this.detail.update((detail) => (detail?.id === id ? { ...detail, ...more } : detail));
    this.#watch = this.#stream.watch(`driver:${id}`, {
      snapshot: ({ driver, location }) => change({ driver: driver ?? null, location, missing: false }),
      location: ({ lat, lng, speed, bearing, accuracy, altitude, timestamp }) =>
        change({ location: { lat, lng, speed, bearing, accuracy, altitude, timestamp } }),
      error: (error) => change({ missing: error.code === 'not_found' }),
    });
  }
}
