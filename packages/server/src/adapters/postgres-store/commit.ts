import type { Client } from 'pg';
import type { FixRow } from '../../core/effects.ts';
import { CursorMoved } from '../../hub/cursor-moved.ts';
import { partitionOf } from '../../hub/partition.ts';
import type { Commit, Committed } from '../../hub/storage-ports.ts';
import { askLarge } from './ask-large.ts';
import type { Days } from './days.ts';
import { NOTE_TAILS, STORE_WHOLE, type WholeDriver, wholeDriver, wholeRecords } from './driver-records.ts';
import { beginErasure } from './erasures.ts';
import { type Happenings, happenings, record } from './events.ts';
import { insertFixes, knownFixes, listed } from './fixes.ts';
import { jsonOf } from './json-of.ts';
import type { Names } from './names.ts';
import type { Tails } from './tails.ts';
import { REMOVE_TRIPS, tripRecords, UPSERT_TRIPS } from './trip-records.ts';

/** A commit as it was when it was given: what happens to trips and drivers afterwards is not in it. */
export interface Prepared {
  readonly rows: readonly FixRow[];
  readonly whole: readonly WholeDriver[];
  readonly trips: string | null;
  readonly removedTrips: readonly string[];
  readonly happenings: Happenings;
  readonly outboxDone: readonly string[];
  readonly setAside: string | null;
  readonly erased: Commit['erased'];
  readonly cursors: Commit['cursors'];
  /** Partitions whose cursors stay, but whose drivers are stored. */
  readonly guarded: readonly number[];
}

export function prepare(commit: Commit): Prepared {
  const trips = [...commit.trips];
  const whole = new Map<string, WholeDriver>();
  for (const driver of commit.snapshots) whole.set(driver.id, wholeDriver(driver));
  const moved = new Set(commit.cursors.map(({ partition }) => partition));
  const touched = new Set(Array.from(whole.keys(), partitionOf));
  return {
    rows: [...commit.rows],
    whole: [...whole.values()],
    trips: trips.length === 0 ? null : tripRecords(trips),
    removedTrips: [...commit.removedTrips],
    happenings: happenings(commit.events, commit.outbox, commit.messages),
    outboxDone: [...commit.outboxDone],
    setAside: commit.setAside.length === 0 ? null : jsonOf(commit.setAside),
    erased: [...commit.erased],
    cursors: [...commit.cursors],
    guarded: [...touched].filter((partition) => !moved.has(partition)),
  };
}

/** What a process remembers of the database between its commits. */
export interface CommitMemory {
  readonly process: number;
  readonly names: Names;
  readonly days: Days;
  readonly tails: Tails;
}

/** A commit under way: `sent` once the end of its transaction was asked for, so that it may be durable whatever is heard of it. */
export interface Sent {
  sent: Committed | null;
}

/**
 * Stores a commit in one transaction: two ways there and back, mostly, for statements are sent without waiting for
 * one another.
 * @throws CursorMoved when somebody else owns one of the partitions
 */
export async function storeCommit(client: Client, given: Prepared, memory: CommitMemory, attempt: Sent): Promise<Committed> {
  const { names, days, tails } = memory;
  await days.ensure(client, receipts(given.rows));
  try {
    const asked = new Asked();
    inOneWrite(client);
    asked.add(client.query('BEGIN'));
    const moving = asked.add(moveCursors(client, given, memory.process));
    await asked.orFail(names.ensure(client, drivers(given), given.rows));
    const duplicates = given.rows.some(({ unsure }) => unsure) ? await asked.orFail(knownFixes(client, given.rows, names)) : [];
    const rows = without(given.rows, duplicates);
    const whole = new Map(given.whole.map(({ id, position }) => [id, position]));
    writeAll(client, given, rows, whole, memory, asked);
    asked.add(record(client, given.happenings));
    for (const { driverId, at } of given.erased) asked.add(beginErasure(client, driverId, names.driver(driverId), at));
    await asked.all();
    const moved = await moving;
    const lost = partitionsOf(given).filter((partition) => !moved.has(partition));
    if (lost.length > 0) {
      if (attempt.sent === null || !(await isThere(client, given, memory.process))) throw new CursorMoved(lost);
      // It went through before, and only the answer got lost.
      await client.query('ROLLBACK');
      names.rolledBack();
      tails.stored(without(given.rows, attempt.sent.duplicates), whole);
      forget(given, memory);
      return attempt.sent;
    }
    attempt.sent = { duplicates };
    await client.query('COMMIT');
    names.committed();
    tails.stored(rows, whole);
    forget(given, memory);
    return attempt.sent;
  } catch (error) {
    names.rolledBack();
    throw error;
  }
}

function forget({ erased }: Prepared, { names, tails }: CommitMemory): void {
  const ids = erased.map(({ driverId }) => driverId);
  names.erased(ids);
  tails.erased(ids);
}

