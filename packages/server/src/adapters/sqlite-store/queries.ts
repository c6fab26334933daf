import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setImmediate as othersTurn } from 'node:timers/promises';
import type { FixRow } from '../../core/effects.ts';
import { fixRowOf, type HistoryFix } from '../../core/kept-fix.ts';
import type { Consumer, DeliveryRecord, DeliveryState } from '../../hub/outbox/ports.ts';
import { type Page, splitCursor } from '../../hub/page.ts';
import type { ConnectionSession, Erasure, OrderRow, PassList, PassSearch, TripFilter } from '../../hub/storage-ports.ts';
import { JournalBatch, type JournalRow } from './journal.ts';
import { OutgoingQueries } from './outgoing-queries.ts';
import { PassSearches } from './passes.ts';

/** A driver as it lies there; its documents are still JSON. */
export interface LoadedDriver {
  readonly id: string;
  readonly state: string | null;
  readonly rows: readonly FixRow[];
  readonly damage?: string | undefined;
}

/** Everything that is read, on a connection of its own: readers never hold up the writer. */
export class Queries {
  readonly #db: DatabaseSync;
  readonly #sql: ReturnType<typeof prepare>;
  readonly #outgoing: OutgoingQueries;
  readonly #passes: PassSearches;
  /** Journal batches change only when a driver is erased, so each is read from the database once. */
  readonly #journal = new Map<number, JournalBatch>();
  /** How many erasures there had been by then. */
  #erasures = 0;

  constructor(path: string) {
    this.#db = new DatabaseSync(path, { readOnly: true });
    this.#sql = prepare(this.#db);
    this.#outgoing = new OutgoingQueries(this.#db);
    this.#passes = new PassSearches(this.#db);
  }

  cursors(): [number, number][] {
    return this.#sql.cursors.all().map((row) => [Number(row.partition), Number(row.position)]);
  }

  waiting(): string[] {
    return this.#sql.outbox.all().map((row) => row.doc as string);
  }

  awake(): string[] {
    return this.#sql.awake.all().map((row) => row.name as string);
  }

  onlineStates(): [string, string][] {
    return this.#sql.online.all().map((row) => [row.name as string, row.state as string]);
  }

