import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outboxContract } from '../../hub/contracts/outbox.ts';
import { openSqliteStore } from './store.ts';

outboxContract('SqliteStore', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'waycast-outbox-'));
  return {
    open: async () => {
      const store = await openSqliteStore({ dataDir });
      return { store, outbox: store.outbox, close: () => store.close() };
    },
    remove: async () => rmSync(dataDir, { recursive: true, force: true }),
  };
});
