import type { PoolClient } from 'pg';
import type { TripChange } from '../../hub/storage-ports.ts';
import { type Happenings, happenings, record } from './events.ts';
import { isOfData } from './failures.ts';
import { jsonOf } from './json-of.ts';
import type { Primary } from './primary.ts';
import { CHANGE_TRIP, CREATE_TRIP, tripRecords } from './trip-records.ts';

/** Changes to trips nobody drives, from any process. */
export class TripChanges {
  readonly #primary: Primary;

  constructor(primary: Primary) {
    this.#primary = primary;
  }

  /** Answers false when the trip, or another of its order, was not as expected. */
  async change(change: TripChange): Promise<boolean> {
    const trip = tripRecords([change.trip]);
    const left = happenings(change.events, change.outbox, change.messages);
    try {
      return await this.#primary.transaction((client) => changeOnce(client, change, trip, left));
    } catch (error) {
      if (isOfData(error)) throw error;
      // Its end may have been asked for, and only the answer got lost.
      if (await this.#isDone(change)) return true;
      throw error;
    }
  }

  /** The documents say so: no two changes leave the same one. */
  async #isDone({ trip, remove }: TripChange): Promise<boolean> {
    if (remove) return false;
    try {
      const rows = await this.#primary.rows('SELECT 1 FROM trip_tracking WHERE id = $1 AND revision = $2 AND doc::text = $3', [
        trip.id,
        trip.revision,
        jsonOf(trip),
      ]);
      return rows.length > 0;
    } catch {
      // Still away: whoever asked hears of the first failure.
      return false;
    }
  }
}

async function changeOnce(client: PoolClient, change: TripChange, record_: string, left: Happenings): Promise<boolean> {
  const { expected, soleSince, trip, remove } = change;
  if (soleSince !== undefined && trip.order !== null) {
    // One at a time for each order: the look and what follows from it cannot be told apart by a lock on rows that are not there.
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 731))', [trip.order.id]);
    const { rowCount } = await client.query('SELECT 1 FROM trip_tracking WHERE order_id = $1 AND open AND created > $2 LIMIT 1', [
      trip.order.id,
      soleSince,
    ]);
    if (rowCount !== 0) return false;
  }
  const { rowCount } = remove
    ? await client.query(REMOVE_TRIP, [trip.id, expected])
    : await client.query(expected === 0 ? CREATE_TRIP : CHANGE_TRIP, expected === 0 ? [record_] : [record_, expected]);
  if (rowCount === 0) return false;
  if (remove) await client.query(REMOVE_REST, [trip.id]);
  await record(client, left);
  return true;
}

const REMOVE_TRIP = 'DELETE FROM trip_tracking WHERE id = $1 AND revision = $2';
const REMOVE_REST = 'WITH stops AS (DELETE FROM trip_stop WHERE trip = $1) DELETE FROM event WHERE trip = $1';
