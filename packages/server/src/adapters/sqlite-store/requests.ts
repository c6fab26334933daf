import { snapshotOf } from '../../core/driver.ts';
import type { FixRow, OutboxEntry } from '../../core/effects.ts';
import type { Happened } from '../../core/events.ts';
import { isOpenTrip, partiesOf, type Trip } from '../../core/trip.ts';
import type { Commit, TripChange } from '../../hub/storage-ports.ts';
import { JournalBatch } from './journal.ts';
import type { CommitRequest, EventRecord, OutboxRecord, TripChangeRequest, TripRecord } from './messages.ts';

/** A commit as the writer's thread takes it. The memory of `fixes` may go along with it: nobody else looks into it. */
export function commitRequest(commit: Commit): CommitRequest {
  return {
    kind: 'commit',
    ...pack(commit.rows),
    events: commit.events.map(eventRecord),
    outbox: commit.outbox.map(outboxRecord),
    outboxDone: commit.outboxDone,
    messages: commit.messages,
    trips: [...commit.trips].map(tripRecord),
    removedTrips: commit.removedTrips,
    snapshots: [...commit.snapshots].map((driver) => ({
      driver: driver.id,
      online: driver.online,
      state: JSON.stringify(snapshotOf(driver)),
    })),
    setAside: commit.setAside.map(({ command, ...one }) => ({ ...one, doc: JSON.stringify(command) })),
    erased: commit.erased,
    cursors: commit.cursors,
  };
}

/** A change of a trip as the writer's thread takes it. */
export function tripRequest({ expected, soleSince, remove, trip, events, outbox, messages }: TripChange): TripChangeRequest {
  return {
    kind: 'trip',
    expected,
    soleSince: soleSince ?? null,
    remove,
    trip: tripRecord(trip),
    events: events.map(eventRecord),
    outbox: outbox.map(outboxRecord),
    messages,
  };
}

/** Packs fixes for the journal; drivers and streams are named once and referred to by index. */
function pack(rows: readonly FixRow[]): Pick<CommitRequest, 'fixes' | 'drivers' | 'streams'> {
  if (rows.length === 0) return { fixes: null, drivers: '', streams: '' };
  const batch = JournalBatch.sized(rows.length);
  const drivers = new Map<string, number>();
  const streams = new Map<string, number>();
  rows.forEach((row, index) => {
    const driver = indexOf(drivers, row.driverId);
    // Streams count from 1: 0 is none.
    const stream = row.stream === null ? 0 : indexOf(streams, `${driver} ${row.stream}`) + 1;
    batch.set(index, row, driver, stream);
  });
  return { fixes: batch.bytes, drivers: [...drivers.keys()].join('\n'), streams: [...streams.keys()].join('\n') };
}

function indexOf(names: Map<string, number>, name: string): number {
  let index = names.get(name);
  if (index === undefined) {
    index = names.size;
    names.set(name, index);
  }
  return index;
}

function tripRecord(trip: Trip): TripRecord {
  const { id, revision, kind, status, driverId, createdAt, labels, order } = trip;
  return {
    id,
    revision,
    kind,
    status,
    open: isOpenTrip(trip),
    driver: driverId,
    created: createdAt,
    order: order?.id ?? null,
    labels,
    parties: [...partiesOf(trip)],
    doc: JSON.stringify(trip),
  };
}

function eventRecord(event: Happened): EventRecord {
  const trip = 'tripId' in event ? event.tripId : null;
  return { id: event.id, trip, driver: event.driverId, at: event.at, doc: JSON.stringify(event) };
}

function outboxRecord(entry: OutboxEntry): OutboxRecord {
  return { id: entry.id, doc: JSON.stringify(entry) };
}
