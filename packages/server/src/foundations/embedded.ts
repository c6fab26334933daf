import { join } from 'node:path';
import { MemoryBus } from '../adapters/memory-bus.ts';
import { MemoryCodes } from '../adapters/memory-codes.ts';
import { MemoryHot } from '../adapters/memory-hot.ts';
import { MemoryLog } from '../adapters/memory-log.ts';
import { MemoryOwnership } from '../adapters/memory-ownership.ts';
import { MemoryPresence } from '../adapters/memory-presence.ts';
import { DATABASE } from '../adapters/sqlite-store/folder.ts';
import { openSqliteStore } from '../adapters/sqlite-store/store.ts';
import { systemClock } from '../adapters/system-clock.ts';
import type { Outbox } from '../hub/outbox/ports.ts';
import type { Ownership } from '../hub/ports.ts';
import type { Eraser, Records, SessionLog, Store } from '../hub/storage-ports.ts';
import { type Foundation, type Ground, SIGN_IN_MS, TICKET_MS } from './foundation.ts';

/**
 * One process that has everything in itself: SQLite in its data folder, the rest in memory.
 * @throws StartupError
 */
export async function embedded(dataDir: string, { storeHealth }: Ground): Promise<Foundation> {
  const store = await openSqliteStore({ dataDir, onHealth: storeHealth });
  return { ...inOneProcess(store, new MemoryOwnership()), history: { kind: 'sqlite', path: join(dataDir, DATABASE) }, drops: store.drops };
}

/** Whatever the store is, what a single process need not share is in its memory. */
export function inOneProcess(
  store: Store & Records & SessionLog & { readonly outbox: Outbox; readonly eraser: Eraser },
  ownership: Ownership,
): Omit<Foundation, 'history' | 'drops'> {
  const hot = new MemoryHot(systemClock);
  return {
    home: 0,
    ownership,
    log: new MemoryLog(),
    hot,
    bus: new MemoryBus(),
    presence: new MemoryPresence(),
    store,
    outbox: store.outbox,
    eraser: store.eraser,
    tickets: new MemoryCodes(systemClock, TICKET_MS),
    signIns: new MemoryCodes(systemClock, SIGN_IN_MS),
    redis: () => 'unused',
    close: async () => {
      hot.close();
      await store.close();
    },
  };
}
