import { ClientError } from './client-error.ts';

interface Waiter {
  atMost: number;
  resolve: () => void;
  reject: (error: ClientError) => void;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Promises that resolve when a count has come down far enough. */
export class Waiters {
  readonly #waiters = new Set<Waiter>();

  /** @throws ClientError `timeout` after `timeout` ms, when given */
  wait(count: number, atMost: number, timeout: number | undefined): Promise<void> {
    if (count <= atMost) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { atMost, resolve, reject, timer: undefined };
      if (timeout !== undefined && Number.isFinite(timeout)) {
        waiter.timer = setTimeout(() => {
          this.#waiters.delete(waiter);
          reject(new ClientError('timeout', `not all was stored in ${timeout} ms`));
        }, timeout);
      }
      this.#waiters.add(waiter);
    });
  }

  check(count: number): void {
    for (const waiter of this.#waiters) if (count <= waiter.atMost) this.#end(waiter).resolve();
  }

  fail(error: ClientError): void {
    for (const waiter of this.#waiters) this.#end(waiter).reject(error);
  }

  #end(waiter: Waiter): Waiter {
    clearTimeout(waiter.timer);
    this.#waiters.delete(waiter);
    return waiter;
  }
}
