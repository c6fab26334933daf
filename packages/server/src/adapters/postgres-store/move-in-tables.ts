import type { Client } from 'pg';
import { type DriverSnapshot, restoreDriver } from '../../core/driver.ts';
import type { OutboxEntry } from '../../core/effects.ts';
import type { Trip } from '../../core/trip.ts';
import { partitionOf } from '../../hub/partition.ts';
import { StartupError } from '../../startup-error.ts';
import { copyIn } from './copy-in.ts';
import { copyLines } from './copy-lines.ts';
import { STORE_WHOLE, type WholeDriver, wholeDriver, wholeRecords } from './driver-records.ts';
import { tripRecords, UPSERT_TRIPS } from './trip-records.ts';

export type Value = string | number | null;
export type Row = readonly Value[];

/** A table as it has to be once rows have come into it. */
export interface Look {
  readonly table: string;
  /** Its columns, each with what is read of it, the key first. */
  readonly columns: Readonly<Record<string, string>>;
  /** So many of them are the key. */
  readonly keys: number;
  /** Which rows, and in which order. */
  readonly end: string;
  /** What the rows that came make of it, in that order. */
  readonly expected: (rows: readonly Row[]) => readonly Row[];
}

/** How what moves together comes in. */
export interface Arrival {
  /** Inside a transaction. */
  readonly store: (client: Client, rows: readonly Row[]) => Promise<unknown>;
  readonly looks: readonly Look[];
}

const FIX = [
  ...['driver', 'at', 'id', 'lat', 'lng', 'speed', 'bearing', 'accuracy', 'altitude', 'suspect', 'received', 'stream', 'seq', 'position'],
];
/** Which column of a fix says when it was received, epoch ms. */
export const RECEIVED = FIX.indexOf('received');
/** A process nobody is: what it left open is closed by the next one that starts. */
const NOBODY = 0;

/** Everything there is to move, in the order it comes: what others refer to first. `firstOfJournal`: from which id on fixes are of the journal. */
export function arrivals(firstOfJournal: number) {
  return {
    drivers: copied('driver', ['n', 'id'], 1),
    streams: copied('stream', ['n', 'driver', 'id'], 1),
    fixes: copied('location_history', FIX, 3, { where: `id < ${firstOfJournal}` }),
    journal: copied('location_history', FIX, 3, { where: `id >= ${firstOfJournal}`, order: 'id' }),
    tails: copied('driver_tail', ['driver', 'since', 'received'], 1),
    snapshots: {
      store: (client, rows) => client.query(STORE_WHOLE, [wholeRecords(rows.map(asStored), numberIn(rows))]),
      looks: [SNAPSHOTS, LOCATIONS],
    },
    trips: {
      store: (client, rows) => client.query(UPSERT_TRIPS, [tripRecords(rows.map(tripIn))]),
      looks: [TRIPS, STOPS],
    },
    events: copied('event', ['n', 'id', 'trip', 'driver', 'at', 'doc'], 1),
    outbox: copied('outbox', ['n', 'id', 'doc', 'partition'], 1, { more: ([, , doc]) => [partitionIn(String(doc))] }),
    messages: copied('outgoing', ['n', 'id', 'topic', 'type', 'key', 'at', 'labels', 'body'], 1),
    consumers: copied('consumer', ['n', 'id', 'doc'], 1),
    deliveries: copied('delivery', ['consumer', 'message', 'key', 'state', 'since', 'settled', 'tries', 'failures', 'attempts'], 2),
    lanes: copied('lane', ['consumer', 'key', 'next', 'holder', 'process'], 2, {
      more: ([, , , holder]) => [holder === null ? null : NOBODY],
    }),
    'set aside': copied('set_aside', ['partition', 'position', 'at', 'error', 'command'], 2),
    cursors: { store: (client, rows) => client.query(SET_CURSORS, columnsOf(rows, 2)), looks: [CURSORS] },
    tries: { store: (client, rows) => client.query(SET_TRIES, columnsOf(rows, 3)), looks: [TRIES] },
    sessions: copied('connection_sessions', ['id', 'subject', 'role', 'surface', 'kind', 'about', 'since', 'last', 'until', 'process'], 1, {
      more: () => [NOBODY],
    }),
  } satisfies Record<string, Arrival>;
}

interface Copied {
  readonly where?: string;
  readonly order?: string;
  /** Columns that the other database has none of. */
  readonly more?: (row: Row) => Row;
}

/** A table as it was; its first columns, `keys` of them, are its key. */
function copied(table: string, columns: readonly string[], keys: number, { where, order, more }: Copied = {}): Arrival {
  const expected = (rows: readonly Row[]): readonly Row[] => (more === undefined ? rows : rows.map((row) => [...row, ...more(row)]));
  return {
    store: (client, rows) => copyIn(client, `COPY ${table} (${columns}) FROM STDIN`, copyLines(expected(rows))),
    looks: [
      {
        table,
        columns: Object.fromEntries(columns.map((column) => [column, column])),
        keys,
        end: `FROM ${table} ${where === undefined ? '' : `WHERE ${where}`} ORDER BY ${order ?? columns.slice(0, keys)}`,
        expected,
      },
    ],
  };
}

/** @throws StartupError when the state is none that can be made a driver of */
function asStored([, id, , state]: Row): WholeDriver {
  try {
    const whole = wholeDriver(restoreDriver(String(id), 'moved', JSON.parse(String(state)) as DriverSnapshot));
    // To the letter.
    return { ...whole, record: { ...whole.record, state: String(state) } };
  } catch (cause) {
    throw new StartupError(
      `what is stored of driver ${String(id)} is no state of a driver (${(cause as Error).message}): put a backup in its place`,
      {
        cause,
      },
    );
  }
}

