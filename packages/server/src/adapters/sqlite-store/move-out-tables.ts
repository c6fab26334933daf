import type { DatabaseSync } from 'node:sqlite';
import { JournalBatch, PER_BATCH, STRIDE } from './journal.ts';

export type Value = string | number | null;
export type Row = readonly Value[];

/** Some rows in the order of their key, and where the next ones begin: the key of the last. */
export interface Lot {
  readonly rows: readonly Row[];
  readonly after: Row;
}

/** What moves together, as rows whose first columns are their key. */
export interface Departure {
  /** The tables it is taken from, each with all of its columns. */
  readonly from: Readonly<Record<string, readonly string[]>>;
  readonly count: (db: DatabaseSync) => number;
  /** From behind a key on; null: from the beginning. Never more than a lot in memory. */
  readonly lots: (db: DatabaseSync, after: Row | null) => Generator<Lot>;
}

/** Small rows, and documents. */
const LOT = 10_000;
const DOCUMENTS = 1_000;

const FIX = ['driver', 'at', 'id', 'lat', 'lng', 'speed', 'bearing', 'accuracy', 'altitude', 'suspect', 'received', 'stream', 'seq'];

/** Everything an embedded database holds, in the order it moves. */
export const DEPARTURES = {
  drivers: table('driver', ['id', 'name'], 1),
  streams: table('stream', ['id', 'driver', 'name'], 1),
  // What a compaction left half moved is in the journal as well, and goes from there. Of the rest the position was forgotten: it is in a snapshot.
  fixes: {
    from: { fix: FIX },
    count: (db) => counted(db, 'SELECT count(*) AS n FROM fix WHERE id < ?', firstOfJournal(db)),
    lots: (db, after) => keyed(db, `SELECT ${FIX}, 0 FROM fix WHERE id < ${firstOfJournal(db)}`, FIX.slice(0, 3), LOT, after),
  },
  journal: {
    from: { journal: ['id', 'fixes'] },
    count: (db) => counted(db, `SELECT coalesce(sum(length(fixes)), 0) / ${STRIDE} AS n FROM journal`),
    lots: journalLots,
  },
  tails: { from: {}, count: (db) => tails(db).length, lots: tailLots },
  snapshots: {
    from: { snapshot: ['driver', 'online', 'state'] },
    count: (db) => counted(db, 'SELECT count(*) AS n FROM snapshot'),
    lots: (db, after) =>
      keyed(
        db,
        'SELECT s.driver, d.name, s.online, s.state FROM snapshot s JOIN driver d ON d.id = s.driver WHERE true',
        ['s.driver'],
        DOCUMENTS,
        after,
      ),
  },
  trips: {
    from: {
      trip: ['id', 'revision', 'kind', 'status', 'open', 'driver', 'created', 'order_id', 'doc'],
      trip_label: ['label', 'trip'],
      trip_party: ['party', 'trip'],
    },
    count: (db) => counted(db, 'SELECT count(*) AS n FROM trip'),
    lots: (db, after) =>
      keyed(
        db,
        `SELECT id, revision, kind, status, open, driver, created, order_id,
           (SELECT json_group_array(label ORDER BY label) FROM trip_label WHERE trip = trip.id),
           (SELECT json_group_array(party ORDER BY party) FROM trip_party WHERE trip = trip.id), doc FROM trip WHERE true`,
        ['id'],
        DOCUMENTS,
        after,
      ),
  },
  events: table('event', ['n', 'id', 'trip', 'driver', 'at', 'doc'], 1, DOCUMENTS),
  outbox: table('outbox', ['n', 'id', 'doc'], 1, DOCUMENTS),
  messages: table('outgoing', ['n', 'id', 'topic', 'type', 'key', 'at', 'labels', 'body'], 1, DOCUMENTS),
  consumers: table('consumer', ['n', 'id', 'doc'], 1, DOCUMENTS),
  deliveries: table('delivery', ['consumer', 'message', 'key', 'state', 'since', 'settled', 'tries', 'failures', 'attempts'], 2, DOCUMENTS),
  lanes: table('lane', ['consumer', 'key', 'next', 'holder'], 2),
  'set aside': table('set_aside', ['partition', 'position', 'at', 'error', 'command'], 2, DOCUMENTS),
  cursors: table('cursor', ['partition', 'position'], 1),
  tries: table('trying', ['partition', 'position', 'tries'], 1),
  sessions: table('connection_session', ['id', 'subject', 'role', 'surface', 'kind', 'about', 'since', 'last', 'until'], 1),
} satisfies Record<string, Departure>;

