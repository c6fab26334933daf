import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartupError } from '../../startup-error.ts';

/** Stands in the folder once its database is being moved to PostgreSQL: what is served from here on is there [M4]. */
export const MOVED = 'moved.json';

/** Where a database moves, or has moved. */
export interface Move {
  /** Of this database, as the other one knows it. */
  readonly id: string;
  /** Of the other database, for people. */
  readonly to: string;
  /** ISO times; `moved` is null while it is under way. */
  readonly began: string;
  readonly moved: string | null;
}

/** @throws StartupError when it cannot be read */
export function readMove(dataDir: string): Move | null {
  const path = join(dataDir, MOVED);
  if (!existsSync(path)) return null;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Move;
  } catch (cause) {
    throw new StartupError(`${path} cannot be read (${(cause as Error).message}): see to it before this database is served`, { cause });
  }
}

/** How a folder stands whose database is elsewhere, and what to do. */
export function sayMoved(dataDir: string, { to, began, moved }: Move): { readonly what: string; readonly remedy: string } {
  const undo = `remove ${join(dataDir, MOVED)} to go on with it here`;
  if (moved === null)
    return {
      what: `the database of DATA_DIR ${dataDir} is half moved to PostgreSQL at ${to} (since ${began})`,
      remedy: `run waycast move-data again, it goes on where it stopped; or give that up, and ${undo}`,
    };
  return {
    what: `the database of DATA_DIR ${dataDir} was moved to PostgreSQL at ${to} on ${moved}`,
    remedy: `set DATABASE_URL; or give up what was stored there since, and ${undo}`,
  };
}
