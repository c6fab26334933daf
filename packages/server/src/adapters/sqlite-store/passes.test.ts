import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished } from 'vitest';
import { until } from '../../../../../test/support/until.ts';
import { commitOf, driverAt, row, sampleTrip } from '../../hub/contracts/samples.ts';
import { openSqliteStore } from './store.ts';

it('a long search lets others have their turn [Q1]', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'waycast-passes-'));
  const store = await openSqliteStore({ dataDir });
  onTestFinished(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const rows = Array.from({ length: 120_000 }, (_, n) => row(n + 1, n));
  await store.commit(commitOf({ rows, trips: [sampleTrip('t')], snapshots: [driverAt('d', rows.length)] }));
  const db = new DatabaseSync(join(dataDir, 'waycast.db'), { readOnly: true });
  onTestFinished(() => db.close());
  await until(
    () => db.prepare('SELECT count(*) AS n FROM journal').get()?.n,
    (left) => left === 0,
  );
  const ended: string[] = [];
  const search = { lat: 44.5, lng: 11.3, radius: 100, from: 0, to: Number.MAX_SAFE_INTEGER, drivers: null };
  const searching = store.passes(search, 10).then(({ items }) => {
    ended.push('search');
    return items;
  });
  // Each is asked once the one before is answered: they come in between.
  for (let n = 0; n < 3; n++) {
    await store.trip('t');
    ended.push('trip');
  }
  expect(await searching).toMatchObject([{ driver: 'd', fixes: 120_000 }]);
  expect(ended).toEqual(['trip', 'trip', 'trip', 'search']);
});
