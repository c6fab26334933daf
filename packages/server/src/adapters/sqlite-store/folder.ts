import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartupError } from '../../startup-error.ts';
import { readMove, sayMoved } from './moved.ts';

/** The data folder, held by this process alone [A8]. */
export interface Folder {
  readonly database: string;
  release(): void;
}

/** What the embedded database is called in its folder. */
export const DATABASE = 'waycast.db';

/** Beside it: held while a process has the folder. */
export const LOCK = 'lock';

const BUSY = 5;

/** Stands in the folder while a backup is put in place: what else is there is half of one and half of another. */
export const RESTORING = 'restoring.json';

/**
 * Takes the data folder. The lock is SQLite's own file lock on a small file beside the database: the system frees
 * it when the process dies, however it dies.
 * @param purpose to `restore` a backup, if need be anew; to `move` its database elsewhere, if need be the rest of it
 * @throws StartupError when the folder cannot be written, another process has it, a restore did not get to its end, or
 * its database is elsewhere
 */
export function takeFolder(dataDir: string, purpose: 'serve' | 'restore' | 'move' = 'serve'): Folder {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    accessSync(dataDir, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new StartupError(
      `DATA_DIR ${dataDir} cannot be written (${(cause as Error).message}): give this user the folder or name another`,
      { cause },
    );
  }
  const holder = join(dataDir, 'holder.json');
  const lock = holdLock(join(dataDir, LOCK), dataDir, holder);
  try {
    mustBeWhole(dataDir, purpose);
  } catch (error) {
    lock.close();
    throw error;
  }
  writeFileSync(holder, JSON.stringify({ pid: process.pid, since: new Date().toISOString() }));
  let held = true;
  return {
    database: join(dataDir, DATABASE),
    release: () => {
      if (held) lock.close();
      held = false;
    },
  };
}

function mustBeWhole(dataDir: string, purpose: 'serve' | 'restore' | 'move'): void {
  if (purpose !== 'restore' && existsSync(join(dataDir, RESTORING)))
    throw new StartupError(`DATA_DIR ${dataDir} holds a restore that did not get to its end: run it again`);
  const move = purpose === 'serve' ? readMove(dataDir) : null;
  if (move === null) return;
  const { what, remedy } = sayMoved(dataDir, move);
  throw new StartupError(`${what}: ${remedy}`);
}

function holdLock(path: string, dataDir: string, holder: string): Lock {
  let lock: Lock | null;
  try {
    lock = lockFile(path);
  } catch (cause) {
    throw new StartupError(`DATA_DIR ${dataDir} cannot be locked (${(cause as Error).message})`, { cause });
  }
  if (lock === null)
    throw new StartupError(`DATA_DIR ${dataDir} is in use by ${nameOf(holder)}: stop it first, or give this process a folder of its own`);
  return lock;
}

export interface Lock {
  close(): void;
}

/** Holds a file by SQLite's own lock, which the system frees with the process; null while another process has it. */
export function lockFile(path: string): Lock | null {
  const lock = new DatabaseSync(path);
  try {
    lock.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode === BUSY) return null;
    throw error;
  }
}

function nameOf(holder: string): string {
  try {
    const { pid, since } = JSON.parse(readFileSync(holder, 'utf8')) as { pid: number; since: string };
    return `process ${pid} (since ${since})`;
  } catch {
    // It holds the lock and has not written its name yet.
    return 'another process';
  }
}
