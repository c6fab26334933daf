import type { DatabaseSync } from 'node:sqlite';
import { StartupError } from '../../startup-error.ts';

/**
 * Each entry brings the database one version on; entries are never changed once released, only added.
 * Times are epoch ms; lat and lng 1e-7 degree; speed, bearing, accuracy and altitude hundredths of their unit.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE driver (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE stream (id INTEGER PRIMARY KEY, driver INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (driver, name)) STRICT;

  -- Where group commits land: one row per commit, its fixes packed (journal.ts). Moved into "fix" a little later.
  CREATE TABLE journal (id INTEGER PRIMARY KEY AUTOINCREMENT, fixes BLOB NOT NULL) STRICT;

  -- History, clustered by driver and capture time, so that a track is one range and a repeat is one look-up.
  CREATE TABLE fix (
    driver INTEGER NOT NULL, at INTEGER NOT NULL, id INTEGER NOT NULL,
    lat INTEGER NOT NULL, lng INTEGER NOT NULL,
    speed INTEGER, bearing INTEGER, accuracy INTEGER, altitude INTEGER,
    suspect INTEGER NOT NULL, received INTEGER NOT NULL, stream INTEGER NOT NULL, seq INTEGER,
    PRIMARY KEY (driver, at, id)
  ) STRICT, WITHOUT ROWID;

  -- A driver with its open trips, as of a position of its partition's log.
  CREATE TABLE snapshot (driver INTEGER PRIMARY KEY, online INTEGER NOT NULL, state TEXT NOT NULL) STRICT;

  CREATE TABLE trip (
    id TEXT PRIMARY KEY, revision INTEGER NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, open INTEGER NOT NULL,
    driver TEXT, created INTEGER NOT NULL, doc TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX trip_by_creation ON trip (created DESC, id);
  CREATE INDEX trip_open ON trip (created DESC, id) WHERE open = 1;
  CREATE INDEX trip_by_driver ON trip (driver, created DESC, id);
  CREATE TABLE trip_label (label TEXT NOT NULL, trip TEXT NOT NULL, PRIMARY KEY (label, trip)) STRICT, WITHOUT ROWID;
  CREATE TABLE trip_party (party TEXT NOT NULL, trip TEXT NOT NULL, PRIMARY KEY (party, trip)) STRICT, WITHOUT ROWID;
  CREATE INDEX trip_label_of ON trip_label (trip);
  CREATE INDEX trip_party_of ON trip_party (trip);

  CREATE TABLE event (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, trip TEXT, driver TEXT, at INTEGER NOT NULL, doc TEXT NOT NULL) STRICT;
  CREATE INDEX event_of_trip ON event (trip, at, n) WHERE trip IS NOT NULL;

  -- What has to reach another partition, kept until it has had its effect.
  CREATE TABLE outbox (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, doc TEXT NOT NULL) STRICT;

  CREATE TABLE cursor (partition INTEGER PRIMARY KEY, position INTEGER NOT NULL) STRICT;
  `,
  `
  -- Trips learn of orders and of an end of their own; documents of before get the members they lack.
  ALTER TABLE trip ADD COLUMN order_id TEXT;
  CREATE INDEX trip_of_order ON trip (order_id, created DESC) WHERE order_id IS NOT NULL;
  UPDATE trip SET doc = json_set(doc, '$.order', json('null'), '$.expiresAt', json('null'), '$.updatedAt', created);
  UPDATE snapshot SET state = json_set(state, '$.trips', json((
    SELECT json_group_array(json_set(value, '$.order', json('null'), '$.expiresAt', json('null'), '$.updatedAt', json_extract(value, '$.createdAt')))
    FROM json_each(state, '$.trips'))));
  UPDATE outbox SET doc = json_set(doc, '$.trip.order', json('null'), '$.trip.expiresAt', json('null'), '$.trip.updatedAt', json_extract(doc, '$.trip.createdAt'));

  -- Every socket there was: the audit trail.
  CREATE TABLE connection_session (
    id TEXT PRIMARY KEY, subject TEXT, role TEXT, surface TEXT NOT NULL, kind TEXT NOT NULL, about TEXT,
    since INTEGER NOT NULL, last INTEGER NOT NULL, until INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX connection_by_time ON connection_session (since DESC, id);
  CREATE INDEX connection_by_subject ON connection_session (subject, since DESC, id);
  CREATE INDEX connection_open ON connection_session (id) WHERE until IS NULL;
  `,
  `
  -- What goes out: a message per event, and what it has to tell others. Kept a week, for replay.
  CREATE TABLE outgoing (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, topic TEXT NOT NULL, type TEXT NOT NULL, key TEXT NOT NULL,
    at INTEGER NOT NULL, labels TEXT NOT NULL, body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX outgoing_by_age ON outgoing (at, n);

  -- Who gets messages; without a document: removed, and going.
  CREATE TABLE consumer (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, doc TEXT) STRICT;

  -- A message for a consumer. State 0 pending, 1 delivered, 2 dead.
  CREATE TABLE delivery (
    consumer INTEGER NOT NULL, message INTEGER NOT NULL, key TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0,
    since INTEGER NOT NULL, settled INTEGER, tries INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
    attempts TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (consumer, message)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX delivery_pending ON delivery (consumer, key, message) WHERE state = 0;
  CREATE INDEX delivery_waiting ON delivery (consumer, since) WHERE state = 0;
  CREATE INDEX delivery_by_state ON delivery (state, consumer, message);
  CREATE INDEX delivery_of ON delivery (message);
  CREATE TRIGGER outgoing_gone AFTER DELETE ON outgoing BEGIN DELETE FROM delivery WHERE message = old.n; END;

  -- One row while a consumer has something pending of a key: when it is due, and who is at it until then.
  CREATE TABLE lane (consumer INTEGER NOT NULL, key TEXT NOT NULL, next INTEGER NOT NULL, holder TEXT, PRIMARY KEY (consumer, key)) STRICT, WITHOUT ROWID;
  CREATE INDEX lane_due ON lane (consumer, next);
  CREATE INDEX lane_held ON lane (holder) WHERE holder IS NOT NULL;
  `,
  `
  -- Commands that could not be applied or stored, and how often the last one of each partition was tried.
  CREATE TABLE set_aside (
    partition INTEGER NOT NULL, position INTEGER NOT NULL, at INTEGER NOT NULL, error TEXT NOT NULL, command TEXT NOT NULL,
    PRIMARY KEY (partition, position)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE trying (partition INTEGER PRIMARY KEY, position INTEGER NOT NULL, tries INTEGER NOT NULL) STRICT;
  `,
  `
  -- Trips that end by themselves: their drivers have to be in memory.
  CREATE INDEX trip_with_end ON trip (driver) WHERE open = 1 AND json_extract(doc, '$.expiresAt') IS NOT NULL;
  `,
  `
  -- Drivers that are being erased, by their id and the number they had, up to a time. Without it: nothing is left of them.
  CREATE TABLE erasure (
    n INTEGER PRIMARY KEY AUTOINCREMENT, driver TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, hidden INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  `,
];

/** The version this program brings a database to. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Brings the database to this program's version, or to an earlier one, as an earlier program would have.
 * @throws StartupError when the database is of a newer program
 */
export function migrate(db: DatabaseSync, to = SCHEMA_VERSION): void {
  const version = (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
  if (version > SCHEMA_VERSION) {
    throw new StartupError(`the database has version ${version}, this program knows up to ${SCHEMA_VERSION}: start a newer Waycast on it`);
  }
  for (let next = version; next < to; next++) {
    db.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[next]}; PRAGMA user_version = ${next + 1}; COMMIT`);
  }
}
