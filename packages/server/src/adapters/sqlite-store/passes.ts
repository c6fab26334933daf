import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Box } from '../../core/around.ts';
import { InCircle, type PassFound, type PassingFix } from '../../core/in-circle.ts';
import type { Pass, PassList, PassSearch } from '../../hub/storage-ports.ts';
import { isErased, NOT_ERASED } from './erased-name.ts';

/** Fixes looked through before others have their turn: some ms. */
const PIECE = 20_000;
/** Looking for a driver costs about as much as looking at so many fixes. */
const SEEK = 20;
/** Drivers read at once. */
const LOT = 500;

export type PassRow = PassingFix<number>;

export type ShowJournal = (drivers: ReadonlySet<number> | null, from: number, to: number, see: (row: PassRow) => void) => void;

/**
 * Looks through history driver by driver, for it lies that way, and gives way to others between pieces: each `next` is one
 * piece of work. The journal is looked through first, so what moves on from there meanwhile is seen once or twice, never not
 * at all; what was seen there counts once.
 */
export class PassSearches {
  readonly #sql: ReturnType<typeof prepare>;

  constructor(db: DatabaseSync) {
    this.#sql = prepare(db);
  }

  /** `journal` shows what is there of some drivers (null: all) and captured in a time. */
  *search(search: PassSearch, limit: number, journal: ShowJournal): Generator<undefined, PassList> {
    const { from, to } = search;
    const wanted = search.drivers === null ? null : this.#numbers(search.drivers);
    const circle = new InCircle<number>(search);
    const seen = new Set<number>();
    journal(wanted, from, to, (row) => {
      if (circle.add(row)) seen.add(row.id);
    });
    yield;
    let work = 0;
    for (const driver of wanted ?? this.#everybody()) {
      work += SEEK;
      let [at, id] = [from, -1];
      for (;;) {
        const end = this.#sql.piece.get(driver, at, id, to, PIECE) as { at: number; id: number } | undefined;
        for (const row of this.#rows(circle.box, driver, at, id, end?.at ?? to, end?.id ?? Number.MAX_SAFE_INTEGER)) {
          if (!seen.has(row.id)) circle.add(row);
          work++;
        }
        if (work >= PIECE || end !== undefined) {
          work = 0;
          yield;
        }
        if (end === undefined) break;
        [at, id] = [end.at, end.id];
      }
    }
    return this.#nearest(circle.found(), limit);
  }

  #numbers(names: readonly string[]): Set<number> {
    const rows = names.map((name) => this.#sql.number.get(name) as { id: number } | undefined);
    return new Set(rows.flatMap((row) => row?.id ?? []));
  }

  *#everybody(): Generator<number> {
    for (let last = 0; ; ) {
      const lot = this.#sql.drivers.all(last, LOT) as { id: number }[];
      for (const { id } of lot) yield id;
      const end = lot.at(-1);
      if (end === undefined) return;
      last = end.id;
    }
  }

  #rows({ south, north, spans }: Box, driver: number, at: number, id: number, lastAt: number, lastId: number): PassRow[] {
    const [one = [0, -1], other = one] = spans;
    return this.#sql.rows.all(driver, at, id, lastAt, lastId, south, north, ...one, ...other) as unknown as PassRow[];
  }

  /** Names are looked up of those alone that may be among the first. */
  #nearest(found: PassFound<number>[], limit: number): PassList {
    found.sort((a, b) => a.mm - b.mm);
    const named: (PassFound<number> & { name: string })[] = [];
    let others = 0;
    for (const one of found) {
      const furthest = named[limit - 1]?.mm ?? Number.POSITIVE_INFINITY;
      if (one.mm > furthest) {
        others++;
        continue;
      }
      const name = (this.#sql.name.get(one.driver) as { name: string } | undefined)?.name;
      // Who was erased while this looked is nobody's to find.
      if (name !== undefined && !isErased(name)) named.push({ ...one, name });
    }
    named.sort((a, b) => a.mm - b.mm || (a.name < b.name ? -1 : 1));
    const items = named.slice(0, limit).map(
      ({ name, first, last, fixes, mm, at, lat, lng }): Pass => ({
        driver: name,
        first,
        last,
        fixes,
        nearest: { lat: lat / 1e7, lng: lng / 1e7, at, distance: mm / 1_000 },
      }),
    );
    return { items, isComplete: named.length + others <= limit };
  }
}

function prepare(db: DatabaseSync) {
  const sql = (text: string): StatementSync => db.prepare(text);
  return {
    number: sql('SELECT id FROM driver WHERE name = ?'),
    name: sql('SELECT name FROM driver WHERE id = ?'),
    drivers: sql(`SELECT id FROM driver WHERE id > ? AND ${NOT_ERASED} ORDER BY id LIMIT ?`),
    piece: sql('SELECT at, id FROM fix WHERE driver = ? AND (at, id) > (?, ?) AND at <= ? ORDER BY at, id LIMIT 1 OFFSET ?'),
    rows: sql(`SELECT driver, at, id, lat, lng, suspect FROM fix WHERE driver = ? AND (at, id) > (?, ?) AND (at, id) <= (?, ?)
      AND suspect = 0 AND lat BETWEEN ? AND ? AND (lng BETWEEN ? AND ? OR lng BETWEEN ? AND ?)`),
  };
}
