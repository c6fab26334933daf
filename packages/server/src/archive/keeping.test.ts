import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, vi } from 'vitest';
import { PostgresAgedHistory } from '../adapters/postgres-store/aged-history.ts';
import { asked, database } from '../adapters/postgres-store/testing/database.ts';
import { SqliteAgedHistory } from '../adapters/sqlite-store/aged-history.ts';
import { DATABASE } from '../adapters/sqlite-store/folder.ts';
import { openSqliteStore } from '../adapters/sqlite-store/store.ts';
import { commitOf, driverAt, row } from '../hub/contracts/samples.ts';
import { keep } from './keeping.ts';
import { DAY_MS } from './ports.ts';
import { DAY } from './testing/fixes.ts';
import { type KeptStore, keepingContract } from './testing/keeping-contract.ts';

/** So many that the store moves all it has into history. */
const ENOUGH = 20_000;

async function sqlite(): Promise<KeptStore> {
  const dataDir = mkdtempSync(join(tmpdir(), 'waycast-kept-'));
  const store = await openSqliteStore({ dataDir });
  const path = join(dataDir, DATABASE);
  const look = (text: string, ...values: number[]): number => {
    const db = new DatabaseSync(path, { readOnly: true });
    try {
      return (db.prepare(text).get(...values) as { n: number }).n;
    } finally {
      db.close();
    }
  };
  let filled = 0;
  return {
    store,
    hot: async () => new SqliteAgedHistory(path, store.drops),
    settled: async () => {
      const now = (DAY + 40) * DAY_MS;
      const rows = Array.from({ length: ENOUGH }, (_, n) => row(++filled, n, { driverId: 'filler', receivedAt: now }));
      await store.commit(commitOf({ rows, snapshots: [driverAt('filler', filled)] }));
      await vi.waitFor(() => expect(look('SELECT count(*) AS n FROM journal')).toBe(0), { timeout: 20_000, interval: 5 });
    },
    count: async (day) => look('SELECT count(*) AS n FROM fix WHERE received >= ? AND received < ?', day * DAY_MS, (day + 1) * DAY_MS),
    close: async () => {
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function postgres(): Promise<KeptStore & { url: string }> {
  const place = database();
  const store = await place.open();
  const url = await place.url();
  return {
    url,
    store,
    hot: () => PostgresAgedHistory.open(url),
    settled: async () => undefined,
    count: (day) =>
      asked(url, async (client) => {
        const text = 'SELECT count(*)::int AS n FROM location_history WHERE received >= $1 AND received < $2';
        return (await client.query<{ n: number }>(text, [day * DAY_MS, (day + 1) * DAY_MS])).rows[0]?.n ?? -1;
      }),
    close: async () => {
      await store.close();
      await place.remove();
    },
  };
}

keepingContract('SqliteStore', sqlite);
keepingContract('PostgresStore', postgres);

it('PostgreSQL: a day leaves as a partition, and one process at a time does it [I1, I6]', async () => {
  const kept = await postgres();
  const old = row(1, 0, { receivedAt: DAY * DAY_MS + 5 });
  await kept.store.commit(commitOf({ rows: [old] }));
  const partition = 'location_history_20241004';
  const isThere = () =>
    asked(kept.url, async (client) => (await client.query(`SELECT to_regclass('${partition}') AS t`)).rows[0].t !== null);
  const one = await kept.hot();
  const other = await kept.hot();
  expect(await one.begin()).toBe(true);
  expect(await other.begin()).toBe(false);
  await one.close();
  expect(await other.begin()).toBe(true);
  expect(await other.days(DAY + 1)).toEqual([DAY]);
  expect(await other.drop(DAY, null)).toBe(1);
  expect(await isThere()).toBe(false);
  // A process that remembers the partition stores into it all the same.
  await kept.store.commit(commitOf({ rows: [{ ...old, position: 2 }] }));
  expect(await kept.count(DAY)).toBe(1);
  await other.close();
  await kept.close();
});

it('PostgreSQL: while somebody is in history for long a day stays, nobody waits behind it, and it goes after that [I1]', async () => {
  const kept = await postgres();
  await kept.store.commit(commitOf({ rows: [row(1, 0, { receivedAt: DAY * DAY_MS + 5 })] }));
  const hot = await kept.hot();
  await hot.begin();
  await asked(kept.url, async (reading) => {
    await reading.query('BEGIN; SELECT count(*) FROM location_history');
    const dropping = hot.drop(DAY, null);
    const waits = async (): Promise<number> =>
      asked(kept.url, async (client) => {
        const text = `SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
        return (await client.query<{ n: number }>(text)).rows[0]?.n ?? 0;
      });
    await vi.waitFor(async () => expect(await waits()).toBeGreaterThan(0), { timeout: 10_000, interval: 5 });
    await kept.store.commit(commitOf({ rows: [row(2, 0, { receivedAt: (DAY + 39) * DAY_MS })] }));
    expect(await kept.count(DAY)).toBe(1);
    await reading.query('COMMIT');
    expect(await dropping).toBe(1);
  });
  expect(await kept.count(DAY)).toBe(0);
  expect(await kept.count(DAY + 39)).toBe(1);
  await hot.close();
  await kept.close();
});

it('PostgreSQL: a day stays for the next run while somebody does not end to read, and that is told [I6]', async () => {
  const kept = await postgres();
  await kept.store.commit(commitOf({ rows: [row(1, 0, { receivedAt: DAY * DAY_MS + 5 })] }));
  const run = async () => {
    const hot = await PostgresAgedHistory.open(kept.url, 2);
    const now = (DAY + 40) * DAY_MS;
    const report = await keep({ hot, files: null, retentionDays: 30, now, known: async () => undefined, told: () => undefined });
    await hot.close();
    return report;
  };
  await asked(kept.url, async (reading) => {
    await reading.query('BEGIN; SELECT count(*) FROM location_history');
    expect(await run()).toMatchObject({ days: 0, dropped: 0, stayed: 1 });
    expect(await kept.count(DAY)).toBe(1);
  });
  expect(await run()).toMatchObject({ days: 1, dropped: 1, stayed: 0 });
  expect(await kept.count(DAY)).toBe(0);
  await kept.close();
});

it('PostgreSQL: of a day to which somebody added something only that stays [I2]', async () => {
  const kept = await postgres();
  const at = (n: number) => row(n, n, { receivedAt: DAY * DAY_MS + n });
  await kept.store.commit(commitOf({ rows: [at(1), at(2)] }));
  const hot = await kept.hot();
  await hot.begin();
  const noted = await Array.fromAsync(hot.rows([DAY]));
  await kept.store.commit(commitOf({ rows: [at(3)] }));
  const given = async function* () {
    yield* noted;
  };
  expect(await hot.drop(DAY, given())).toBe(2);
  expect(await kept.count(DAY)).toBe(1);
  await hot.close();
  await kept.close();
});
