import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { migrate } from '../../../../packages/server/src/adapters/sqlite-store/schema.ts';
import { newDriver, snapshotOf } from '../../../../packages/server/src/core/driver.ts';

const DAY_MS = 86_400_000;
const IN_ONE = 200_000;

/** A history that was made quickly. */
export interface MadeHistory {
  readonly drivers: readonly string[];
  /** The first capture, epoch ms, and how much the database takes for a fix, bytes. */
  readonly from: number;
  readonly bytesPerFix: number;
}

/** An embedded database with a history of whole days that ended before `until`, days ago; of each driver a fix every so often. */
export function makeHistory(dataDir: string, rows: number, days: number, drivers: number, until: number): MadeHistory {
  mkdirSync(dataDir, { recursive: true });
  const path = join(dataDir, 'waycast.db');
  const db = new DatabaseSync(path);
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000');
  migrate(db);
  const from = (Math.floor(Date.now() / DAY_MS) - until - days) * DAY_MS;
  const each = Math.floor(rows / drivers);
  const apart = Math.floor((days * DAY_MS) / each);
  const names = Array.from({ length: drivers }, (_, n) => `courier-${String(n).padStart(5, '0')}`);
  const driver = db.prepare('INSERT INTO driver (id, name) VALUES (?, ?)');
  const stream = db.prepare('INSERT INTO stream (id, driver, name) VALUES (?, ?, ?)');
  const snapshot = db.prepare('INSERT INTO snapshot (driver, online, state) VALUES (?, 0, ?)');
  const fix = db.prepare('INSERT INTO fix VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, 0, ?, ?, ?)');
  let made = 0;
  db.exec('BEGIN');
  names.forEach((name, d) => {
    driver.run(d + 1, name);
    stream.run(d + 1, d + 1, 'app');
    snapshot.run(d + 1, SNAPSHOT);
    let [lat, lng] = [525_000_000 + d * 1_000, 134_000_000];
    for (let n = 0; n < each; n++) {
      // A wandering vehicle, with the noise of a phone.
      lat += Math.round(Math.sin(n / 40 + d) * 900 + (Math.random() - 0.5) * 300);
      lng += Math.round(Math.cos(n / 55 + d) * 900 + (Math.random() - 0.5) * 300);
      const at = from + n * apart + Math.floor(Math.random() * 500);
      const speed = Math.round(3_000 + 2_000 * Math.sin(n / 30));
      fix.run(d + 1, at, made, lat, lng, speed, (n * 137) % 36_000, 300 + (n % 900), at + 180 + (n % 400), d + 1, n + 1);
      if (++made % IN_ONE === 0) db.exec('COMMIT; BEGIN');
    }
  });
  db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
  return { drivers: names, from, bytesPerFix: statSync(path).size / made };
}

/** A driver nobody has heard of for long. */
const SNAPSHOT = JSON.stringify(snapshotOf(newDriver('nobody', 'never')));
