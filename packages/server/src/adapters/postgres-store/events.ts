import type { Client } from 'pg';
import type { OutboxEntry } from '../../core/effects.ts';
import type { Happened } from '../../core/events.ts';
import type { OutgoingMessage } from '../../hub/outbox/ports.ts';
import { partitionOf } from '../../hub/partition.ts';
import { askLarge } from './ask-large.ts';
import { jsonOf } from './json-of.ts';
import { recordMessages } from './outgoing-record.ts';

/** What a commit, or the change of a trip, has happened and has to pass on; written down as it was when it was given. */
export interface Happenings {
  /** JSON; null for none. */
  readonly events: string | null;
  readonly eventIds: readonly string[];
  readonly outbox: string | null;
  readonly messages: readonly OutgoingMessage[];
}

export function happenings(events: readonly Happened[], outbox: readonly OutboxEntry[], messages: readonly OutgoingMessage[]): Happenings {
  return {
    events: events.length === 0 ? null : jsonOf(events.map(eventRecord)),
    eventIds: events.map(({ id }) => id),
    outbox: outbox.length === 0 ? null : jsonOf(outbox.map(outboxRecord)),
    messages: [...messages],
  };
}

/** Inside a transaction. An event is recorded once, however often it is decided [G8]; so is what goes out for it. */
export async function record(client: Client, { events, eventIds, outbox, messages }: Happenings): Promise<void> {
  const recorded = events === null ? null : askLarge<{ id: string }>(client, 'events', EVENTS, [events]);
  const passed = outbox === null ? null : askLarge(client, 'outbox', OUTBOX, [outbox]);
  const [added] = await Promise.all([recorded, passed]);
  if (messages.length === 0) return;
  const fresh = new Set(added?.rows.map(({ id }) => id));
  const repeated = new Set(eventIds.filter((id) => !fresh.has(id)));
  await recordMessages(
    client,
    messages.filter(({ eventId }) => eventId === null || !repeated.has(eventId)),
  );
}

const EVENTS = `INSERT INTO event (id, trip, driver, at, doc)
  SELECT id, trip, driver, at, doc FROM json_to_recordset($1::json) AS g (id text, trip text, driver text, at bigint, doc json)
  ON CONFLICT (id) DO NOTHING RETURNING id`;
const OUTBOX = `INSERT INTO outbox (id, partition, doc)
  SELECT id, partition, doc FROM json_to_recordset($1::json) AS g (id text, partition smallint, doc json) ON CONFLICT (id) DO NOTHING`;

function eventRecord(event: Happened): object {
  const trip = 'tripId' in event ? event.tripId : null;
  return { id: event.id, trip, driver: event.driverId, at: event.at, doc: event };
}

function outboxRecord(entry: OutboxEntry): object {
  const { driverId } = entry.trip;
  return { id: entry.id, partition: driverId === null ? null : partitionOf(driverId), doc: entry };
}
