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
];

/**
 * Brings the database to this program's version.
 * @throws StartupError when the database is of a newer program
 */
export function migrate(db: DatabaseSync): void {
  const version = (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
  if (version > MIGRATIONS.length) {
    throw new StartupError(
      `the database has version ${version}, this program knows up to ${MIGRATIONS.length}: start a newer Waycast on it`,
    );
  }
  for (let next = version; next < MIGRATIONS.length; next++) {
    db.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[next]}; PRAGMA user_version = ${next + 1}; COMMIT`);
  }
}
