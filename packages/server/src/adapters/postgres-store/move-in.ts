import type { Client, QueryArrayConfig } from 'pg';
import { StartupError } from '../../startup-error.ts';
import { type Address, addressOf } from './address.ts';
import { checkServer, connectFirst } from './connect.ts';
import { Days, daysOfHistory } from './days.ts';
import { HALF_MOVED, isHalfMoved } from './half-moved.ts';
import { type Arrival, arrivals, type Look, RECEIVED, type Row } from './move-in-tables.ts';
import { nextProcess } from './process-number.ts';
import { migrate } from './schema.ts';

/** What comes in together. */
export type Part = keyof ReturnType<typeof arrivals>;

/** How far a part has come: behind which key of the source it goes on, and how many rows are there. */
export interface Come {
  readonly after: Row | null;
  readonly rows: number;
  readonly done: boolean;
}

/** Numbers given from there on are new. */
export type NextNumbers = Readonly<Record<keyof typeof SEQUENCES, number>>;

const SEQUENCES = {
  drivers: 'driver_n_seq',
  streams: 'stream_n_seq',
  fixes: 'location_history_id',
  events: 'event_n_seq',
  outbox: 'outbox_n_seq',
  messages: 'outgoing_n_seq',
  consumers: 'consumer_n_seq',
};

/** Rows of a table, and which of their values are JSON. */
export interface Stored {
  readonly rows: readonly Row[];
  readonly isJson: readonly boolean[];
}

/** Whatever the database or the user has set: nothing is given up for taking long, and no number is rounded. */
const SESSION = `SET jit = off; SET synchronous_commit = on; SET extra_float_digits = 1; SET statement_timeout = 0; SET lock_timeout = 0;
  SET idle_in_transaction_session_timeout = 0`;
/** The step that puts days in order, beside the parts. */
const DAYS = 'days in order';
/** What a server that served nobody leaves: cursors at nothing, and the consumers that are built in. */
const FROM_THE_BEGINNING: Readonly<Record<string, string>> = {
  partition_cursor: 'WHERE position <> 0',
  consumer: `WHERE id NOT IN ('notifications', 'orders')`,
};
/** The indexes by capture for which something is not set so. */
const OF_EACH_DAY = `SELECT c.oid::regclass::text AS index FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = 'location_history_captured'::regclass AND c.reloptions @> ARRAY[$1::text] IS NOT TRUE`;
const READ_AT_ONCE = 10_000;
const JSON_TYPE = 114;
const BOOLEAN = 16;
const NUMBERS = new Set([20, 21, 23, 701]);
/** Documents to the letter, booleans as the other database has them. */
const AS_STORED = {
  getTypeParser: (oid: number) => (text: string) => (oid === BOOLEAN ? Number(text === 't') : NUMBERS.has(oid) ? Number(text) : text),
};

/** A database into which an embedded one moves. */
export class MoveTarget {
  readonly address: Address;
  readonly #client: Client;
  readonly #parts: ReturnType<typeof arrivals>;
  readonly #days = new Days();

  private constructor(address: Address, client: Client, parts: ReturnType<typeof arrivals>) {
    this.address = address;
    this.#client = client;
    this.#parts = parts;
  }

