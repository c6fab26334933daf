import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished, vi } from 'vitest';
import { commitOf, driverAt, row, T0 } from '../../hub/contracts/samples.ts';
import { SqliteAgedHistory } from './aged-history.ts';
import { openSqliteStore } from './store.ts';

const DAY = Math.floor(T0 / 86_400_000);

it('what is left of a driver that is erased goes into no archive [I15]', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'waycast-erased-'));
  const path = join(dataDir, 'waycast.db');
  const store = await openSqliteStore({ dataDir });
  const db = new DatabaseSync(path, { readOnly: true });
  const history = new SqliteAgedHistory(path, store.drops);
  onTestFinished(async () => {
    db.close();
    await history.close();
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const rows = Array.from({ length: 20_000 }, (_, n) => row(n + 1, n / 1_000, { driverId: n % 2 === 0 ? 'd' : 'gone' }));
  await store.commit(commitOf({ rows, snapshots: [driverAt('d', rows.length), driverAt('gone', rows.length)] }));
  await vi.waitFor(() => expect(db.prepare('SELECT count(*) AS n FROM journal').get()).toEqual({ n: 0 }), { timeout: 20_000, interval: 5 });
  await store.commit(commitOf({ erased: [{ driverId: 'gone', at: T0 }] }));
  const found: string[] = [];
  for await (const lot of history.rows([DAY])) found.push(...lot.map(({ driver }) => driver));
  expect(found).toHaveLength(10_000);
  expect(new Set(found)).toEqual(new Set(['d']));
});
