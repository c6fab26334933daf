import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import { holderOf, inspectSqlite, sizesOf } from './inspect.ts';
import { migrate, SCHEMA_VERSION } from './schema.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'waycast-inspect-'));
const db = new DatabaseSync(join(dataDir, 'waycast.db'));
db.exec('PRAGMA journal_mode = WAL');
migrate(db);
afterAll(() => {
  db.close();
  rmSync(dataDir, { recursive: true });
});

describe('a look at a database that is open elsewhere', () => {
  it('sees what is committed, also while something is being written [C5]', async () => {
    db.exec(`BEGIN IMMEDIATE; INSERT INTO set_aside VALUES (1, 1, 0, '', '')`);
    expect(await inspectSqlite(dataDir, 20_000)).toMatchObject({ schema: SCHEMA_VERSION, setAside: 0, integrity: 'ok' });
    db.exec('COMMIT');
    expect(await inspectSqlite(dataDir, 20_000)).toMatchObject({ setAside: 1 });
  });

  it('tells what it had found when its time was over [C4]', async () => {
    expect(await inspectSqlite(dataDir, 0)).toEqual({});
  });

  it('tells its sizes, and that nobody holds the folder by its lock', () => {
    expect(sizesOf(dataDir)?.wal).toBeGreaterThan(0);
    expect(sizesOf(join(dataDir, 'nowhere'))).toBeNull();
    expect(holderOf(dataDir)).toBeNull();
  });
});
