import type { Client } from 'pg';
import { PARTITIONS } from '../../hub/ports.ts';
import { StartupError } from '../../startup-error.ts';

/**
 * Each entry brings the database from the version that is its index to the next one. Entries are only added, and none
 * takes away what an older program uses: it goes on beside the newer schema [P13]. Ids compare byte by byte.
 */
const MIGRATIONS: readonly string[] = [
  `
  -- Names are long and history is large: there they are numbers. Numbers never change their meaning.
  CREATE TABLE driver (n integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE);
  CREATE TABLE stream (
    n integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, driver integer NOT NULL, id text COLLATE "C" NOT NULL, UNIQUE (driver, id)
  );

  -- Where everybody is, for people and other programs. Speed km/h, bearing degrees, accuracy and altitude m, times epoch ms.
  CREATE TABLE driver_locations (
    driver_id text COLLATE "C" PRIMARY KEY, location geography(Point, 4326), lat double precision, lng double precision,
    speed double precision, bearing double precision, accuracy double precision, altitude double precision,
    captured_at bigint, heard_at bigint, status text NOT NULL, online boolean NOT NULL, stale boolean NOT NULL,
    name text, vehicle text, labels text[] NOT NULL, trips text[] NOT NULL
  ) WITH (fillfactor = 80);
  CREATE INDEX driver_locations_place ON driver_locations USING gist (location);
  CREATE INDEX driver_locations_online ON driver_locations (driver_id) WHERE online;

  -- A driver with its open trips, as of a position of its partition's log.
  CREATE TABLE driver_snapshot (
    driver integer PRIMARY KEY, partition smallint NOT NULL, position bigint NOT NULL, online boolean NOT NULL, state json NOT NULL
  ) WITH (fillfactor = 80);
  CREATE INDEX driver_snapshot_online ON driver_snapshot (partition) WHERE online;

  -- Since which position a driver has rows its snapshot lacks, and when the first of them was received.
  CREATE TABLE driver_tail (driver integer PRIMARY KEY, since bigint NOT NULL, received bigint NOT NULL) WITH (fillfactor = 80);

  CREATE TABLE trip_tracking (
    id text COLLATE "C" PRIMARY KEY, revision integer NOT NULL, kind text NOT NULL, status text NOT NULL, open boolean NOT NULL,
    driver_id text COLLATE "C", created bigint NOT NULL, order_id text COLLATE "C", labels text[] NOT NULL, parties text[] NOT NULL,
    doc json NOT NULL
  ) WITH (fillfactor = 80);
  CREATE INDEX trip_by_creation ON trip_tracking (created DESC, id);
  CREATE INDEX trip_open ON trip_tracking (created DESC, id) WHERE open;
  CREATE INDEX trip_by_driver ON trip_tracking (driver_id, created DESC, id);
  CREATE INDEX trip_of_order ON trip_tracking (order_id, created DESC) WHERE order_id IS NOT NULL;
  CREATE INDEX trip_by_label ON trip_tracking USING gin (labels);
  CREATE INDEX trip_by_party ON trip_tracking USING gin (parties);

  CREATE TABLE trip_stop (
    trip text COLLATE "C" NOT NULL, n integer NOT NULL, id text NOT NULL, type text NOT NULL, location geography(Point, 4326) NOT NULL,
    party text, booking text, booking_status text, name text, approach_radius double precision, arrive_radius double precision,
    approaching_at bigint, arrived_at bigint, departed_at bigint, PRIMARY KEY (trip, n)
  );

  -- Every fix: degrees in 1e-7; speed, bearing, accuracy, altitude in hundredths; suspect 1 ahead, 2 teleport; times epoch ms.
  CREATE SEQUENCE location_history_id;
  CREATE TABLE location_history (
    driver integer NOT NULL, at bigint NOT NULL, id bigint NOT NULL DEFAULT nextval('location_history_id'), lat integer NOT NULL, lng integer NOT NULL,
    speed integer, bearing integer, accuracy integer, altitude integer,
    suspect smallint NOT NULL, received bigint NOT NULL, stream integer NOT NULL, seq bigint, position bigint NOT NULL
  ) PARTITION BY RANGE (received);
  CREATE INDEX location_history_track ON location_history (driver, at, id);
  CREATE INDEX location_history_received ON location_history USING brin (received);

  CREATE TABLE event (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE, trip text COLLATE "C",
    driver text COLLATE "C", at bigint NOT NULL, doc json NOT NULL
  );
  CREATE INDEX event_of_trip ON event (trip, at, n) WHERE trip IS NOT NULL;

  -- What has to reach another partition, kept until it has had its effect.
  CREATE TABLE outbox (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE, partition smallint, doc json NOT NULL
  );
  CREATE INDEX outbox_by_partition ON outbox (partition, n);

  -- Up to where each partition is stored; who alone may move that; how many owners went without a word since it moved;
  -- and how often the command at a position was tried.
  CREATE TABLE partition_cursor (
    partition smallint PRIMARY KEY, position bigint NOT NULL DEFAULT 0, owner bigint, deaths integer NOT NULL DEFAULT 0,
    trying bigint, tries integer NOT NULL DEFAULT 0
  ) WITH (fillfactor = 50);
  INSERT INTO partition_cursor (partition) SELECT generate_series(0, ${PARTITIONS - 1});

  -- Which processes serve this fleet, and when each was last heard of; "session" is the backend that holds its locks.
  CREATE TABLE process (
    n bigint PRIMARY KEY, session integer NOT NULL, name text NOT NULL, since timestamptz NOT NULL DEFAULT now(),
    heard timestamptz NOT NULL DEFAULT now()
  ) WITH (fillfactor = 50);

  -- Commands that could not be applied or stored, for whoever looks into it.
  CREATE TABLE set_aside (
    partition smallint NOT NULL, position bigint NOT NULL, at bigint NOT NULL, error text NOT NULL, command json NOT NULL,
    PRIMARY KEY (partition, position)
  );

  -- Every socket there was, and by which process: the audit trail.
  CREATE TABLE connection_sessions (
    id text COLLATE "C" PRIMARY KEY, subject text COLLATE "C", role text, surface text NOT NULL, kind text NOT NULL, about text,
    since bigint NOT NULL, last bigint NOT NULL, until bigint, process bigint NOT NULL
  );
  CREATE INDEX connection_by_time ON connection_sessions (since DESC, id);
  CREATE INDEX connection_by_subject ON connection_sessions (subject, since DESC, id);
  CREATE INDEX connection_open ON connection_sessions (process) WHERE until IS NULL;

  -- What goes out: a message per event, and what it has to tell others. Kept a week, for replay.
  CREATE TABLE outgoing (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE, topic text NOT NULL, type text NOT NULL,
    key text COLLATE "C" NOT NULL, at bigint NOT NULL, labels json NOT NULL, body text NOT NULL
  );
  CREATE INDEX outgoing_by_age ON outgoing (at, n);

  -- Who gets messages; without a document: removed, and going.
  CREATE TABLE consumer (n integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE, doc json);

  -- A message for a consumer. State 0 pending, 1 delivered, 2 dead.
  CREATE TABLE delivery (
    consumer integer NOT NULL, message bigint NOT NULL REFERENCES outgoing (n) ON DELETE CASCADE, key text COLLATE "C" NOT NULL,
    state smallint NOT NULL DEFAULT 0, since bigint NOT NULL, settled bigint, tries integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0, attempts json NOT NULL DEFAULT '[]', PRIMARY KEY (consumer, message)
  );
  CREATE INDEX delivery_pending ON delivery (consumer, key, message) WHERE state = 0;
  CREATE INDEX delivery_waiting ON delivery (consumer, since) WHERE state = 0;
  CREATE INDEX delivery_by_state ON delivery (state, consumer, message);
  CREATE INDEX delivery_of ON delivery (message);

  -- One row while a consumer has something pending of a key: when it is due, and who, of which process, is at it until then.
  CREATE TABLE lane (
    consumer integer NOT NULL, key text COLLATE "C" NOT NULL, next bigint NOT NULL, holder text, process bigint, PRIMARY KEY (consumer, key)
  ) WITH (fillfactor = 50);
  CREATE INDEX lane_due ON lane (consumer, next);
  CREATE INDEX lane_held ON lane (process) WHERE process IS NOT NULL;
  `,
  `
  -- By time of capture, small beside the rows it finds. Several ranges for each lot of pages: a late fix among the others
  -- does not make its lot one of every time. Of an expression, so that a search by time alone can say that it wants this index.
  CREATE INDEX location_history_captured ON location_history
    USING brin ((at + 0) int8_minmax_multi_ops) WITH (pages_per_range = 32, autosummarize = on);
  `,
  `
  -- Trips that end by themselves: their drivers have to be in somebody's memory. They may be few, and the planner has to know.
  CREATE INDEX trip_with_end ON trip_tracking (driver_id) WHERE open AND doc ->> 'expiresAt' IS NOT NULL;
  CREATE STATISTICS trip_end ON (doc ->> 'expiresAt') FROM trip_tracking;

  -- When the backend began that holds a process's locks: numbers of backends come again. Null: of an older program, which does not say.
  ALTER TABLE process ADD COLUMN begun timestamptz;
  `,
  `
  -- Drivers that are being erased, by their id and the number they had, up to a time. Without it: nothing is left of them.
  CREATE TABLE erasure (
    n integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, driver text COLLATE "C" NOT NULL, number integer NOT NULL, at bigint NOT NULL,
    hidden boolean NOT NULL DEFAULT false
  );
  `,
];

