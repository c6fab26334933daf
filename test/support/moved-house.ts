import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { openPostgresStore } from '../../packages/server/src/adapters/postgres-store/store.ts';
import { ageHouse, fillHouse, SCENE_ENV } from './moved-scene.ts';
import { killWaiting } from './moving.ts';
import { startReceiver } from './receiver.ts';
import { startProcess, tempDir } from './server-process.ts';
import { asDatabase } from './services/as-database.ts';
import { newDatabase } from './services/postgres.ts';
import type { Ended } from './waycast.ts';

export interface MovedHouse {
  /** A folder for all of the file's tests. */
  readonly home: string;
  /** An embedded database with something of everything; the tests move copies of it. */
  house(): string;
  copyOf(dataDir: string): string;
}

/** Before the tests of a file: what they move. */
export function movedHouse(): MovedHouse {
  const home = tempDir();
  const house = join(home, 'house');
  beforeAll(async () => {
    const receiver = await startReceiver();
    const server = await startProcess({ dataDir: house, env: SCENE_ENV });
    await fillHouse(server, receiver).finally(() => Promise.all([server.kill(), receiver.remove()]));
    ageHouse(house);
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  return {
    home,
    house: () => house,
    copyOf: (dataDir) => {
      const copied = mkdtempSync(join(home, 'data-'));
      cpSync(dataDir, copied, { recursive: true });
      return copied;
    },
  };
}

/** A database of this test's own, with nothing in it. */
export async function databaseForTest(): Promise<string> {
  const { url, drop } = await newDatabase();
  onTestFinished(() => drop());
  return url;
}

/** With all tables, and nothing in them. */
export async function emptyDatabase(): Promise<string> {
  const url = await databaseForTest();
  await (await openPostgresStore({ url })).close();
  return url;
}

/** Moves until so many fixes, in tens of thousands, are there, and dies amid the next ones. */
export async function killAmidFixes(dataDir: string, url: string, after = 10_000): Promise<void> {
  const [{ driver, at } = { driver: 0, at: 0 }] = inSource(
    dataDir,
    `SELECT driver, at FROM fix ORDER BY driver, at, id LIMIT 1 OFFSET ${after + 5_000}`,
  );
  await asDatabase(
    url,
    `CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN new; END';
     CREATE TRIGGER hold BEFORE INSERT ON location_history FOR EACH ROW 
       WHEN (new.driver = ${Number(driver)} AND new.at = ${Number(at)}) EXECUTE FUNCTION hold()`,
  );
  await killWaiting(dataDir, url, 'SELECT pg_advisory_xact_lock(42)');
  expect(await progressOf(url, 'fixes')).toEqual([{ rows: String(after), done: false }]);
  await asDatabase(url, 'DROP TRIGGER hold ON location_history; DROP FUNCTION hold');
}

/** How far a move has come with a part. */
export function progressOf(url: string, part: string): Promise<Record<string, unknown>[]> {
  return asDatabase(url, 'SELECT rows, done FROM half_moved WHERE part = $1', [part]);
}

/** Asked of the embedded database itself. */
export function inSource(dataDir: string, text: string): Record<string, unknown>[] {
  const db = new DatabaseSync(join(dataDir, 'waycast.db'));
  try {
    return db.prepare(text).all();
  } finally {
    db.close();
  }
}

/** It ended with 1, and its last line says so. */
export function refused({ code, out, err }: Ended, ...words: RegExp[]): void {
  expect(code, out + err).toBe(1);
  const said = err.trim().split('\n');
  for (const word of words) expect(said.at(-1)).toMatch(word);
}
