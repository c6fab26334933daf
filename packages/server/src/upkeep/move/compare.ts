import type { MoveTarget, Stored } from '../../adapters/postgres-store/move-in.ts';
import type { MoveSource, Part } from '../../adapters/sqlite-store/move-out.ts';
import { StartupError } from '../../startup-error.ts';

type Value = string | number | null;
type Row = readonly Value[];
type Look = ReturnType<MoveTarget['looks']>[number];

const SHOWN = 60;

/**
 * Reads a part from end to end on both sides, in the order of its key, and compares every value of every row [M2].
 * @throws StartupError at the first difference, which it names
 */
export async function compare(source: MoveSource, target: MoveTarget, part: Part, step: (rows: number) => void): Promise<void> {
  for (const look of target.looks(part)) {
    const there = new Reader(target.stored(look));
    try {
      for (const { rows } of source.lots(part, null)) {
        for (const row of look.expected(rows)) {
          const found = await there.next();
          if (found === null || !isSame(row, found, there.isJson)) throw differs(target, look, row, found, there.isJson);
        }
        if (look === target.looks(part)[0]) step(rows.length);
      }
      const more = await there.next();
      if (more !== null) throw differs(target, look, null, more, there.isJson);
    } finally {
      await there.close();
    }
  }
}

/** Rows one by one, without a promise of its own for each where they are there. */
class Reader {
  isJson: readonly boolean[] = [];
  readonly #lots: AsyncGenerator<Stored>;
  #rows: readonly Row[] = [];
  #at = 0;

  constructor(lots: AsyncGenerator<Stored>) {
    this.#lots = lots;
  }

  next(): Row | null | Promise<Row | null> {
    return this.#rows[this.#at++] ?? this.#nextLot();
  }

  async #nextLot(): Promise<Row | null> {
    const { value, done } = await this.#lots.next();
    if (done === true) return null;
    this.#rows = value.rows;
    this.isJson = value.isJson;
    this.#at = 1;
    return this.#rows[0] ?? null;
  }

  async close(): Promise<void> {
    await this.#lots.return(undefined);
  }
}

function isSame(row: Row, found: Row, isJson: readonly boolean[]): boolean {
  for (let i = 0; i < found.length; i++) if (!isEqual(row[i] ?? null, found[i] ?? null, isJson[i] === true)) return false;
  return row.length === found.length;
}

/** A document may be written in two ways. */
function isEqual(a: Value, b: Value, isJson: boolean): boolean {
  if (a === b) return true;
  if (!isJson || a === null || b === null) return false;
  return JSON.stringify(JSON.parse(String(a))) === JSON.stringify(JSON.parse(String(b)));
}

function differs({ address }: MoveTarget, look: Look, row: Row | null, found: Row | null, isJson: readonly boolean[]): StartupError {
  const names = Object.keys(look.columns);
  const at = names.findIndex((_, i) => row !== null && found !== null && !isEqual(row[i] ?? null, found[i] ?? null, isJson[i] === true));
  const where = (one: Row) =>
    names
      .slice(0, look.keys)
      .map((name, i) => `${name} ${shown(one[i])}`)
      .join(', ');
  const said =
    row === null || found === null || at < look.keys
      ? `has ${found === null ? 'no further row' : `a row of ${where(found)}`} in ${look.table} where the embedded database has ${row === null ? 'none' : `one of ${where(row)}`}`
      : `has ${shown(found[at])} as ${names[at]} of ${where(row)} in ${look.table}, the embedded database ${shown(row[at])}`;
  return new StartupError(
    `what was moved is not the same: PostgreSQL at ${address.name} ${said}. Nothing is lost: make that database anew, empty, and run it again`,
  );
}

function shown(value: Value | undefined): string {
  const text = String(value);
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}...`;
}
