import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { type ArchivedFix, DAY_MS, type HotHistory } from '../../archive/ports.ts';
import { addressOf } from './address.ts';
import { connectFirst } from './connect.ts';
import { copyIn } from './copy-in.ts';
import { dayOf, nameOf, partitionsThere } from './days.ts';
import { NOT_ERASED } from './erased-id.ts';
import { HISTORY } from './fixes.ts';

/** Whoever holds it takes days out of history; in the number space of advisory locks with one key. */
const KEEPING = 7_231_955_500_004n;
/** Read at once, in a few ms. */
const LOT = 2_500;
/** After each the database is left alone for so many times as long as that, and what was done with it, took. */
const REST = 2;
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

interface Counts {
  readonly count: number;
  readonly others: number;
}

const NONE: Counts = { count: 0, others: 0 };

/** History in PostgreSQL, as retention takes it out: a partition a day. */
export class PostgresAgedHistory implements HotHistory {
  readonly #client: Client;
  readonly #tries: number;

  /** @throws StartupError */
  static async open(url: string, tries = TRIES): Promise<PostgresAgedHistory> {
    const client = await connectFirst('DATABASE_URL', addressOf('DATABASE_URL', url), CONNECT_MS);
    // What runs beside a fleet has one core at most.
    await client.query(`SET statement_timeout = ${PATIENCE_MS}; SET max_parallel_workers_per_gather = 0; SET jit = off`);
    return new PostgresAgedHistory(client, tries);
  }

  private constructor(client: Client, tries: number) {
    this.#client = client;
    this.#tries = tries;
  }

  async begin(): Promise<boolean> {
    const { rows } = await this.#client.query<{ mine: boolean }>(`SELECT pg_try_advisory_lock(${KEEPING}) AS mine`);
    return rows[0]?.mine === true;
  }

  async days(before: number): Promise<readonly number[]> {
    const days = [...(await partitionsThere(this.#client))].flatMap((name) => dayOf(name) ?? []);
    return days.filter((day) => day < before).sort((a, b) => a - b);
  }

  /**
   * Driver by driver along the index of each day: to sort days of all of them is seconds of a core, and one snapshot for all of it
   * would keep what everybody deletes meanwhile.
   */
  async *rows(days: readonly number[]): AsyncGenerator<readonly ArchivedFix[]> {
    const received = days.map((day) => `(h.received >= ${day * DAY_MS} AND h.received < ${(day + 1) * DAY_MS})`).join(' OR ');
    const { rows: drivers } = await this.#client.query<{ n: number; id: string }>(
      `SELECT d.n, d.id FROM driver d WHERE ${NOT_ERASED} AND EXISTS (SELECT FROM location_history h WHERE h.driver = d.n AND (${received})) ORDER BY d.id`,
    );
    const text = `${ROWS} AND (${received}) ORDER BY h.at, h.id LIMIT ${LOT}`;
    for (const { n, id: driver } of drivers) {
      let [at, id] = [Number.MIN_SAFE_INTEGER, -1];
      for (;;) {
        const began = performance.now();
        const { rows } = await this.#client.query<ArchivedFix>(text, [driver, n, at, id]);
        if (rows.length > 0) yield rows;
        await sleep(REST * (performance.now() - began));
        const last = rows.at(-1);
        if (last === undefined || rows.length < LOT) break;
        [at, id] = [last.at, last.id];
      }
    }
  }

  async drop(day: number, rows: AsyncIterable<readonly ArchivedFix[]> | null): Promise<number | null> {
    if (rows !== null) await this.#note(rows);
    const partition = nameOf(day);
    for (let tries = 1; ; tries++) {
      try {
        return await this.#dropPartition(partition, rows === null);
      } catch (error) {
        await this.#client.query('ROLLBACK');
        if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
        if (tries === this.#tries) return null;
      }
      await sleep(PAUSE_MS);
    }
  }

  /** What else was received on the day stays, with the partition. */
  async #dropPartition(partition: string, isWhole: boolean): Promise<number> {
    await this.#client.query(`BEGIN; SET LOCAL lock_timeout = ${STILL_MS}; LOCK TABLE ${partition} IN SHARE MODE`);
    const { count, others } = isWhole ? await this.#count(partition) : await this.#countBoth(partition);
    if (others > 0) {
      await this.#client.query('ROLLBACK');
      return await this.#dropNoted(partition);
    }
    // Nobody may be in history for a moment; who comes meanwhile waits as long as this does.
    await this.#client.query(`SET LOCAL lock_timeout = ${MOMENT_MS}; DROP TABLE ${partition}; COMMIT`);
    return count;
  }

  /** Into a table of this connection, to be held against what is there. */
  async #note(rows: AsyncIterable<readonly ArchivedFix[]>): Promise<void> {
    await this.#client.query('CREATE TEMPORARY TABLE IF NOT EXISTS kept (driver text COLLATE "C", at bigint, id bigint)');
    await this.#client.query('TRUNCATE kept');
    for await (const lot of rows) {
      const began = performance.now();
      await copyIn(this.#client, 'COPY kept FROM STDIN', lot.map(({ driver, at, id }) => `${driver}\t${at}\t${id}\n`).join(''));
      await sleep(REST * (performance.now() - began));
    }
    await this.#client.query('ANALYZE kept');
  }

  /** How many a day has, and how many of them were not noted: they came after it was archived. */
  async #countBoth(partition: string): Promise<Counts> {
    const { rows } = await this.#client.query<Counts>(
      `SELECT count(*) AS count, count(*) FILTER (WHERE k.id IS NULL) AS others FROM ${partition} h LEFT JOIN driver d ON d.n = h.driver
       LEFT JOIN kept k ON k.driver = d.id AND k.at = h.at AND k.id = h.id`,
    );
    return rows[0] ?? NONE;
  }

  async #count(partition: string): Promise<Counts> {
    const { rows } = await this.#client.query<Counts>(`SELECT count(*) AS count, 0 AS others FROM ${partition}`);
    return rows[0] ?? NONE;
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

const ROWS = `SELECT $1::text AS driver, h.at, h.id, h.lat, h.lng, h.speed, h.bearing, h.accuracy, h.altitude, h.suspect, h.received,
    s.id AS stream, h.seq
  FROM ${HISTORY} WHERE h.driver = $2 AND (h.at, h.id) > ($3, $4)`;
