import { backup, DatabaseSync } from 'node:sqlite';
import { StartupError } from '../../startup-error.ts';
import { SCHEMA_VERSION } from './schema.ts';

/** Pages copied before others get their turn: 8 MB. */
const PAGES_AT_ONCE = 2_000;

/** How far a copy is, in pages. */
export type Progress = (done: number, all: number) => void;

/**
 * Copies the database as it is at this moment, whatever is written meanwhile and by whom. Writers are not held up; what
 * they write stays in the log beside the database until the copy is done.
 */
export async function copyDatabase(from: string, to: string, progress: Progress): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true });
  try {
    // Without a transaction of its own the copy would begin anew with every commit of the server.
    source.exec('BEGIN');
    source.prepare('SELECT 1 FROM sqlite_schema').get();
    await backup(source, to, {
      rate: PAGES_AT_ONCE,
      progress: ({ totalPages, remainingPages }) => progress(totalPages - remainingPages, totalPages),
    });
  } finally {
    source.close();
  }
}

/** A database file is not as it was left. */
export class DatabaseDamaged extends StartupError {
  /** What SQLite says. */
  readonly why: string;

  constructor(path: string, why: string, options?: ErrorOptions) {
    const inOneLine = why.replaceAll(/\s+/g, ' ');
    super(`the database ${path} is damaged (${inOneLine})`, options);
    this.why = inOneLine;
  }
}

/**
 * The schema of a database file that nobody uses, once all of it was looked at.
 * @throws DatabaseDamaged
 */
export function checkDatabase(path: string): number {
  try {
    const db = new DatabaseSync(path);
    try {
      const { quick_check: said } = db.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
      if (said !== 'ok') throw new DatabaseDamaged(path, said);
      return (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
    } finally {
      db.close();
    }
  } catch (cause) {
    if (cause instanceof StartupError) throw cause;
    throw new DatabaseDamaged(path, (cause as Error).message, { cause });
  }
}

/** What this program makes of a schema: the same, or one it brings up to date when it starts. */
export function isKnown(schema: number): boolean {
  return schema >= 1 && schema <= SCHEMA_VERSION;
}