  /**
   * @param firstOfJournal ids of fixes from there on are of the journal
   * @throws StartupError when it cannot be reached, is too old, cannot be written, or lacks PostGIS [P12]
   */
  static async open(url: string, connectMs: number, firstOfJournal: number): Promise<MoveTarget> {
    const { config, name } = addressOf('DATABASE_URL', url);
    const address = { config: { ...config, application_name: 'waycast move-data' }, name };
    const client = await connectFirst('DATABASE_URL', address, connectMs);
    try {
      await checkServer(client, name);
      await client.query(SESSION);
      return new MoveTarget(address, client, arrivals(firstOfJournal));
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
  }

  /**
   * Whether a move of this source is under way here; without one it has to be empty.
   * @throws StartupError when it holds anything else
   */
  async isUnderWay(source: string): Promise<boolean> {
    const { name } = this.address;
    if (await isHalfMoved(this.#client)) {
      const { rows } = await this.#client.query<{ source: string }>(`SELECT DISTINCT source FROM ${HALF_MOVED}`);
      if (rows.length === 1 && rows[0]?.source === source) return true;
      throw new StartupError(
        `PostgreSQL at ${name} is half moved to from another embedded database: go on with that one, or name an empty database`,
      );
    }
    const full = await this.#tableWithRows();
    if (full !== null)
      throw new StartupError(`PostgreSQL at ${name} is not empty (its table ${full} has rows): name an empty database to move to`);
    return false;
  }

  /**
   * Brings the schema up to date; answers a number for the process that moves.
   * @throws StartupError when the database is of a newer program
   */
  async bringUp(): Promise<number> {
    await migrate(this.#client);
    return await nextProcess(this.#client);
  }

  /** From here on no server starts on it, until the end [M3]. Answers how far each part has come. */
  async begin(source: string, isUnderWay: boolean): Promise<ReadonlyMap<string, Come>> {
    await this.#inTransaction(async () => {
      if (!isUnderWay)
        await this.#client.query(`CREATE TABLE ${HALF_MOVED} (
            part text PRIMARY KEY, source text NOT NULL, after json, rows bigint NOT NULL DEFAULT 0, done boolean NOT NULL DEFAULT false
          ); DELETE FROM consumer`);
      await this.#client.query(
        `INSERT INTO ${HALF_MOVED} (part, source) SELECT part, $2 FROM unnest($1::text[]) AS part ON CONFLICT DO NOTHING`,
        [[...Object.keys(this.#parts), DAYS], source],
      );
    });
    const { rows } = await this.#client.query<Come & { part: string }>(`SELECT part, after, rows, done FROM ${HALF_MOVED}`);
    return new Map(rows.map(({ part, ...come }) => [part, come]));
  }

  /** Takes rows in, and notes that, in one transaction. */
  async add(part: Part, rows: readonly Row[], after: Row): Promise<void> {
    const { store } = this.#of(part);
    if (part === 'fixes' || part === 'journal') {
      await this.#days.ensure(this.#client, new Set(rows.map((row) => Number(row[RECEIVED]))));
      await this.#summarizeAtOnce('off');
    }
    await this.#inTransaction(async () => {
      await store(this.#client, rows);
      await this.#note('after = $2, rows = rows + $3', part, JSON.stringify(after), rows.length);
    });
  }

  async done(part: Part): Promise<void> {
    await this.#note('done = true', part);
  }

  /**
   * Fixes came by driver; searches by time want them as they would have come, in the order of their receipt: then the
   * indexes by time of a day are small and sharp. The days to come are made, as they are there once a server stores [P10].
   */
  async putDaysInOrder({ after, done }: Come): Promise<void> {
    if (done) return;
    for (const day of (await daysOfHistory(this.#client)).sort()) {
      if (after !== null && day <= String(after[0])) continue;
      await this.#inTransaction(async () => {
        await this.#client.query(`CREATE INDEX moving_order ON ${day} (id); CLUSTER ${day} USING moving_order; DROP INDEX moving_order`);
        await this.#note('after = $2', DAYS, JSON.stringify([day]));
      });
    }
    await this.#summarizeAtOnce('on');
    await this.#days.ahead(this.#client, Date.now());
    await this.#note('done = true', DAYS);
  }

  /**
   * Whether the index by capture of each day learns of new pages at once. Of many that come together PostgreSQL's log would have
   * three lines each; a day that is put in order gets its indexes anew.
   */
  async #summarizeAtOnce(value: 'on' | 'off'): Promise<void> {
    const { rows } = await this.#client.query<{ index: string }>(OF_EACH_DAY, [`autosummarize=${value}`]);
    for (const { index } of rows) await this.#client.query(`ALTER INDEX ${index} SET (autosummarize = ${value})`);
  }

  /** Where the days are noted that are in order. */
  daysIn(come: ReadonlyMap<string, Come>): Come {
    return come.get(DAYS) ?? { after: null, rows: 0, done: false };
  }

  looks(part: Part): readonly Look[] {
    return this.#of(part).looks;
  }

  /** The rows of a table as they are now; to be read to their end, or given up by `return`. */
  async *stored({ columns, end }: Look): AsyncGenerator<Stored> {
    await this.#client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL cursor_tuple_fraction = 1; SET LOCAL work_mem = '64MB';
      DECLARE stored NO SCROLL CURSOR FOR SELECT ${Object.values(columns)} ${end}`);
    try {
      const fetch: QueryArrayConfig = { text: `FETCH ${READ_AT_ONCE} FROM stored`, rowMode: 'array', types: AS_STORED };
      for (;;) {
        const { rows, fields } = await this.#client.query<(string | number | null)[]>(fetch);
        if (rows.length === 0) return;
        yield { rows, isJson: fields.map(({ dataTypeID }) => dataTypeID === JSON_TYPE) };
      }
    } finally {
      await this.#client.query('ROLLBACK');
    }
  }

  /** All is here: servers may start on it. */
  async end(numbers: NextNumbers): Promise<void> {
    await this.#client.query(`ANALYZE ${[...this.#tables()]}`);
    await this.#inTransaction(async () => {
      for (const [what, sequence] of Object.entries(SEQUENCES))
        await this.#client.query('SELECT setval($1::regclass, $2, false)', [sequence, numbers[what as keyof NextNumbers]]);
      await this.#client.query(`DROP TABLE ${HALF_MOVED}`);
    });
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }

  #of(part: Part): Arrival {
    return this.#parts[part];
  }

  #tables(): Set<string> {
    return new Set(Object.values<Arrival>(this.#parts).flatMap(({ looks }) => looks.map(({ table }) => table)));
  }

  async #tableWithRows(): Promise<string | null> {
    for (const table of this.#tables()) {
      const { rows: there } = await this.#client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [table]);
      if (there[0]?.there !== true) continue;
      const where = FROM_THE_BEGINNING[table] ?? '';
      const { rows } = await this.#client.query<{ full: boolean }>(`SELECT EXISTS (SELECT 1 FROM ${table} ${where}) AS full`);
      if (rows[0]?.full === true) return table;
    }
    return null;
  }

  async #note(what: string, part: string, ...values: unknown[]): Promise<void> {
    const { rowCount } = await this.#client.query(`UPDATE ${HALF_MOVED} SET ${what} WHERE part = $1`, [part, ...values]);
    if (rowCount !== 1) throw new Error(`somebody else changed the table ${HALF_MOVED}`);
  }

  async #inTransaction(work: () => Promise<void>): Promise<void> {
    await this.#client.query('BEGIN');
    try {
      await work();
      await this.#client.query('COMMIT');
    } catch (error) {
      await this.#client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }
}