/** A table as it is; its first columns, `keys` of them, are its key. */
function table(name: string, columns: readonly string[], keys: number, lot = LOT): Departure {
  return {
    from: { [name]: columns },
    count: (db) => counted(db, `SELECT count(*) AS n FROM ${name}`),
    lots: (db, after) => keyed(db, `SELECT ${columns} FROM ${name} WHERE true`, columns.slice(0, keys), lot, after),
  };
}

function counted(db: DatabaseSync, text: string, ...values: number[]): number {
  return Number((db.prepare(text).get(...values) as { n: number }).n);
}

function* keyed(db: DatabaseSync, select: string, key: readonly string[], limit: number, after: Row | null): Generator<Lot> {
  const end = `ORDER BY ${key} LIMIT ${limit}`;
  const first = db.prepare(`${select} ${end}`);
  const next = db.prepare(`${select} AND (${key}) > (${key.map(() => '?')}) ${end}`);
  for (const statement of [first, next]) statement.setReturnArrays(true);
  for (let at = after; ; ) {
    const rows = (at === null ? first.all() : next.all(...at)) as unknown as Row[];
    const last = rows.at(-1);
    if (last === undefined) return;
    at = last.slice(0, key.length);
    yield { rows, after: at };
  }
}

/** From which id on fixes are of the journal; above all there are while it is empty. */
export function firstOfJournal(db: DatabaseSync): number {
  const { id } = db.prepare('SELECT min(id) AS id FROM journal').get() as { id: number | null };
  return id === null ? Number.MAX_SAFE_INTEGER : id * PER_BATCH;
}

/** Fixes in the order of their receipt, whole batches at a time; the key of a lot is that of its last batch. */
function* journalLots(db: DatabaseSync, after: Row | null): Generator<Lot> {
  let rows: Row[] = [];
  let last: Value = null;
  for (const [id, batch] of batches(db, after?.[0] ?? 0)) {
    for (let i = 0; i < batch.length; i++) {
      if (batch.isDropped(i)) continue;
      const r = batch.row(i, id);
      const { lat, lng, speed, bearing, accuracy, altitude, suspect, received, stream, seq, position } = r;
      rows.push([r.driver, r.at, r.id, lat, lng, speed, bearing, accuracy, altitude, suspect, received, stream, seq, position]);
    }
    last = id;
    if (rows.length < LOT) continue;
    yield { rows, after: [id] };
    rows = [];
  }
  if (rows.length > 0) yield { rows, after: [last] };
}

function* batches(db: DatabaseSync, after: Value): Generator<[id: number, batch: JournalBatch]> {
  const next = db.prepare('SELECT id, fixes FROM journal WHERE id > ? ORDER BY id LIMIT 1');
  for (let at = after; ; ) {
    const found = next.get(at) as { id: number; fixes: Uint8Array } | undefined;
    if (found === undefined) return;
    at = found.id;
    yield [found.id, new JournalBatch(new Uint8Array(found.fixes))];
  }
}

/** Of each driver with fixes its snapshot lacks: the position of the first, and when the first was received. */
function tails(db: DatabaseSync): Row[] {
  const of = db.prepare(`SELECT json_extract(state, '$.position') AS position FROM snapshot WHERE driver = ?`);
  const positions = new Map<number, number>();
  const found = new Map<number, { since: number; received: number }>();
  for (const [id, batch] of batches(db, 0)) {
    for (let i = 0; i < batch.length; i++) {
      if (batch.isDropped(i)) continue;
      const { driver, position, received } = batch.row(i, id);
      const known = positions.get(driver) ?? (of.get(driver) as { position: number } | undefined)?.position ?? 0;
      positions.set(driver, known);
      if (position <= known) continue;
      const tail = found.get(driver);
      found.set(driver, {
        since: Math.min(tail?.since ?? position, position),
        received: Math.min(tail?.received ?? received, received),
      });
    }
  }
  return Array.from(found, ([driver, { since, received }]) => [driver, since, received] as const).sort(([a], [b]) => a - b);
}

function* tailLots(db: DatabaseSync, after: Row | null): Generator<Lot> {
  const rows = after === null ? tails(db) : [];
  const last = rows.at(-1);
  if (last !== undefined) yield { rows, after: last.slice(0, 1) };
}
