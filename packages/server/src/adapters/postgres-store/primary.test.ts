import pg from 'pg';
import { expect, it } from 'vitest';
import { asDatabase } from '../../../../../test/support/services/as-database.ts';
import { newDatabase } from '../../../../../test/support/services/postgres.ts';
import { Primary } from './primary.ts';

it('a connection that ends between two statements fails the transaction, and the process goes on [A7]', async () => {
  const database = await newDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 1 });
  pool.on('error', () => undefined);
  const primary = new Primary(pool);
  const failing = primary.transaction(async (client) => {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const ended = new Promise((resolve) => client.once('end', resolve));
    await asDatabase(database.url, 'SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await ended;
    await client.query('SELECT 1');
  });
  await expect(failing).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(await primary.transaction(async (client) => (await client.query('SELECT 1 AS one')).rows)).toEqual([{ one: 1 }]);
  await pool.end();
  await database.drop();
});