  erasures(): Erasure[] {
    return this.#sql.erasures.all().map((row) => ({
      n: Number(row.n),
      driver: row.driver as string,
      at: Number(row.at),
      hidden: row.hidden === 1,
    }));
  }

  load(names: readonly string[]): LoadedDriver[] {
    return this.#consistently(() => {
      const found = new Map<number, { id: string; state: string | null; position: number; rows: FixRow[]; damage?: string }>();
      for (const name of names) {
        const row = this.#sql.driver.get(name) as { id: number; state: string | null } | undefined;
        if (row !== undefined) found.set(row.id, { id: name, state: row.state, ...positionIn(row.state), rows: [] });
      }
      // A crowd of new drivers must not have the journal read once for each lot of them.
      if (found.size === 0) return [];
      for (const { row, dropped } of this.#journalRows((driver) => found.has(driver))) {
        const driver = found.get(row.driver);
        if (driver === undefined || dropped || row.position <= driver.position) continue;
        driver.rows.push(this.#fixOf(row, driver.id));
      }
      return [...found.values()].map(({ rows, ...one }) => ({ ...one, rows: rows.sort((a, b) => a.position - b.position) }));
    });
  }

  trip(id: string): string | undefined {
    return (this.#sql.trip.get(id) as { doc: string } | undefined)?.doc;
  }

  trips(filter: TripFilter, limit: number, cursor: string | null): Page<string> {
    const where: string[] = [];
    const values: (string | number)[] = [];
    const add = (text: string, ...more: (string | number)[]) => {
      where.push(text);
      values.push(...more);
    };
    if (filter.open !== undefined) add(filter.open ? 'open = 1' : 'open = 0');
    if (filter.status !== undefined) add('status = ?', filter.status);
    if (filter.kind !== undefined) add('kind = ?', filter.kind);
    if (filter.driverId !== undefined) add('driver = ?', filter.driverId);
    if (filter.orderId !== undefined) add('order_id = ?', filter.orderId);
    if (filter.createdAfter !== undefined) add('created > ?', filter.createdAfter);
    if (filter.label !== undefined) add('id IN (SELECT trip FROM trip_label WHERE label = ?)', filter.label);
    // Any of these opens a trip to whoever asks; each list is bound, never pasted.
    const doors: string[] = [];
    const door = (text: (marks: string) => string, list: readonly string[] | undefined) => {
      if (list === undefined || list.length === 0) return;
      doors.push(text(list.map(() => '?').join(',')));
      values.push(...list);
    };
    door((marks) => `id IN (SELECT trip FROM trip_label WHERE label IN (${marks}))`, filter.labels);
    door(
      (marks) => `id IN (SELECT trip FROM trip_party WHERE party IN (${marks}))`,
      filter.partyId === undefined ? undefined : [filter.partyId],
    );
    door((marks) => `driver IN (${marks})`, filter.driverIds);
    door((marks) => `id IN (${marks})`, filter.ids);
    if (doors.length > 0) where.push(`(${doors.join(' OR ')})`);
    if (cursor !== null) {
      const [created, id] = splitCursor(cursor);
      add('(created < ? OR (created = ? AND id > ?))', created, created, id);
    }
    const text = `SELECT id, created, doc FROM trip ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''} ORDER BY created DESC, id LIMIT ?`;
    const rows = this.#db.prepare(text).all(...values, limit + 1) as { id: string; created: number; doc: string }[];
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    return { items: rows.slice(0, limit).map((row) => row.doc), cursor: last === undefined ? null : `${last.created}~${last.id}` };
  }

  orderRows(createdAfter: number, endedAfter: number): OrderRow[] {
    return (this.#sql.orders.all(createdAfter, endedAfter) as unknown as OrderRow[]).map((row) => ({ ...row }));
  }

  consumers(): Consumer[] {
    return this.#outgoing.consumers();
  }

  deliveries(consumerId: string, state: DeliveryState | null, limit: number, cursor: string | null): Page<DeliveryRecord> {
    return this.#outgoing.deliveries(consumerId, state, limit, cursor);
  }

  outgoingCounts(): { pending: number; dead: number } {
    return this.#outgoing.counts();
  }

  events(tripId: string): string[] {
    return this.#sql.events.all(tripId).map((row) => row.doc as string);
  }

  locations(driverId: string, from: number, to: number, limit: number, cursor: string | null): Page<HistoryFix> {
    return this.#consistently(() => {
      const driver = this.#driverNumber(driverId);
      if (driver === undefined) return { items: [], cursor: null };
      const [at, id] = cursor === null ? [from, -1] : splitCursor(cursor);
      const after = (row: { at: number; id: number }) => row.at > Number(at) || (row.at === Number(at) && row.id > Number(id));
      const history = this.#sql.after.all(driver, at, Number(id), to, limit + 1) as unknown as JournalRow[];
      const fresh = this.#freshOf(driver, (row) => row.at <= to && after(row));
      const rows = merge(history, fresh).slice(0, limit + 1);
      const last = rows.length > limit ? rows[limit - 1] : undefined;
      const items = rows.slice(0, limit).map((row) => this.#fixOf(row, driverId));
      return { items, cursor: last === undefined ? null : `${last.at}~${last.id}` };
    });
  }

  locationsBefore(driverId: string, at: number, limit: number, since: number): HistoryFix[] {
    return this.#consistently(() => {
      const driver = this.#driverNumber(driverId);
      if (driver === undefined) return [];
      const history = this.#sql.before.all(driver, since, at, limit) as unknown as JournalRow[];
      const fresh = this.#freshOf(driver, (row) => row.at >= since && row.at < at);
      const rows = merge(history, fresh).slice(-limit);
      return rows.map((row) => this.#fixOf(row, driverId));
    });
  }

  /** Others have their turn between pieces of it. */
  async passes(search: PassSearch, limit: number): Promise<PassList> {
    const steps = this.#passes.search(search, limit, (drivers, from, to, see) =>
      this.#consistently(() => {
        const isWanted = (driver: number, at: number) => at >= from && at <= to && (drivers === null || drivers.has(driver));
        for (const { row, dropped } of this.#journalRows(isWanted)) if (!dropped) see(row);
      }),
    );
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      await othersTurn();
    }
  }

  sessions(filter: { subject?: string; open?: boolean }, limit: number, cursor: string | null): Page<ConnectionSession> {
    const where: string[] = [];
    const values: (string | number)[] = [];
    if (filter.subject !== undefined) {
      where.push('subject = ?');
      values.push(filter.subject);
    }
    if (filter.open !== undefined) where.push(filter.open ? 'until IS NULL' : 'until IS NOT NULL');
    if (cursor !== null) {
      const [since, id] = splitCursor(cursor);
      where.push('(since < ? OR (since = ? AND id > ?))');
      values.push(since, since, id);
    }
    const text = `SELECT id, subject, role, surface, kind, about, since, last, until FROM connection_session
      ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''} ORDER BY since DESC, id LIMIT ?`;
    const rows = this.#db.prepare(text).all(...values, limit + 1) as unknown as ConnectionSession[];
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    return { items: rows.slice(0, limit).map((row) => ({ ...row })), cursor: last === undefined ? null : `${last.since}~${last.id}` };
  }

  /** History and journal must be seen at one moment, or a batch on its way between them is seen twice or not at all. */
  #consistently<T>(read: () => T): T {
    this.#db.exec('BEGIN');
    try {
      return read();
    } finally {
      this.#db.exec('COMMIT');
    }
  }

  #driverNumber(name: string): number | undefined {
    return (this.#sql.driver.get(name) as { id: number } | undefined)?.id;
  }

  #streamName(id: number): string | null {
    return id === 0 ? null : ((this.#sql.stream.get(id) as { name: string }).name ?? null);
  }

  #fixOf(row: JournalRow, driverId: string): HistoryFix {
    return fixRowOf({ ...row, stream: this.#streamName(row.stream) }, driverId, row.position);
  }

  #freshOf(driver: number, wanted: (row: JournalRow) => boolean): JournalRow[] {
    const rows: JournalRow[] = [];
    for (const { row, dropped } of this.#journalRows((one) => one === driver)) if (!dropped && wanted(row)) rows.push(row);
    return rows;
  }

  *#journalRows(isWanted: (driver: number, at: number) => boolean): Generator<{ row: JournalRow; dropped: boolean }> {
    const present = new Set<number>();
    const erasures = (this.#sql.erasureCount.get() as { seq: number } | undefined)?.seq ?? 0;
    if (erasures !== this.#erasures) this.#journal.clear();
    this.#erasures = erasures;
    for (const { id } of this.#sql.journalIds.all() as { id: number }[]) {
      present.add(id);
      let batch = this.#journal.get(id);
      if (batch === undefined) {
        const { fixes } = this.#sql.journalBatch.get(id) as { fixes: Uint8Array };
        batch = new JournalBatch(new Uint8Array(fixes));
        this.#journal.set(id, batch);
      }
      for (let i = 0; i < batch.length; i++)
        if (isWanted(batch.driver(i), batch.at(i))) yield { row: batch.row(i, id), dropped: batch.isDropped(i) };
    }
    for (const id of this.#journal.keys()) if (!present.has(id)) this.#journal.delete(id);
  }
}

/** Up to where a snapshot goes; one that cannot be read says so, and the others asked for with it are answered. */
function positionIn(state: string | null): { position: number; damage?: string } {
  if (state === null) return { position: 0 };
  try {
    return { position: (JSON.parse(state) as { position: number }).position };
  } catch (error) {
    return { position: 0, damage: `its snapshot cannot be read: ${(error as Error).message}` };
  }
}

/** Both in capture order; what a compaction left half moved is in both, and counts once. */
function merge(history: readonly JournalRow[], fresh: readonly JournalRow[]): JournalRow[] {
  if (fresh.length === 0) return [...history];
  const seen = new Set(fresh.map((row) => row.id));
  return [...history.filter((row) => !seen.has(row.id)), ...fresh].sort((a, b) => a.at - b.at || a.id - b.id);
}

function prepare(db: DatabaseSync) {
  const sql = (text: string): StatementSync => db.prepare(text);
  const columns = 'driver, at, id, lat, lng, speed, bearing, accuracy, altitude, suspect, received, stream, seq, 0 AS position';
  return {
    cursors: sql('SELECT partition, position FROM cursor'),
    outbox: sql('SELECT doc FROM outbox ORDER BY n'),
    online: sql('SELECT name, state FROM snapshot JOIN driver ON driver.id = snapshot.driver WHERE online = 1'),
    awake: sql(`SELECT name FROM snapshot JOIN driver ON driver.id = snapshot.driver WHERE online = 1
      UNION SELECT driver FROM trip WHERE open = 1 AND driver IS NOT NULL AND json_extract(doc, '$.expiresAt') IS NOT NULL`),
    driver: sql('SELECT id, state FROM driver LEFT JOIN snapshot ON snapshot.driver = driver.id WHERE name = ?'),
    erasures: sql('SELECT n, driver, at, hidden FROM erasure ORDER BY n'),
    erasureCount: sql(`SELECT seq FROM sqlite_sequence WHERE name = 'erasure'`),
    stream: sql('SELECT name FROM stream WHERE id = ?'),
    trip: sql('SELECT doc FROM trip WHERE id = ?'),
    orders: sql(`SELECT id, driver AS driverId, status, json_extract(doc, '$.updatedAt') AS updatedAt FROM trip
      WHERE created > ? AND order_id IS NOT NULL AND kind = 'delivery'
      AND (open = 1 OR coalesce(json_extract(doc, '$.completedAt'), json_extract(doc, '$.cancelledAt')) > ?)`),
    events: sql('SELECT doc FROM event WHERE trip = ? ORDER BY at, n'),
    journalIds: sql('SELECT id FROM journal ORDER BY id'),
    journalBatch: sql('SELECT fixes FROM journal WHERE id = ?'),
    after: sql(`SELECT ${columns} FROM fix WHERE driver = ? AND (at, id) > (?, ?) AND at <= ? ORDER BY at, id LIMIT ?`),
    before: sql(
      `SELECT * FROM (SELECT ${columns} FROM fix WHERE driver = ? AND at >= ? AND at < ? ORDER BY at DESC, id DESC LIMIT ?) ORDER BY at, id`,
    ),
  };
}
