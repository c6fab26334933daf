import type { Happened } from '../../core/events.ts';
import type { Trip } from '../../core/trip.ts';
import { type Page, splitCursor } from '../../hub/page.ts';
import type { OrderRow, TripFilter } from '../../hub/storage-ports.ts';
import type { Primary } from './primary.ts';

export async function readTrip(primary: Primary, id: string): Promise<Trip | undefined> {
  return (await primary.rows<{ doc: Trip }>('SELECT doc FROM trip_tracking WHERE id = $1', [id]))[0]?.doc;
}

/** Newest first, ties by id. */
export async function readTrips(primary: Primary, filter: TripFilter, limit: number, cursor: string | null): Promise<Page<Trip>> {
  const values: unknown[] = [];
  const value = (one: unknown): string => `$${values.push(one)}`;
  const where = conditions(filter, value);
  if (cursor !== null) {
    const [created, id] = splitCursor(cursor);
    const at = value(created);
    where.push(`(created < ${at} OR (created = ${at} AND id > ${value(id)}))`);
  }
  const text = `SELECT id, created, doc FROM trip_tracking ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''}
    ORDER BY created DESC, id LIMIT ${value(limit + 1)}`;
  const rows = await primary.rows<{ id: string; created: number; doc: Trip }>(text, values);
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return { items: rows.slice(0, limit).map(({ doc }) => doc), cursor: last === undefined ? null : `${last.created}~${last.id}` };
}

function conditions(filter: TripFilter, value: (one: unknown) => string): string[] {
  const where: string[] = [];
  if (filter.open !== undefined) where.push(filter.open ? 'open' : 'NOT open');
  if (filter.status !== undefined) where.push(`status = ${value(filter.status)}`);
  if (filter.kind !== undefined) where.push(`kind = ${value(filter.kind)}`);
  if (filter.driverId !== undefined) where.push(`driver_id = ${value(filter.driverId)}`);
  if (filter.orderId !== undefined) where.push(`order_id = ${value(filter.orderId)}`);
  if (filter.createdAfter !== undefined) where.push(`created > ${value(filter.createdAfter)}`);
  if (filter.label !== undefined) where.push(`labels @> ${value([filter.label])}::text[]`);
  // Any of these opens a trip to whoever asks.
  const doors: string[] = [];
  const door = (list: readonly string[] | undefined, text: (mark: string) => string): void => {
    if (list !== undefined && list.length > 0) doors.push(text(value(list)));
  };
  door(filter.labels, (mark) => `labels && ${mark}::text[]`);
  door(filter.partyId === undefined ? undefined : [filter.partyId], (mark) => `parties @> ${mark}::text[]`);
  door(filter.driverIds, (mark) => `driver_id = ANY (${mark}::text[])`);
  door(filter.ids, (mark) => `id = ANY (${mark}::text[])`);
  if (doors.length > 0) where.push(`(${doors.join(' OR ')})`);
  return where;
}

/** Deliveries of orders that are open, or ended lately. */
export async function readOrders(primary: Primary, createdAfter: number, endedAfter: number): Promise<OrderRow[]> {
  return await primary.rows<OrderRow>(
    `SELECT id, driver_id AS "driverId", status, (doc ->> 'updatedAt')::bigint AS "updatedAt" FROM trip_tracking
     WHERE created > $1 AND order_id IS NOT NULL AND kind = 'delivery'
     AND (open OR coalesce((doc ->> 'completedAt')::bigint, (doc ->> 'cancelledAt')::bigint) > $2)`,
    [createdAfter, endedAfter],
  );
}

export async function readEvents(primary: Primary, tripId: string): Promise<Happened[]> {
  const rows = await primary.rows<{ doc: Happened }>('SELECT doc FROM event WHERE trip = $1 ORDER BY at, n', [tripId]);
  return rows.map(({ doc }) => doc);
}
