import type { Delivery } from '../hub/delivery.ts';
import type { Bus } from '../hub/ports.ts';

/** The bus of one process: whoever publishes calls whoever listens. */
export class MemoryBus implements Bus {
  readonly #joined = new Set<string>();
  #deliver: ((delivery: Delivery) => void) | undefined;

  publish(delivery: Delivery): void {
    if (this.#joined.has(delivery.feed)) this.#deliver?.(delivery);
  }

  join(feed: string): void {
    this.#joined.add(feed);
  }

  leave(feed: string): void {
    this.#joined.delete(feed);
  }

  listen(deliver: (delivery: Delivery) => void): void {
    this.#deliver = deliver;
  }

  async known(): Promise<boolean> {
    return true;
  }
}
