import type {
  Consumer,
  DeliveryRecord,
  DeliveryState,
  Exchange,
  Exchanged,
  Outbox,
  OutgoingMessage,
  Replay,
} from '../../hub/outbox/ports.ts';
import type { Page } from '../../hub/page.ts';
import type { OutgoingRequest } from './messages.ts';
import type { Question } from './reader.ts';

interface Threads {
  readonly write: (method: OutgoingRequest['method'], args: readonly unknown[]) => Promise<unknown>;
  readonly read: (method: Question['method'], ...args: readonly unknown[]) => Promise<unknown>;
}

/** Messages on their way out, in the store's database. */
export class SqliteOutbox implements Outbox {
  readonly #threads: Threads;

  constructor(threads: Threads) {
    this.#threads = threads;
  }

  async exchange(exchange: Exchange): Promise<Exchanged> {
    return (await this.#threads.write('exchange', [exchange])) as Exchanged;
  }

  async consumers(): Promise<readonly Consumer[]> {
    return (await this.#threads.read('consumers')) as Consumer[];
  }

  async putConsumer(consumer: Consumer, expected: number): Promise<boolean> {
    return (await this.#threads.write('putConsumer', [consumer, expected])) as boolean;
  }

  async removeConsumer(id: string): Promise<boolean> {
    return (await this.#threads.write('removeConsumer', [id])) as boolean;
  }

  async enqueue(consumerId: string, message: OutgoingMessage): Promise<void> {
    await this.#threads.write('enqueue', [consumerId, message]);
  }

  async deliveries(consumerId: string, state: DeliveryState | null, limit: number, cursor: string | null): Promise<Page<DeliveryRecord>> {
    return (await this.#threads.read('deliveries', consumerId, state, limit, cursor)) as Page<DeliveryRecord>;
  }

  async replay(consumerId: string, which: Replay, now: number, cursor: string | null): Promise<{ count: number; cursor: string | null }> {
    return (await this.#threads.write('replay', [consumerId, which, now, cursor])) as { count: number; cursor: string | null };
  }

  async prune(now: number, expired: number, old: number): Promise<boolean> {
    return (await this.#threads.write('prune', [now, expired, old])) as boolean;
  }

  async counts(): Promise<{ pending: number; dead: number }> {
    return (await this.#threads.read('outgoingCounts')) as { pending: number; dead: number };
  }
}
