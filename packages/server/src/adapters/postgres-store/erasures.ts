import type { Client } from 'pg';
import type { Happened } from '../../core/events.ts';
import type { Trip } from '../../core/trip.ts';
import { eventWithout, names, tripWithout } from '../../core/without-driver.ts';
import type { ErasedSome, Erasure, ErasurePart } from '../../hub/storage-ports.ts';
import { partitionsThere } from './days.ts';
import { ERASED } from './erased-id.ts';
import { jsonOf } from './json-of.ts';

/** Rows looked at, or dropped, in one step. */
const LOOKED_AT = 500;
const DROPPED = 2_000;

const NOTHING: ErasedSome = { rows: 0, trips: [], held: false, next: null };

/** In the commit's transaction: from here on the number has no id, and the id no number. */
export async function beginErasure(client: Client, driver: string, number: number, at: number): Promise<void> {
  await Promise.all([
    client.query('UPDATE driver SET id = $1 WHERE n = $2', [ERASED + number, number]),
    client.query('DELETE FROM driver_snapshot WHERE driver = $1', [number]),
    client.query('DELETE FROM driver_tail WHERE driver = $1', [number]),
    client.query('DELETE FROM driver_locations WHERE driver_id = $1', [driver]),
    client.query('INSERT INTO erasure (driver, number, at) VALUES ($1, $2, $3)', [driver, number, at]),
  ]);
}

/** One step of what is left to do, inside a transaction. */
export function eraseSome(client: Client, erasure: Erasure, part: ErasurePart, after: string | null): Promise<ErasedSome> {
  switch (part) {
    case 'messages':
      return messages(client, erasure, Number(after ?? 0));
    case 'trips':
      return trips(client, erasure, after ?? '');
    case 'events':
      return events(client, erasure, Number(after ?? 0));
    case 'sessions':
      return sessions(client, erasure);
    case 'commands':
      return commands(client, erasure);
    case 'fixes':
      return fixes(client, erasure, after ?? '');
    case 'streams':
      return streams(client, erasure);
  }
}

/** Those about the driver, and all about trips it drove. Their deliveries go with them. */
async function messages(client: Client, { driver, at }: Erasure, after: number): Promise<ErasedSome> {
  const end = await endOf<number>(client, 'max(n)', 'SELECT n FROM outgoing WHERE n > $1 ORDER BY n', after);
  if (end === null) {
    await client.query(NO_LANES, [`driver:${driver}`]);
    return NOTHING;
  }
  const { rows } = await client.query<{ n: number; key: string; body: string; drove: boolean }>(MESSAGES, [after, end, at, driver]);
  const gone = rows.filter(
    ({ key, body, drove }) => key === `driver:${driver}` || drove || (body.includes(driver) && names(JSON.parse(body), driver)),
  );
  if (gone.length > 0) await client.query('DELETE FROM outgoing WHERE n = ANY ($1::bigint[])', [gone.map(({ n }) => n)]);
  return { ...NOTHING, rows: gone.length, next: String(end) };
}

async function trips(client: Client, { driver, at }: Erasure, after: string): Promise<ErasedSome> {
  const end = await endOf<string>(client, 'max(id)', 'SELECT id FROM trip_tracking WHERE id > $1 ORDER BY id', after);
  if (end === null) return { ...NOTHING, held: await isOnItsWay(client, driver, at) };
  const { rows } = await client.query<{ doc: Trip }>(TRIPS, [after, end, quoted(driver)]);
  const changed: Trip[] = [];
  let held = false;
  for (const { doc } of rows) {
    const trip = tripWithout(doc, driver, at);
    if (trip === 'held') held = true;
    else if (trip !== null) changed.push(trip);
  }
  if (changed.length > 0)
    await client.query(
      TRIP,
      columns(changed, [({ id }) => id, ({ driverId }) => driverId, ({ revision }) => revision, (trip) => jsonOf(trip)]),
    );
  return { rows: changed.length, trips: changed.map(({ id }) => id), held, next: end };
}

/** A trip that was given away and has not arrived: what it leads to names who had it. */
async function isOnItsWay(client: Client, driver: string, at: number): Promise<boolean> {
  const { rows } = await client.query<{ doc: { at: number; previous: string | null; trip: Trip } }>(
    'SELECT doc FROM outbox WHERE strpos(doc::text, $1) > 0',
    [quoted(driver)],
  );
  return rows.some(({ doc }) => doc.at <= at && (doc.previous === driver || tripWithout(doc.trip, driver, at) !== null));
}

