import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { JournalBatch, type JournalRow } from './journal.ts';

/** Start to move when this many fixes wait, or when the oldest has waited this long. */
const ENOUGH_ROWS = 20_000;
const WAITED_MS = 10_000;
/** Fixes moved per transaction: short enough that a commit waiting behind it hardly notices. */
const SLICE = 2_000;

interface Waiting {
  readonly id: number;
  batch: JournalBatch;
  readonly since: number;
}

interface Job {
  /** The batches that move, and which of their rows, sorted as history is clustered: batch index and row, packed. */
  readonly batches: readonly Waiting[];
  readonly places: Float64Array;
  readonly upTo: number;
  next: number;
}

/** More rows than a batch ever has. */
const ROWS = 2 ** 21;

/**
 * Moves fixes from the journal, where commits drop them in the order of receipt, into history, where they lie by
 * driver and capture time. Sorted in large lots this touches few pages; row by row it would touch one for each.
 * A batch moves only when every driver in it has been stored whole since: after a crash, all that has to be folded
 * is in the journal.
 */
export class Compaction {
  readonly #insert: StatementSync;
  readonly #forget: StatementSync;
  readonly #knownContent: StatementSync;
  readonly #knownNumber: StatementSync;
  readonly #waiting: Waiting[] = [];
  #rows = 0;
  /** For each driver with fixes newer than its last snapshot, the first batch that has some. Oldest first. */
  readonly #unsettled = new Map<number, number>();
  #job: Job | null = null;

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare('INSERT OR IGNORE INTO fix VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#forget = db.prepare('DELETE FROM journal WHERE id <= ?');
    this.#knownContent = db.prepare('SELECT 1 FROM fix WHERE driver = ? AND at = ? AND lat = ? AND lng = ? LIMIT 1');
    this.#knownNumber = db.prepare('SELECT 1 FROM fix WHERE driver = ? AND at = ? AND stream = ? AND seq = ? LIMIT 1');
    for (const { id, fixes } of db.prepare('SELECT id, fixes FROM journal ORDER BY id').iterate()) {
      this.added(Number(id), new JournalBatch(new Uint8Array(fixes as Uint8Array)));
    }
  }

