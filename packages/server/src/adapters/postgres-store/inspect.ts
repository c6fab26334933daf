import type { Client } from 'pg';
import { type Address, addressOf } from './address.ts';
import { connectFirst, faultsOf, readServer, type ServerFacts } from './connect.ts';
import { daysThere } from './days.ts';
import { isHalfMoved } from './half-moved.ts';

/** Connections a process has beside its pool: one that writes, one that says what it owns. */
const BESIDE_POOL = 2;
/** Tables whose owner a program has to be: it adds columns and partitions to them. */
const TABLES = ['location_history', 'partition_cursor', 'process', 'schema_version'];

export interface Connections {
  readonly most: number;
  readonly used: number;
  /** Of others than Waycast. */
  readonly others: number;
}

export interface Rights {
  /** Where tables are made; null: there is no such schema, or none that may be used. */
  readonly schema: string | null;
  readonly mayCreate: boolean;
  readonly ownsTables: boolean;
  readonly mayCreateExtension: boolean;
}

/** A look at a database through one connection that can change nothing. */
export class Inspection {
  /** Of the database, for people. */
  readonly name: string;
  readonly facts: ServerFacts;
  readonly #client: Client;
  /** One question at a time. */
  #before: Promise<unknown> = Promise.resolve();
  #schema: Promise<number | null> | undefined;

  private constructor(name: string, client: Client, facts: ServerFacts) {
    this.name = name;
    this.#client = client;
    this.facts = facts;
  }

  /**
   * @param key of the configuration
   * @throws StartupError in one line that says what to do [P12]
   */
  static async open(key: string, url: string, connectMs: number, answerMs: number): Promise<Inspection> {
    const { config, name }: Address = addressOf(key, url);
    const asked = { ...config, application_name: 'waycast doctor', query_timeout: answerMs };
    const client = await connectFirst(key, { config: asked, name }, connectMs);
    try {
      const facts = await readServer(client);
      await client.query(`SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SET statement_timeout = ${answerMs}`);
      return new Inspection(name, client, facts);
    } catch (error) {
      cut(client);
      throw error;
    }
  }

  faults(): string[] {
    return faultsOf(this.facts, this.name);
  }

  /** Asks something else, in its turn. */
  ask<T>(question: (client: Client) => Promise<T>): Promise<T> {
    const answer = this.#before.then(() => question(this.#client));
    // Whoever asked hears of it.
    this.#before = answer.catch(() => undefined);
    return answer;
  }

  /** The version of the schema; null before there is one. */
  schema(): Promise<number | null> {
    this.#schema ??= this.#readSchema();
    return this.#schema;
  }

  async #readSchema(): Promise<number | null> {
    const [there] = await this.#rows<{ there: boolean }>(`SELECT to_regclass('schema_version') IS NOT NULL AS there`);
    if (there?.there !== true) return null;
    const [row] = await this.#rows<{ version: number }>('SELECT coalesce(max(version), 0) AS version FROM schema_version');
    return row?.version ?? 0;
  }

  /** Whether a move from an embedded database did not get to its end, or goes on now. */
  isHalfMoved(): Promise<boolean> {
    return this.ask(isHalfMoved);
  }

  async rights(): Promise<Rights> {
    const [row] = await this.#rows<Rights>(
      `SELECT current_schema() AS schema, coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS "mayCreate",
         (SELECT coalesce(bool_and(pg_has_role(relowner, 'USAGE')), true) FROM pg_class
          WHERE oid IN (SELECT to_regclass(t) FROM unnest($1::text[]) AS t)) AS "ownsTables",
         (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS "mayCreateExtension"`,
      [TABLES],
    );
    return row ?? { schema: null, mayCreate: false, ownsTables: false, mayCreateExtension: false };
  }

  async connections(): Promise<Connections> {
    const [row] = await this.#rows<Connections>(
      `SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS most,
         count(*)::int AS used, (count(*) FILTER (WHERE application_name NOT LIKE 'waycast%'))::int AS others
       FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    );
    return row ?? { most: 0, used: 0, others: 0 };
  }

  /** For how many days, today included, fixes find their partition; null before the first commit. */
  async days(): Promise<number | null> {
    const now = await this.now();
    return await this.ask((client) => daysThere(client, now));
  }

  /** Its clock, epoch ms. */
  async now(): Promise<number> {
    const [row] = await this.#rows<{ now: number }>('SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now');
    return row?.now ?? Number.NaN;
  }

  /** Where a replica is behind its primary, s; null: this is no replica. */
  async lag(): Promise<number | null> {
    const [row] = await this.#rows<{ replica: boolean; lag: number | null }>(
      `SELECT pg_is_in_recovery() AS replica,
         CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
              ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END::float8 AS lag`,
    );
    return row?.replica === true ? (row.lag ?? 0) : null;
  }

  /** By partition, up to where it is stored. */
  async cursors(): Promise<ReadonlyMap<number, number>> {
    const rows = await this.#rows<{ partition: number; position: number }>('SELECT partition, position FROM partition_cursor');
    return new Map(rows.map(({ partition, position }) => [partition, position]));
  }

  /** How many commands were set aside [P6], and when the last of them, epoch ms. */
  async setAside(): Promise<{ readonly count: number; readonly last: number | null }> {
    const [row] = await this.#rows<{ count: number; last: number | null }>('SELECT count(*)::int AS count, max(at) AS last FROM set_aside');
    return row ?? { count: 0, last: null };
  }

  /** Not in good order: whoever does not answer says no good-bye either. */
  close(): void {
    cut(this.#client);
  }

  async #rows<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return await this.ask(async (client) => (await client.query<Row>(text, [...values])).rows);
  }
}

/** So many connections one process takes at most. */
export function connectionsOf(poolMax: number): number {
  return poolMax + BESIDE_POOL;
}

function cut(client: Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}