async function events(client: Client, { driver, at }: Erasure, after: number): Promise<ErasedSome> {
  const end = await endOf<number>(client, 'max(n)', 'SELECT n FROM event WHERE n > $1 ORDER BY n', after);
  if (end === null) return NOTHING;
  const { rows } = await client.query<{ n: number; doc: Happened }>(EVENTS, [after, end, at, quoted(driver)]);
  const gone: number[] = [];
  const changed: { n: number; event: Happened }[] = [];
  for (const { n, doc } of rows) {
    const event = eventWithout(doc, driver);
    if (event === 'gone') gone.push(n);
    else if (event !== null) changed.push({ n, event });
  }
  if (gone.length > 0) await client.query('DELETE FROM event WHERE n = ANY ($1::bigint[])', [gone]);
  if (changed.length > 0)
    await client.query(EVENT, columns(changed, [({ n }) => n, ({ event }) => event.driverId, ({ event }) => jsonOf(event)]));
  return { ...NOTHING, rows: gone.length + changed.length, next: String(end) };
}

async function sessions(client: Client, { driver, at }: Erasure): Promise<ErasedSome> {
  const { rowCount } = await client.query(NO_SESSIONS, [driver, at, DROPPED]);
  const open = await client.query('SELECT 1 FROM connection_sessions WHERE subject = $1 AND since <= $2 LIMIT 1', [driver, at]);
  const rows = rowCount ?? 0;
  return { ...NOTHING, rows, held: open.rows.length > 0, next: rows < DROPPED ? null : '' };
}

async function commands(client: Client, { driver, at }: Erasure): Promise<ErasedSome> {
  const { rows } = await client.query<{ partition: number; position: number; command: unknown }>(
    'SELECT partition, position, command FROM set_aside WHERE at <= $1 AND strpos(command::text, $2) > 0',
    [at, quoted(driver)],
  );
  const gone = rows.filter(({ command }) => names(command, driver));
  for (const { partition, position } of gone)
    await client.query('DELETE FROM set_aside WHERE partition = $1 AND position = $2', [partition, position]);
  return { ...NOTHING, rows: gone.length };
}

/** Day by day: of a partition rows are found by where they lie. `after`: the one before. */
async function fixes(client: Client, { n }: Erasure, after: string): Promise<ErasedSome> {
  const partition = [...(await partitionsThere(client))].sort().find((name) => name > after);
  if (partition === undefined) return NOTHING;
  const { rowCount } = await client.query(
    `DELETE FROM ${partition} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${partition} WHERE driver = ${NUMBER} LIMIT $2))`,
    [n, DROPPED],
  );
  const rows = rowCount ?? 0;
  return { ...NOTHING, rows, next: rows < DROPPED ? partition : after };
}

async function streams(client: Client, { n }: Erasure): Promise<ErasedSome> {
  const { rowCount } = await client.query(`DELETE FROM stream WHERE driver = ${NUMBER}`, [n]);
  return { ...NOTHING, rows: rowCount ?? 0 };
}

/** Up to where the next rows go; null when there are none. */
async function endOf<K>(client: Client, end: string, rows: string, after: K): Promise<K | null> {
  const found = await client.query<{ end: K | null }>(`SELECT ${end} AS end FROM (${rows} LIMIT ${LOOKED_AT}) AS g`, [after]);
  return found.rows[0]?.end ?? null;
}

/** Of rows, a list for each column. */
function columns<R>(rows: readonly R[], of: readonly ((row: R) => unknown)[]): unknown[][] {
  return of.map((column) => rows.map(column));
}

/** As it stands in a document. */
function quoted(driver: string): string {
  return jsonOf(driver);
}

const NUMBER = '(SELECT number FROM erasure WHERE n = $1)';
const NO_LANES = `DELETE FROM lane l WHERE key = $1 AND holder IS NULL
  AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.consumer = l.consumer AND d.key = l.key AND d.state = 0)`;
const MESSAGES = `SELECT n, key, body, starts_with(key, 'trip:') AND EXISTS (
    SELECT 1 FROM event e WHERE e.trip = substr(o.key, 6) AND e.driver = $4 AND e.at <= $3) AS drove
  FROM outgoing o WHERE n > $1 AND n <= $2 AND at <= $3`;
const TRIPS = `SELECT doc FROM trip_tracking WHERE id > $1 AND id <= $2 AND strpos(doc::text, $3) > 0 FOR UPDATE`;
const TRIP = `UPDATE trip_tracking t SET driver_id = g.driver, revision = g.revision, doc = g.doc
  FROM unnest($1::text[], $2::text[], $3::int[], $4::json[]) AS g (id, driver, revision, doc) WHERE t.id = g.id`;
const EVENTS = `SELECT n, doc FROM event WHERE n > $1 AND n <= $2 AND at <= $3 AND strpos(doc::text, $4) > 0`;
const EVENT = `UPDATE event e SET driver = g.driver, doc = g.doc FROM unnest($1::bigint[], $2::text[], $3::json[]) AS g (n, driver, doc)
  WHERE e.n = g.n`;
const NO_SESSIONS = `DELETE FROM connection_sessions WHERE id IN (
  SELECT id FROM connection_sessions WHERE subject = $1 AND since <= $2 AND until IS NOT NULL LIMIT $3)`;
