import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { CursorMoved } from '../../hub/cursor-moved.ts';
import type { OutgoingMessage } from '../../hub/outbox/ports.ts';
import { blank, Compaction } from './compaction.ts';
import { ErasureWriter } from './erasures.ts';
import { JournalBatch } from './journal.ts';
import type {
  CommitRequest,
  DropRequest,
  EraseRequest,
  EventRecord,
  ForgetRequest,
  Names,
  OutboxRecord,
  OutgoingRequest,
  SessionsRequest,
  TriedRequest,
  TripChangeRequest,
  TripRecord,
} from './messages.ts';
import { OutgoingWriter } from './outgoing-writer.ts';
import { migrate } from './schema.ts';

/** Opens the database for its one writer. `maxPages` bounds its size, as a full disk would. */
export function openWriter(path: string, maxPages: number | undefined): Writer {
  const db = new DatabaseSync(path);
  try {
    // FULL: a commit has reached the disk, not only the system, before it is acknowledged [A1].
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32000');
    migrate(db);
    if (maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${Math.trunc(maxPages)}`);
    return new Writer(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

/** The transactions of the store. Each happens whole or not at all, and may be tried again. */
export class Writer {
  readonly #db: DatabaseSync;
  readonly #sql: ReturnType<typeof prepare>;
  readonly #compaction: Compaction;
  readonly #outgoing: OutgoingWriter;
  readonly #erasures: ErasureWriter;
  readonly #drivers = new Map<string, number>();
  readonly #streams = new Map<string, number>();

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#sql = prepare(db);
    this.#compaction = new Compaction(db);
    this.#outgoing = new OutgoingWriter(db);
    this.#erasures = new ErasureWriter(db);
    // Sockets that were open when the process before this one ended without a word.
    db.exec('UPDATE connection_session SET until = last WHERE until IS NULL');
  }

  /** Answers which fixes, by index, were there already. */
  commit(request: CommitRequest): number[] {
    const written = this.#transaction(() => {
      const elsewhere = request.cursors.filter(({ partition, from, to }) => !this.#moveCursor(partition, from, to));
      if (elsewhere.length > 0) throw new CursorMoved(elsewhere.map(({ partition }) => partition));
      const gone = new Set(request.erased.map(({ driverId }) => this.#driver(driverId)));
      const owners = namesOf(request.drivers).map((name) => this.#driver(name));
      const fixes = request.fixes === null ? null : this.#writeFixes(new JournalBatch(request.fixes.slice()), owners, gone, request);
      const snapshots = request.snapshots.map(({ driver, online, state }) => {
        const id = this.#driver(driver);
        this.#sql.snapshot.run(id, online ? 1 : 0, state);
        return id;
      });
      for (const trip of request.trips) this.#writeTrip(trip);
      for (const id of request.removedTrips) this.#removeTrip(id);
      this.#record(request.events, request.outbox, request.messages);
      for (const id of request.outboxDone) this.#sql.outboxDone.run(id);
      for (const { partition, position, at, error, doc } of request.setAside) this.#sql.setAside.run(partition, position, at, error, doc);
      const changed = gone.size === 0 ? null : this.#beginErasures(request, gone);
      return { fixes, snapshots, gone, changed };
    });
    if (written.changed !== null) this.#forgetErased(request, written.gone, written.changed);
    if (written.fixes !== null) this.#compaction.added(written.fixes.id, written.fixes.batch);
    this.#compaction.storedWhole(written.snapshots);
    return written.fixes?.duplicates ?? [];
  }

  /** In the transaction: nothing of these drivers can be reached by their ids any more, or comes up from the journal. */
  #beginErasures({ erased }: CommitRequest, numbers: ReadonlySet<number>): Map<number, JournalBatch> {
    this.#erasures.scrub(true);
    const changed = this.#compaction.without(numbers);
    for (const [id, batch] of changed) this.#sql.journalAnew.run(batch.bytes, id);
    for (const { driverId, at } of erased) this.#erasures.begin(driverId, this.#driver(driverId), at);
    return changed;
  }

  #forgetErased({ erased }: CommitRequest, numbers: ReadonlySet<number>, changed: ReadonlyMap<number, JournalBatch>): void {
    for (const { driverId } of erased) this.#drivers.delete(driverId);
    this.#streams.clear();
    this.#compaction.erased(numbers, changed);
    this.#erasures.scrub(false);
  }

  /** A step of the work that an erasure leads to. */
  erase({ method, args }: EraseRequest): unknown {
    const work = this.#erasures[method] as (...args: readonly unknown[]) => unknown;
    // Of a driver that is gone the numbers may be given again.
    this.#streams.clear();
    this.#erasures.scrub(true);
    try {
      return this.#transaction(() => work.apply(this.#erasures, [...args]));
    } finally {
      this.#erasures.scrub(false);
      if (method === 'done') this.#erasures.flush();
    }
  }

  /** Answers whether the trip was as expected, and so was changed. */
  changeTrip({ expected, soleSince, remove, trip, events, outbox, messages }: TripChangeRequest): boolean {
    return this.#transaction(() => {
      const current = this.#sql.revision.get(trip.id) as { revision: number } | undefined;
      if ((current?.revision ?? 0) !== expected) return false;
      if (soleSince !== null && this.#sql.openOfOrder.get(trip.order, soleSince) !== undefined) return false;
      if (remove) this.#removeTrip(trip.id);
      else this.#writeTrip(trip);
      this.#record(events, outbox, messages);
      return true;
    });
  }

  recordSessions({ sessions }: SessionsRequest): void {
    this.#transaction(() => {
      for (const { id, subject, role, surface, kind, about, since, last, until } of sessions)
        this.#sql.session.run(id, subject, role, surface, kind, about, since, last, until);
    });
  }

  /** Answers how often the command at this position was tried, this time included. */
  tried({ partition, position }: TriedRequest): number {
    return this.#transaction(() => Number((this.#sql.tried.get(partition, position) as { tries: number }).tries));
  }

  /** One piece of work on messages on their way out. */
  outgoing({ method, args }: OutgoingRequest): unknown {
    const work = this.#outgoing[method] as (...args: readonly unknown[]) => unknown;
    return this.#transaction(() => work.apply(this.#outgoing, [...args]));
  }

  /** Answers how many of these fixes were in history. */
  drop({ fixes: { drivers, of, at, id } }: DropRequest): number {
    return this.#repeatable(() => {
      const numbers = drivers.map((name) => (this.#sql.driver.get(name) as { id: number } | undefined)?.id ?? 0);
      let rows = 0;
      for (const [n, driver] of of.entries())
        rows += Number(this.#sql.noFix.run(numbers[driver] as number, at[n] as number, id[n] as number).changes);
      return rows;
    });
  }

  /** Answers how many connections were dropped. */
  forget({ before, most }: ForgetRequest): number {
    return this.#repeatable(() => Number(this.#sql.noConnections.run(before, before, most).changes));
  }

  /** Moves part of the journal into history; answers whether there is more to move at once. */
  compactSome(): boolean {
    return this.#compaction.step((work) => this.#transaction(work));
  }

  close(): void {
    this.#db.close();
  }

  /** What comes back after a power cut is done again: commits need not wait for the disk because of it. */
  #repeatable<T>(work: () => T): T {
    this.#db.exec('PRAGMA synchronous = NORMAL');
    try {
      return this.#transaction(work);
    } finally {
      this.#db.exec('PRAGMA synchronous = FULL');
    }
  }

  #transaction<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      // Numbers given in a transaction that failed may be given again to somebody else.
      this.#drivers.clear();
      this.#streams.clear();
      this.#outgoing.forget();
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  /** Compare and set; answers whether the cursor was there. */
  #moveCursor(partition: number, from: number, to: number): boolean {
    const { changes } = from === 0 ? this.#sql.firstCursor.run(partition, to) : this.#sql.cursor.run(to, partition, from);
    return Number(changes) === 1;
  }

  #writeFixes(
    batch: JournalBatch,
    owners: readonly number[],
    gone: ReadonlySet<number>,
    { streams }: CommitRequest,
  ): { id: number; batch: JournalBatch; duplicates: number[] } {
    const numbering = namesOf(streams).map((entry) => {
      const space = entry.indexOf(' ');
      return this.#stream(owners[Number(entry.slice(0, space))] as number, entry.slice(space + 1));
    });
    const unsure: number[] = [];
    for (let i = 0; i < batch.length; i++) {
      const stream = batch.stream(i);
      batch.setOwner(i, owners[batch.driver(i)] as number, stream === 0 ? 0 : (numbering[stream - 1] as number));
      if (batch.isUnsure(i)) unsure.push(i);
    }
    const duplicates = unsure.length === 0 ? unsure : this.#compaction.known(batch, unsure);
    for (const i of duplicates) batch.drop(i);
    if (gone.size > 0) blank(batch, gone);
    const { lastInsertRowid } = this.#sql.journal.run(batch.bytes);
    return { id: Number(lastInsertRowid), batch, duplicates };
  }

  #driver(name: string): number {
    const known = this.#drivers.get(name);
    if (known !== undefined) return known;
    const row = this.#sql.driver.get(name) as { id: number } | undefined;
    const id = row?.id ?? Number(this.#sql.newDriver.run(name).lastInsertRowid);
    this.#drivers.set(name, id);
    return id;
  }

  #stream(driver: number, name: string): number {
    const key = `${driver}/${name}`;
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    const row = this.#sql.stream.get(driver, name) as { id: number } | undefined;
    const id = row?.id ?? Number(this.#sql.newStream.run(driver, name).lastInsertRowid);
    // Streams come and go with app installs; the map is only there to save look-ups.
    if (this.#streams.size > 100_000) this.#streams.clear();
    this.#streams.set(key, id);
    return id;
  }

  #writeTrip(trip: TripRecord): void {
    const { id, revision, kind, status, open, driver, created, order, doc } = trip;
    const { changes } = this.#sql.trip.run(id, revision, kind, status, open ? 1 : 0, driver, created, order, doc);
    if (Number(changes) === 0) return;
    this.#sql.noLabels.run(id);
    this.#sql.noParties.run(id);
    for (const label of trip.labels) this.#sql.label.run(label, id);
    for (const party of trip.parties) this.#sql.party.run(party, id);
  }

  #removeTrip(id: string): void {
    this.#sql.noLabels.run(id);
    this.#sql.noParties.run(id);
    this.#sql.noEvents.run(id);
    this.#sql.noTrip.run(id);
  }

  #record(events: readonly EventRecord[], outbox: readonly OutboxRecord[], messages: readonly OutgoingMessage[]): void {
    const repeated = new Set<string | null>();
    for (const { id, trip, driver, at, doc } of events) {
      if (Number(this.#sql.event.run(id, trip, driver, at, doc).changes) === 0) repeated.add(id);
    }
    for (const { id, doc } of outbox) this.#sql.outbox.run(id, doc);
    if (messages.length > 0) this.#outgoing.record(messages.filter(({ eventId }) => !repeated.has(eventId)));
  }
}

function namesOf(names: Names): string[] {
  return names === '' ? [] : names.split('\n');
}

function prepare(db: DatabaseSync) {
  const sql = (text: string): StatementSync => db.prepare(text);
  return {
    firstCursor: sql(`INSERT INTO cursor (partition, position) VALUES (?, ?)
      ON CONFLICT (partition) DO UPDATE SET position = excluded.position WHERE position = 0`),
    cursor: sql('UPDATE cursor SET position = ? WHERE partition = ? AND position = ?'),
    driver: sql('SELECT id FROM driver WHERE name = ?'),
    newDriver: sql('INSERT INTO driver (name) VALUES (?)'),
    stream: sql('SELECT id FROM stream WHERE driver = ? AND name = ?'),
    newStream: sql('INSERT INTO stream (driver, name) VALUES (?, ?)'),
    journal: sql('INSERT INTO journal (fixes) VALUES (?)'),
    journalAnew: sql('UPDATE journal SET fixes = ? WHERE id = ?'),
    snapshot: sql('INSERT OR REPLACE INTO snapshot (driver, online, state) VALUES (?, ?, ?)'),
    revision: sql('SELECT revision FROM trip WHERE id = ?'),
    trip: sql(`INSERT INTO trip (id, revision, kind, status, open, driver, created, order_id, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, status = excluded.status, open = excluded.open,
        driver = excluded.driver, doc = excluded.doc WHERE excluded.revision >= revision`),
    openOfOrder: sql('SELECT id FROM trip WHERE order_id = ? AND open = 1 AND created > ? LIMIT 1'),
    noTrip: sql('DELETE FROM trip WHERE id = ?'),
    noLabels: sql('DELETE FROM trip_label WHERE trip = ?'),
    noParties: sql('DELETE FROM trip_party WHERE trip = ?'),
    noEvents: sql('DELETE FROM event WHERE trip = ?'),
    label: sql('INSERT OR IGNORE INTO trip_label (label, trip) VALUES (?, ?)'),
    party: sql('INSERT OR IGNORE INTO trip_party (party, trip) VALUES (?, ?)'),
    // An event is recorded once, however often it is decided [G8].
    event: sql('INSERT OR IGNORE INTO event (id, trip, driver, at, doc) VALUES (?, ?, ?, ?, ?)'),
    outbox: sql('INSERT OR IGNORE INTO outbox (id, doc) VALUES (?, ?)'),
    session:
      sql(`INSERT INTO connection_session (id, subject, role, surface, kind, about, since, last, until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, last = excluded.last, until = excluded.until`),
    setAside: sql('INSERT OR IGNORE INTO set_aside (partition, position, at, error, command) VALUES (?, ?, ?, ?, ?)'),
    tried: sql(`INSERT INTO trying (partition, position, tries) VALUES (?, ?, 1) ON CONFLICT (partition) DO UPDATE
      SET tries = CASE WHEN position = excluded.position THEN tries + 1 ELSE 1 END, position = excluded.position RETURNING tries`),
    noFix: sql('DELETE FROM fix WHERE driver = ? AND at = ? AND id = ?'),
    // By the time they began, for which there is an index.
    noConnections: sql(`DELETE FROM connection_session WHERE id IN (
      SELECT id FROM connection_session WHERE since < ? AND until < ? ORDER BY since LIMIT ?)`),
    outboxDone: sql('DELETE FROM outbox WHERE id = ?'),
  };
}
