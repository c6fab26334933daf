import type { Outbox } from '../outbox/ports.ts';
import type { Store } from '../storage-ports.ts';

/** A store with its outbox, where it can be opened again. */
export interface OutboxPlace {
  open(): Promise<{ readonly store: Store; readonly outbox: Outbox; close(): Promise<void> }>;
  remove(): Promise<void>;
}
