import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { asJson, asText } from '@waycast/protocol';
import { StartupError } from '../../startup-error.ts';
import { checkDatabase } from './copy.ts';
import { DATABASE, type Folder, takeFolder } from './folder.ts';
import { PER_BATCH } from './journal.ts';
import { DEPARTURES, type Departure, firstOfJournal, type Lot, type Row } from './move-out-tables.ts';
import { MOVED, type Move, readMove } from './moved.ts';
import { migrate } from './schema.ts';

/** What an embedded database consists of, for a move. */
export type Part = keyof typeof DEPARTURES;
export const PARTS = Object.keys(DEPARTURES) as readonly Part[];

/** Numbers given from there on are new. */
export interface Numbers {
  readonly drivers: number;
  readonly streams: number;
  readonly fixes: number;
  readonly events: number;
  readonly outbox: number;
  readonly messages: number;
  readonly consumers: number;
}

/** An embedded database that moves elsewhere: held by this process alone, and only read. */
export class MoveSource {
  readonly #dataDir: string;
  readonly #folder: Folder;
  readonly #db: DatabaseSync;

  private constructor(dataDir: string, folder: Folder, db: DatabaseSync) {
    this.#dataDir = dataDir;
    this.#folder = folder;
    this.#db = db;
  }

  /**
   * All of it is looked through, and its schema brought to this program's.
   * @throws StartupError when there is none, it is in use, damaged, or of a newer program
   */
  static open(dataDir: string): MoveSource {
    if (!existsSync(join(dataDir, DATABASE)))
      throw new StartupError(`DATA_DIR ${dataDir} holds no database to move: name the folder the server uses`);
    const folder = takeFolder(dataDir, 'move');
    try {
      if (checkDatabase(folder.database) === 0)
        throw new StartupError(`${folder.database} is no database of Waycast: name the folder the server uses`);
      const db = new DatabaseSync(folder.database);
      try {
        db.exec('PRAGMA synchronous = FULL');
        migrate(db);
        db.exec('PRAGMA query_only = 1');
        mustBeReadable(db, folder.database);
        mustNotErase(db, dataDir);
        return new MoveSource(dataDir, folder, db);
      } catch (error) {
        db.close();
        throw error;
      }
    } catch (error) {
      folder.release();
      throw error;
    }
  }

  /** What is noted beside it of a move; null before there was any. */
  move(): Move | null {
    return readMove(this.#dataDir);
  }

  /** From here on no server starts on it [M4]. */
  note(move: Move, keep: (from: string, to: string) => void): void {
    const path = join(this.#dataDir, MOVED);
    writeFileSync(`${path}.partial`, `${JSON.stringify(move, null, 2)}\n`);
    keep(`${path}.partial`, path);
  }

  /** Ids of fixes from there on are of the journal. */
  firstOfJournal(): number {
    return firstOfJournal(this.#db);
  }

  count(part: Part): number {
    return this.#of(part).count(this.#db);
  }

  /** As PostgreSQL can keep them: an older server may have taken text with what is no character, which becomes U+FFFD. */
  *lots(part: Part, after: Row | null): Generator<Lot> {
    for (const lot of this.#of(part).lots(this.#db, after)) yield { ...lot, rows: lot.rows.map((row) => row.map(ofText)) };
  }

  numbers(): Numbers {
    const next = (table: string, column: string): number => this.#number(`SELECT coalesce(max(${column}), 0) + 1 AS n FROM ${table}`);
    // Of those that are gone too, where they may not come again.
    const given = (table: string): number =>
      this.#number(`SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = '${table}'), 0) + 1 AS n`);
    return {
      drivers: next('driver', 'id'),
      streams: next('stream', 'id'),
      fixes: given('journal') * PER_BATCH,
      events: next('event', 'n'),
      outbox: next('outbox', 'n'),
      messages: given('outgoing'),
      consumers: given('consumer'),
    };
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
    this.#folder.release();
  }

  #of(part: Part): Departure {
    return DEPARTURES[part];
  }

  #number(text: string): number {
    return Number((this.#db.prepare(text).get() as { n: number }).n);
  }
}

/** @throws StartupError when the state of a driver is damaged: nothing could be applied to it here either [P6] */
function mustBeReadable(db: DatabaseSync, path: string): void {
  const damaged = db
    .prepare('SELECT d.id, d.name FROM snapshot s JOIN driver d ON d.id = s.driver WHERE NOT json_valid(s.state) LIMIT 1')
    .get();
  if (damaged === undefined) return;
  throw new StartupError(
    `what ${path} has of driver ${String(damaged.name)} cannot be read: put a backup in its place, or remove row ${String(damaged.id)} of its table snapshot`,
  );
}

/** @throws StartupError when a driver is on its way out: what is left of it would come in again [I13] */
function mustNotErase(db: DatabaseSync, dataDir: string): void {
  if (db.prepare('SELECT 1 FROM erasure LIMIT 1').get() === undefined) return;
  throw new StartupError(
    `a driver is being erased from DATA_DIR ${dataDir}: start a server on it until its log says that driver data was erased, some 10 s`,
  );
}

function ofText<Value>(value: Value): Value | string {
  if (typeof value !== 'string') return value;
  return asText(/^[{[]/.test(value) ? asJson(value) : value);
}
