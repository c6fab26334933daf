import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { type ArchivedFix, DAY_MS, type HotHistory } from '../../archive/ports.ts';
import { addressOf } from './address.ts';
import { connectFirst } from './connect.ts';
import { copyIn } from './copy-in.ts';
import { dayOf, nameOf, partitionsThere } from './days.ts';
import { NOT_ERASED } from './erased-id.ts';

/** Whoever holds it takes days out of history; in the number space of advisory locks with one key. */
const KEEPING = 7_231_955_500_004n;
const LOT = 5_000;
const CONNECT_MS = 10_000;
/** A day is a sort and a count; who holds a snapshot for longer than this keeps its partition for another time, ms. */
const PATIENCE_MS = 600_000;
/** Nobody adds to an old day for long, ms. */
const STILL_MS = 2_000;
/** All of history has to be left alone for a partition to go: whoever comes waits no longer than this, ms. */
const MOMENT_MS = 50;
const LOCK_NOT_AVAILABLE = '55P03';
const TRIES = 30;
const PAUSE_MS = 500;

/** History in PostgreSQL, as retention takes it out: a partition a day. */
export class PostgresAgedHistory implements HotHistory {
  readonly #client: Client;

  /** @throws StartupError */
  static async open(url: string): Promise<PostgresAgedHistory> {
    const client = await connectFirst('DATABASE_URL', addressOf('DATABASE_URL', url), CONNECT_MS);
    await client.query(`SET statement_timeout = ${PATIENCE_MS}`);
    return new PostgresAgedHistory(client);
  }

  constructor(client: Client) {
    this.#client = client;
  }

  async begin(): Promise<boolean> {
    const { rows } = await this.#client.query<{ mine: boolean }>(`SELECT pg_try_advisory_lock(${KEEPING}) AS mine`);
    return rows[0]?.mine === true;
  }

  async days(before: number): Promise<readonly number[]> {
    const days = [...(await partitionsThere(this.#client))].flatMap((name) => dayOf(name) ?? []);
    return days.filter((day) => day < before).sort((a, b) => a - b);
  }

  async *rows(days: readonly number[]): AsyncGenerator<readonly ArchivedFix[]> {
    await this.#client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    try {
      const bounds = days.map((day) => `(h.received >= ${day * DAY_MS} AND h.received < ${(day + 1) * DAY_MS})`).join(' OR ');
      await this.#client.query(`DECLARE aged NO SCROLL CURSOR FOR ${ROWS} WHERE ${bounds} ORDER BY d.id, h.at, h.id`);
      for (;;) {
        const { rows } = await this.#client.query<ArchivedFix>(`FETCH ${LOT} FROM aged`);
        if (rows.length === 0) break;
        yield rows;
      }
    } finally {
      await this.#client.query('ROLLBACK');
    }
  }

  async drop(day: number, rows: AsyncIterable<readonly ArchivedFix[]> | null): Promise<number> {
    if (rows !== null) await this.#note(rows);
    const partition = nameOf(day);
    for (let tries = 1; ; tries++) {
      try {
        return await this.#dropPartition(partition, rows === null);
      } catch (error) {
        await this.#client.query('ROLLBACK');
        if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE || tries === TRIES) throw error;
      }
      await sleep(PAUSE_MS);
    }
  }

  /** What else was received on the day stays, with the partition. */
  async #dropPartition(partition: string, isWhole: boolean): Promise<number> {
    await this.#client.query(`BEGIN; SET LOCAL lock_timeout = ${STILL_MS}; LOCK TABLE ${partition} IN SHARE MODE`);
    if (!isWhole && (await this.#others(partition)) > 0) {
      await this.#client.query('ROLLBACK');
      return await this.#dropNoted(partition);
    }
    const count = await this.#count(partition);
    // Nobody may be in history for a moment; who comes meanwhile waits as long as this does.
    await this.#client.query(`SET LOCAL lock_timeout = ${MOMENT_MS}; DROP TABLE ${partition}; COMMIT`);
    return count;
  }

  /** Into a table of this connection, to be held against what is there. */
  async #note(rows: AsyncIterable<readonly ArchivedFix[]>): Promise<void> {
    await this.#client.query('CREATE TEMPORARY TABLE IF NOT EXISTS kept (driver text COLLATE "C", at bigint, id bigint)');
    await this.#client.query('TRUNCATE kept');
    for await (const lot of rows)
      await copyIn(this.#client, 'COPY kept FROM STDIN', lot.map(({ driver, at, id }) => `${driver}\t${at}\t${id}\n`).join(''));
    await this.#client.query('ANALYZE kept');
  }

  /** How many of a day were not noted: they came after it was archived. */
  async #others(partition: string): Promise<number> {
    const { rows } = await this.#client.query<{ count: number }>(
      `SELECT count(*) FROM ${partition} h LEFT JOIN driver d ON d.n = h.driver
       LEFT JOIN kept k ON k.driver = d.id AND k.at = h.at AND k.id = h.id WHERE k.id IS NULL`,
    );
    return rows[0]?.count ?? 0;
  }

  async #count(partition: string): Promise<number> {
    const { rows } = await this.#client.query<{ count: number }>(`SELECT count(*) FROM ${partition}`);
    return rows[0]?.count ?? 0;
  }

  async #dropNoted(partition: string): Promise<number> {
    const { rowCount } = await this.#client.query(`DELETE FROM ${partition} h USING kept k, driver d
      WHERE d.id = k.driver AND h.driver = d.n AND h.at = k.at AND h.id = k.id`);
    return rowCount ?? 0;
  }

  async dropConnections(before: number): Promise<number> {
    for (let dropped = 0; ; ) {
      const { rowCount } = await this.#client.query(NO_CONNECTIONS, [before, LOT]);
      dropped += rowCount ?? 0;
      if ((rowCount ?? 0) < LOT) return dropped;
    }
  }

  async close(): Promise<void> {
    await this.#client.end();
  }
}

/** By the time they began, for which there is an index. */
const NO_CONNECTIONS = `DELETE FROM connection_sessions WHERE id IN (
  SELECT id FROM connection_sessions WHERE since < $1 AND until < $1 ORDER BY since LIMIT $2)`;

const ROWS = `SELECT d.id AS driver, h.at, h.id, h.lat, h.lng, h.speed, h.bearing, h.accuracy, h.altitude, h.suspect, h.received,
    (SELECT s.id FROM stream s WHERE s.n = h.stream) AS stream, h.seq
  FROM location_history h JOIN driver d ON d.n = h.driver AND ${NOT_ERASED}`;
