import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openPostgresStore } from '../../packages/server/src/adapters/postgres-store/store.ts';
import { openSqliteStore } from '../../packages/server/src/adapters/sqlite-store/store.ts';
import type { FixRow } from '../../packages/server/src/core/effects.ts';
import { commitOf, driverAt, row } from '../../packages/server/src/hub/contracts/samples.ts';
import { CENTRE } from './places.ts';
import { until } from './until.ts';

export const DAY_MS = 86_400_000;
/** Some minutes before a midnight long past. */
export const OLD = Math.floor(Date.now() / DAY_MS) * DAY_MS - 40 * DAY_MS - 600_000;
export const OLD_ROWS = 1_200;
/** With those of somebody else, `courier-3`. */
export const OLD_ALL = OLD_ROWS + 50;
export const RECENT = Date.now() - 3_600_000;
/** Whose the track is. */
export const OLD_DRIVER = 'courier-1';

/** The old track of a driver, over a midnight, and a recent one of 300 fixes; a short old one of another. */
function track(): FixRow[] {
  return [
    ...Array.from({ length: OLD_ROWS }, (_, n) => one(n + 1, OLD + n * 1_000)),
    ...Array.from({ length: 300 }, (_, n) => one(OLD_ROWS + n + 1, RECENT + n * 1_000)),
    ...Array.from({ length: OLD_ALL - OLD_ROWS }, (_, n) => one(n + 1, OLD + n * 1_000, 'courier-3')),
  ];
}

function one(n: number, at: number, driverId = OLD_DRIVER): FixRow {
  const fix = {
    ...{ lat: CENTRE.lat + (n % 1_000) * 1e-5, lng: CENTRE.lng, at },
    ...{ speed: 12.5, bearing: null, accuracy: n % 3 === 0 ? null : 4.25, altitude: -1 },
  };
  return row(n, 0, { driverId, fix, receivedAt: at + 40, stream: 'app', seq: n });
}

/** Puts it into an empty data folder, where it is all in the table of history. */
export async function seedFolder(dataDir: string): Promise<void> {
  const store = await openSqliteStore({ dataDir });
  // So many that the store moves all of them into history.
  const filler = Array.from({ length: 20_000 }, (_, n) => one(n + 1, RECENT + n, 'courier-2'));
  const snapshots = [OLD_DRIVER, 'courier-2', 'courier-3'].map((id) => driverAt(id, 30_000));
  await store.commit(commitOf({ rows: [...track(), ...filler], snapshots }));
  await until(
    () => waiting(dataDir),
    (left) => left === 0,
  );
  await store.close();
}

function waiting(dataDir: string): number {
  const db = new DatabaseSync(join(dataDir, 'waycast.db'), { readOnly: true });
  try {
    return (db.prepare('SELECT count(*) AS n FROM journal').get() as { n: number }).n;
  } finally {
    db.close();
  }
}

/** Puts it into an empty PostgreSQL database, and with it the schema. */
export async function seedDatabase(url: string): Promise<void> {
  const store = await openPostgresStore({ url, living: null });
  await store.commit(commitOf({ rows: track() }));
  await store.close();
}