function numberIn(rows: readonly Row[]): (id: string) => number {
  const numbers = new Map(rows.map(([n, id]) => [String(id), Number(n)]));
  return (id) => numbers.get(id) as number;
}

const SNAPSHOTS: Look = {
  table: 'driver_snapshot',
  keys: 1,
  columns: { driver: 'driver', partition: 'partition', position: 'position', online: 'online', state: 'state' },
  end: 'FROM driver_snapshot ORDER BY driver',
  expected: (rows) =>
    rows.map(([n = null, id, online = null, state = null]) => [n, partitionOf(String(id)), positionIn(state), online, state]),
};

const PLACE = [
  'lat',
  'lng',
  'speed',
  'bearing',
  'accuracy',
  'altitude',
  'captured_at',
  'heard_at',
  'status',
  'online',
  'stale',
  'name',
  'vehicle',
];
const LISTS = ['labels', 'trips'];
const POINT = 'CASE WHEN location IS NOT NULL THEN json_build_array(ST_Y(location::geometry), ST_X(location::geometry)) END';

/** In the order of the drivers' numbers, like the rows they come of. */
const LOCATIONS: Look = {
  table: 'driver_locations',
  keys: 1,
  columns: {
    driver_id: 'driver_id',
    location: POINT,
    ...Object.fromEntries(PLACE.map((column) => [column, column])),
    ...Object.fromEntries(LISTS.map((column) => [column, `to_json(${column})`])),
  },
  end: 'FROM (SELECT l.*, d.n FROM driver_locations l LEFT JOIN driver d ON d.id = l.driver_id) l ORDER BY n',
  expected: (rows) =>
    rows.map((row) => {
      const record = asStored(row).record as Readonly<Record<string, unknown>>;
      const place = record.lat === null ? null : JSON.stringify([record.lat, record.lng]);
      return [
        String(row[1]),
        place,
        ...PLACE.map((column) => plain(record[column])),
        ...LISTS.map((column) => JSON.stringify(record[column])),
      ];
    }),
};

const TRIPS: Look = {
  table: 'trip_tracking',
  keys: 1,
  columns: {
    ...Object.fromEntries(
      ['id', 'revision', 'kind', 'status', 'open', 'driver_id', 'created', 'order_id'].map((column) => [column, column]),
    ),
    // What a trip has twice it has once.
    ...Object.fromEntries(
      ['labels', 'parties'].map((column) => [
        column,
        `(SELECT coalesce(json_agg(DISTINCT one COLLATE "C" ORDER BY one COLLATE "C"), '[]') FROM unnest(${column}) AS one)`,
      ]),
    ),
    doc: 'doc',
  },
  end: 'FROM trip_tracking ORDER BY id',
  expected: (rows) => rows,
};

const STOPS: Look = {
  table: 'trip_stop',
  keys: 2,
  columns: Object.fromEntries(
    [
      ...['trip', 'n', 'id', 'type', 'location', 'party', 'booking', 'booking_status', 'name'],
      ...['approach_radius', 'arrive_radius', 'approaching_at', 'arrived_at', 'departed_at'],
    ].map((column) => [column, column === 'location' ? POINT : column]),
  ),
  end: 'FROM trip_stop ORDER BY trip, n',
  expected: (rows) =>
    rows.map(tripIn).flatMap(({ id, stops }) =>
      stops.map((stop, index): Row => {
        const { type, lat, lng, partyId, bookingId, bookingStatus, name, approachRadius, arriveRadius } = stop;
        return [
          ...[
            id,
            index + 1,
            stop.id,
            type,
            JSON.stringify([lat, lng]),
            partyId,
            bookingId,
            bookingStatus,
            name,
            approachRadius,
            arriveRadius,
          ],
          ...[stop.approachingAt, stop.arrivedAt, stop.departedAt],
        ].map(plain);
      }),
    ),
};

const CURSORS: Look = {
  table: 'partition_cursor',
  keys: 1,
  columns: { partition: 'partition', position: 'position' },
  end: 'FROM partition_cursor WHERE position <> 0 ORDER BY partition',
  expected: (rows) => rows.filter(([, position]) => position !== 0),
};

const TRIES: Look = {
  table: 'partition_cursor',
  keys: 1,
  columns: { partition: 'partition', trying: 'trying', tries: 'tries' },
  end: 'FROM partition_cursor WHERE trying IS NOT NULL ORDER BY partition',
  expected: (rows) => rows,
};

const SET_CURSORS = `UPDATE partition_cursor c SET position = g.position
  FROM unnest($1::int[], $2::bigint[]) AS g (partition, position) WHERE c.partition = g.partition`;
const SET_TRIES = `UPDATE partition_cursor c SET trying = g.position, tries = g.tries
  FROM unnest($1::int[], $2::bigint[], $3::int[]) AS g (partition, position, tries) WHERE c.partition = g.partition`;

function columnsOf(rows: readonly Row[], width: number): Value[][] {
  return Array.from({ length: width }, (_, column) => rows.map((row) => row[column] ?? null));
}

function tripIn(row: Row): Trip {
  return JSON.parse(String(row.at(-1))) as Trip;
}

function partitionIn(doc: string): number | null {
  const { driverId } = (JSON.parse(doc) as OutboxEntry).trip;
  return driverId === null ? null : partitionOf(driverId);
}

function positionIn(state: Value): number {
  return (JSON.parse(String(state)) as DriverSnapshot).position;
}

function plain(value: unknown): Value {
  return typeof value === 'boolean' ? Number(value) : ((value ?? null) as Value);
}