/** What is asked in this turn of the event loop leaves in one write: each of its own wakes PostgreSQL, which then waits for more. */
function inOneWrite(client: Client): void {
  const { stream } = (client as unknown as { connection: { stream: { cork(): void; uncork(): void } } }).connection;
  stream.cork();
  setImmediate(() => stream.uncork());
}

/** Statements under way. All end before anything is decided; the first that failed says why. */
class Asked {
  readonly #promises: Promise<unknown>[] = [];

  add<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => undefined);
    this.#promises.push(promise);
    return promise;
  }

  async all(): Promise<void> {
    const ended = await Promise.allSettled(this.#promises);
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
  }

  /** What failed before it is the reason, not that it could then not be asked. */
  async orFail<T>(promise: Promise<T>): Promise<T> {
    const result = this.add(promise);
    await result.catch(() => this.all());
    return await result;
  }
}

function writeAll(
  client: Client,
  given: Prepared,
  rows: readonly FixRow[],
  whole: ReadonlyMap<string, number>,
  { names, tails }: CommitMemory,
  asked: Asked,
): void {
  const ask = (name: string, text: string, ...values: unknown[]) => asked.add(askLarge(client, name, text, values));
  if (rows.length > 0) asked.add(insertFixes(client, rows, names));
  if (given.whole.length > 0)
    ask(
      'whole',
      STORE_WHOLE,
      wholeRecords(given.whole, (id) => names.driver(id)),
    );
  const begun = tails.of(rows, whole);
  if (begun.length > 0) {
    const of = begun.map(({ driverId }) => names.driver(driverId));
    ask('tails', NOTE_TAILS, listed(of), listed(begun.map(({ since }) => since)), listed(begun.map(({ received }) => received)));
  }
  if (given.trips !== null) ask('trips', UPSERT_TRIPS, given.trips);
  if (given.removedTrips.length > 0) ask('remove-trips', REMOVE_TRIPS, given.removedTrips);
  if (given.outboxDone.length > 0) ask('outbox-done', 'DELETE FROM outbox WHERE id = ANY ($1::text[])', given.outboxDone);
  if (given.setAside !== null) ask('set-aside', SET_ASIDE, given.setAside);
}

/** Compare and set: answers the partitions that are this process's to write, and where the cursor was as expected. */
async function moveCursors(client: Client, { cursors, guarded }: Prepared, me: number): Promise<Set<number>> {
  if (cursors.length + guarded.length === 0) return new Set();
  const stay = guarded.map(() => null);
  const { rows } = await client.query<{ partition: number }>({
    name: 'cursors',
    text: MOVE_CURSORS,
    values: [
      listed([...cursors.map(({ partition }) => partition), ...guarded]),
      listed([...cursors.map(({ from }) => from), ...stay]),
      listed([...cursors.map(({ to }) => to), ...stay]),
      me,
    ],
  });
  return new Set(rows.map(({ partition }) => partition));
}

function partitionsOf({ cursors, guarded }: Prepared): number[] {
  return [...cursors.map(({ partition }) => partition), ...guarded];
}

/** Whether an earlier attempt, whose answer got lost, went through. */
async function isThere(client: Client, { cursors }: Prepared, me: number): Promise<boolean> {
  if (cursors.length === 0) return false;
  const { rows } = await client.query<{ partition: number; position: number }>(
    'SELECT partition, position FROM partition_cursor WHERE partition = ANY ($1::int[]) AND (owner IS NULL OR owner = $2)',
    [listed(cursors.map(({ partition }) => partition)), me],
  );
  const at = new Map(rows.map(({ partition, position }) => [partition, position]));
  return cursors.every(({ partition, to }) => at.get(partition) === to);
}

function* drivers({ whole, erased }: Prepared): Generator<string> {
  for (const { id } of whole) yield id;
  for (const { driverId } of erased) yield driverId;
}

function* receipts(rows: readonly FixRow[]): Generator<number> {
  for (const { receivedAt } of rows) yield receivedAt;
}

function without(rows: readonly FixRow[], dropped: readonly number[]): readonly FixRow[] {
  if (dropped.length === 0) return rows;
  const gone = new Set(dropped);
  return rows.filter((_, index) => !gone.has(index));
}

const MOVE_CURSORS = `UPDATE partition_cursor c
  SET position = coalesce(g.until, c.position), deaths = CASE WHEN g.until > g.since THEN 0 ELSE c.deaths END
  FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS g (partition, since, until)
  WHERE c.partition = g.partition AND (g.since IS NULL OR c.position = g.since) AND (c.owner IS NULL OR c.owner = $4)
  RETURNING c.partition`;
const SET_ASIDE = `INSERT INTO set_aside (partition, position, at, error, command)
  SELECT partition, position, at, error, command
  FROM json_to_recordset($1::json) AS g (partition smallint, position bigint, at bigint, error text, command json)
  ON CONFLICT DO NOTHING`;
