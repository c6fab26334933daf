import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { type ArchivedFix, DAY_MS, type Drops, type FixKeys, type HotHistory } from '../../archive/ports.ts';
import { NOT_ERASED } from './erased-name.ts';

/** Read at once; the log of the database is not held up for longer. */
const LOT = 2_500;
/** After each the machine is left alone for so many times as long as that, and what was done with it, took. */
const REST = 2;
/** Dropped in one transaction: a ms, in which commits wait. */
const DROPPED_AT_ONCE = 150;
/** Commits have the writer for so much longer than dropping has, and for at least so long, ms. */
const SHARE = 4;
const BETWEEN_MS = 2;

/** History of the embedded database, as retention takes it out by the store's one writer. What the journal still has is left for another time. */
export class SqliteAgedHistory implements HotHistory {
  readonly #db: DatabaseSync;
  readonly #sql: ReturnType<typeof prepare>;
  readonly #drops: Drops;

  constructor(path: string, drops: Drops) {
    this.#db = new DatabaseSync(path, { readOnly: true });
    this.#sql = prepare(this.#db);
    this.#drops = drops;
  }

  /** The folder is its owner's alone. */
  async begin(): Promise<boolean> {
    return true;
  }

  async days(before: number): Promise<readonly number[]> {
    return this.#sql.days.all(before * DAY_MS).map(({ day }) => Number(day));
  }

  rows(days: readonly number[]): AsyncGenerator<readonly ArchivedFix[]> {
    return this.#lots(days, REST);
  }

  async *#lots(days: readonly number[], rest: number): AsyncGenerator<readonly ArchivedFix[]> {
    const wanted = new Set(days);
    const [from, to] = [Math.min(...days) * DAY_MS, (Math.max(...days) + 1) * DAY_MS];
    for (const { id: number, name } of this.#sql.drivers.all() as { id: number; name: string }[]) {
      let [at, id] = [Number.MIN_SAFE_INTEGER, -1];
      for (;;) {
        const began = performance.now();
        const lot = this.#sql.rows.all(name, number, at, id, from, to, LOT) as unknown as ArchivedFix[];
        const rows = lot.filter(({ received }) => wanted.has(Math.floor(received / DAY_MS)));
        if (rows.length > 0) yield rows;
        const last = lot.at(-1);
        if (last === undefined) break;
        if (rest > 0) await pause(rest * (performance.now() - began));
        if (lot.length < LOT) break;
        [at, id] = [last.at, last.id];
      }
    }
  }

  async drop(day: number, rows: AsyncIterable<readonly ArchivedFix[]> | null): Promise<number> {
    let dropped = 0;
    for await (const lot of rows ?? this.#lots([day], 0)) {
      for (let i = 0; i < lot.length; i += DROPPED_AT_ONCE) {
        dropped += await sharing(() => this.#drops.fixes(keysOf(lot.slice(i, i + DROPPED_AT_ONCE))));
      }
    }
    return dropped;
  }

  async dropConnections(before: number): Promise<number> {
    for (let dropped = 0; ; ) {
      const some = await sharing(() => this.#drops.connections(before, DROPPED_AT_ONCE));
      dropped += some;
      if (some < DROPPED_AT_ONCE) return dropped;
    }
  }

  async close(): Promise<void> {
    this.#db.close();
  }
}

/** A step of the writer, and the time that commits have it after that. */
async function sharing(step: () => Promise<number>): Promise<number> {
  const began = performance.now();
  const dropped = await step();
  await pause(Math.max(BETWEEN_MS, SHARE * (performance.now() - began)));
  return dropped;
}

function keysOf(rows: readonly ArchivedFix[]): FixKeys {
  const drivers = [...new Set(rows.map(({ driver }) => driver))];
  const index = new Map(drivers.map((driver, n) => [driver, n]));
  return {
    drivers,
    of: Uint32Array.from(rows, ({ driver }) => index.get(driver) as number),
    at: Float64Array.from(rows, ({ at }) => at),
    id: Float64Array.from(rows, ({ id }) => id),
  };
}

function prepare(db: DatabaseSync) {
  const sql = (text: string): StatementSync => db.prepare(text);
  return {
    days: sql(`SELECT DISTINCT received / ${DAY_MS} AS day FROM fix WHERE received < ? ORDER BY day`),
    drivers: sql(`SELECT id, name FROM driver WHERE ${NOT_ERASED} ORDER BY name`),
    rows: sql(`SELECT ? AS driver, at, id, lat, lng, speed, bearing, accuracy, altitude, suspect, received,
        (SELECT name FROM stream WHERE stream.id = fix.stream) AS stream, seq
      FROM fix WHERE driver = ? AND (at, id) > (?, ?) AND received >= ? AND received < ? ORDER BY at, id LIMIT ?`),
  };
}
