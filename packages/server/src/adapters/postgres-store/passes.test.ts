import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../../../../test/support/until.ts';
import { commitOf, row, T0 } from '../../hub/contracts/samples.ts';
import { addressOf } from './address.ts';
import { readPasses } from './passes.ts';
import { Primary } from './primary.ts';
import { asked, database } from './testing/database.ts';

const SEARCH = { lat: 44.5, lng: 11.3, radius: 100, from: T0, to: T0 + 600_000, drivers: null };
const at = database();
let pool: pg.Pool;

beforeAll(async () => {
  const store = await at.open();
  await store.commit(commitOf({ rows: Array.from({ length: 100 }, (_, n) => row(n + 1, n, { receivedAt: T0 + (n % 2) * 86_400_000 })) }));
  await store.close();
  pool = new pg.Pool({ ...addressOf('DATABASE_URL', await at.url()).config, max: 1 });
});

afterAll(async () => {
  await pool.end();
  await at.remove();
});

describe('a search for who passed', () => {
  it('is given up when it takes too long, and not gone on with [Q6]', async () => {
    await asked(at.url(), async (client) => {
      await client.query('BEGIN; LOCK TABLE location_history IN ACCESS EXCLUSIVE MODE');
      await expect(readPasses(new Primary(pool), SEARCH, 10, 50)).rejects.toMatchObject({ code: 'storage_unavailable' });
      const { rows } = await client.query(
        'SELECT count(*)::int AS waiting FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database() AND NOT l.granted',
      );
      expect(rows).toEqual([{ waiting: 0 }]);
    });
    expect((await readPasses(new Primary(pool), SEARCH, 10)).items).toMatchObject([{ driver: 'd', fixes: 100 }]);
  });

  it('goes by the index of capture times, in every day, however few the rows', async () => {
    await readPasses(new Primary(pool), SEARCH, 10);
    const scans = () =>
      asked(at.url(), async (client) => {
        const { rows } = await client.query<{ day: string; by: string }>(
          `SELECT s.relname AS day, a.amname AS by FROM pg_stat_user_indexes s JOIN pg_class c ON c.oid = s.indexrelid JOIN pg_am a ON a.oid = c.relam
           WHERE s.relname LIKE 'location_history_%' AND s.idx_scan > 0 ORDER BY 1`,
        );
        return rows;
      });
    const seen = await until(scans, (rows) => rows.length > 1);
    expect(seen.map(({ by }) => by)).toEqual(seen.map(() => 'brin'));
  });
});
