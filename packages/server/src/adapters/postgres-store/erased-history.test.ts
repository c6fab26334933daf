import { expect, it, onTestFinished } from 'vitest';
import { commitOf, row, T0 } from '../../hub/contracts/samples.ts';
import { PostgresAgedHistory } from './aged-history.ts';
import { database } from './testing/database.ts';

const DAY = Math.floor(T0 / 86_400_000);

it('what is left of a driver that is erased goes into no archive [I15]', async () => {
  const at = database();
  onTestFinished(() => at.remove());
  const store = await at.open();
  await store.commit(commitOf({ rows: [row(1, 1), row(2, 2, { driverId: 'gone' })] }));
  await store.commit(commitOf({ erased: [{ driverId: 'gone', at: T0 }] }));
  await store.close();
  const history = await PostgresAgedHistory.open(await at.url());
  const found: string[] = [];
  for await (const lot of history.rows([DAY])) found.push(...lot.map(({ driver }) => driver));
  await history.close();
  expect(found).toEqual(['d']);
});