  added(id: number, batch: JournalBatch): void {
    this.#waiting.push({ id, batch, since: Date.now() });
    this.#rows += batch.length;
    for (let i = 0; i < batch.length; i++) {
      const driver = batch.driver(i);
      if (batch.isDropped(i)) continue;
      if (!this.#unsettled.has(driver)) this.#unsettled.set(driver, id);
    }
  }

  /** These drivers were stored whole with the last batch. */
  storedWhole(drivers: readonly number[]): void {
    for (const driver of drivers) this.#unsettled.delete(driver);
  }

  /** Batches as they are without what they have of these drivers, in a transaction that may still fail. */
  without(drivers: ReadonlySet<number>): Map<number, JournalBatch> {
    const changed = new Map<number, JournalBatch>();
    for (const { id, batch } of this.#waiting) {
      const copy = new JournalBatch(batch.bytes.slice());
      if (blank(copy, drivers)) changed.set(id, copy);
    }
    return changed;
  }

  /** That transaction is done. */
  erased(drivers: ReadonlySet<number>, changed: ReadonlyMap<number, JournalBatch>): void {
    for (const waiting of this.#waiting) waiting.batch = changed.get(waiting.id) ?? waiting.batch;
    for (const driver of drivers) this.#unsettled.delete(driver);
    // What it moved is found there already when it is moved again.
    this.#job = null;
  }

  /** Which of the rows at these indexes are in history, in the journal, or earlier in their own batch already. */
  known(batch: JournalBatch, indexes: readonly number[]): number[] {
    const drivers = new Set(indexes.map((index) => batch.driver(index)));
    const seen = new Set<string>();
    const see = (row: JournalRow): void => {
      for (const key of keysOf(row)) seen.add(key);
    };
    for (const { batch: other, id } of this.#waiting) {
      for (let i = 0; i < other.length; i++) if (drivers.has(other.driver(i)) && !other.isDropped(i)) see(other.row(i, id));
    }
    const known: number[] = [];
    for (let i = 0; i < batch.length; i++) {
      if (!drivers.has(batch.driver(i))) continue;
      const row = batch.row(i, 0);
      if (batch.isUnsure(i) && (seen.has(keyOf(row)) || this.#inHistory(row))) known.push(i);
      else see(row);
    }
    return known;
  }

  /** One slice of work; answers whether more is to be done at once. */
  step(transaction: (work: () => void) => void): boolean {
    this.#job ??= this.#nextJob();
    const job = this.#job;
    if (job === null) return false;
    const end = Math.min(job.next + SLICE, job.places.length);
    transaction(() => {
      for (let i = job.next; i < end; i++) this.#move(rowAt(job, i));
      if (end === job.places.length) this.#forget.run(job.upTo);
    });
    job.next = end;
    if (end < job.places.length) return true;
    this.#finish(job);
    return this.#rows >= ENOUGH_ROWS;
  }

  #nextJob(): Job | null {
    const oldest = this.#waiting[0];
    if (oldest === undefined || (this.#rows < ENOUGH_ROWS && Date.now() - oldest.since < WAITED_MS)) return null;
    const limit = this.#firstUnsettled();
    const batches = this.#waiting.filter(({ id }) => id < limit);
    const last = batches.at(-1);
    return last === undefined ? null : { batches, places: clustered(batches), upTo: last.id, next: 0 };
  }

  #firstUnsettled(): number {
    for (const id of this.#unsettled.values()) return id;
    return Number.POSITIVE_INFINITY;
  }

  #finish(job: Job): void {
    this.#job = null;
    let moved = 0;
    while (moved < this.#waiting.length && (this.#waiting[moved] as Waiting).id <= job.upTo) {
      this.#rows -= (this.#waiting[moved] as Waiting).batch.length;
      moved++;
    }
    this.#waiting.splice(0, moved);
  }

  #move(r: JournalRow): void {
    this.#insert.run(
      r.driver,
      r.at,
      r.id,
      r.lat,
      r.lng,
      r.speed,
      r.bearing,
      r.accuracy,
      r.altitude,
      r.suspect,
      r.received,
      r.stream,
      r.seq,
    );
  }

  #inHistory(row: JournalRow): boolean {
    const { driver, at, lat, lng, stream, seq } = row;
    const found = seq === null ? this.#knownContent.get(driver, at, lat, lng) : this.#knownNumber.get(driver, at, stream, seq);
    return found !== undefined;
  }
}

/** Blanks what a batch has of these drivers; answers whether there was something. */
export function blank(batch: JournalBatch, drivers: ReadonlySet<number>): boolean {
  let found = false;
  for (let i = 0; i < batch.length; i++) {
    if (!drivers.has(batch.driver(i))) continue;
    batch.blank(i);
    found = true;
  }
  return found;
}

function rowAt({ batches, places }: Job, index: number): JournalRow {
  const place = places[index] as number;
  const { id, batch } = batches[Math.floor(place / ROWS)] as Waiting;
  return batch.row(place % ROWS, id);
}

/** Where the rows are, in the order of history: driver, capture, receipt. Numbers only, for there are many. */
function clustered(batches: readonly Waiting[]): Float64Array {
  const byDriver = new Map<number, number[]>();
  batches.forEach(({ batch }, index) => {
    for (let i = 0; i < batch.length; i++) {
      if (batch.isDropped(i)) continue;
      const places = byDriver.get(batch.driver(i));
      if (places === undefined) byDriver.set(batch.driver(i), [index * ROWS + i]);
      else places.push(index * ROWS + i);
    }
  });
  const at = (place: number): number => (batches[Math.floor(place / ROWS)] as Waiting).batch.at(place % ROWS);
  const drivers = [...byDriver.keys()].sort((a, b) => a - b);
  // Places grow with receipt, so the stable sort keeps ties in that order; mostly there is nothing to move.
  return Float64Array.from(drivers.flatMap((driver) => (byDriver.get(driver) as number[]).sort((a, b) => at(a) - at(b))));
}

/** The identity of a fix [F9]. */
function keyOf(row: JournalRow): string {
  return row.seq === null ? contentKey(row) : `${row.driver}/${row.at}#${row.stream}:${row.seq}`;
}

/** Under what a repeat of this one may come: its number, or its content without one. */
function keysOf(row: JournalRow): string[] {
  return row.seq === null ? [contentKey(row)] : [contentKey(row), keyOf(row)];
}

function contentKey({ driver, at, lat, lng }: JournalRow): string {
  return `${driver}/${at}/${lat}/${lng}`;
}