/** The version this program brings a database to. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** Whoever holds it migrates; in the number space of advisory locks with one key. */
const MIGRATING = 7_231_955_500_001n;

/**
 * Brings the schema to this program's version; who comes meanwhile waits, and finds it done [P13].
 * @throws StartupError when the database is of a newer program
 */
export async function migrate(client: Client, migrations: readonly string[] = MIGRATIONS): Promise<void> {
  await client.query(`SELECT pg_advisory_lock(${MIGRATING})`);
  try {
    await client.query('CREATE TABLE IF NOT EXISTS schema_version (version integer PRIMARY KEY, since timestamptz NOT NULL DEFAULT now())');
    const { rows } = await client.query<{ version: number }>('SELECT coalesce(max(version), 0) AS version FROM schema_version');
    const version = rows[0]?.version ?? 0;
    if (version > migrations.length) {
      throw new StartupError(
        `the database has version ${version}, this program knows up to ${migrations.length}: start a newer Waycast on it`,
      );
    }
    for (let next = version; next < migrations.length; next++)
      await client.query(`BEGIN; ${migrations[next]}; INSERT INTO schema_version (version) VALUES (${next + 1}); COMMIT`);
  } catch (error) {
    // In the transaction it left open nothing can be asked.
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  } finally {
    // Of a client that is ended right after.
    await client.query(`SELECT pg_advisory_unlock(${MIGRATING})`).catch(() => undefined);
  }
}
