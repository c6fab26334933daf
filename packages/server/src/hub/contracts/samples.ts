import type { Driver } from '../../core/driver.ts';
import { newDriver } from '../../core/driver.ts';
import type { EventPublished, FixRow, LocationPublished, OutboxEntry } from '../../core/effects.ts';
import type { TripHappened } from '../../core/events.ts';
import type { Fix } from '../../core/fix.ts';
import { newTrip, type Trip } from '../../core/trip.ts';
import { PARTITIONS } from '../ports.ts';
import type { Commit, Records, Store, TripChange } from '../storage-ports.ts';

export const T0 = Date.UTC(2026, 0, 5, 8);
export const BY = { sub: 'dispatch', role: 'dispatcher', via: 'rest' };

/** A fix so many seconds after T0; `place` moves it by 1e-7 degree each. */
export function fixAt(seconds: number, place = 0, more: Partial<Fix> = {}): Fix {
  const at = T0 + Math.round(seconds * 1000);
  return { lat: (445_000_000 + place) / 1e7, lng: 11.3, at, speed: 30.25, bearing: null, accuracy: 8.5, altitude: -3.75, ...more };
}

/** An unnumbered row of driver d, received a second after its capture. */
export function row(position: number, seconds: number, more: Partial<FixRow> = {}): FixRow {
  const fix = more.fix ?? fixAt(seconds);
  return {
    driverId: 'd',
    position,
    fix,
    receivedAt: fix.at + 1000,
    suspect: null,
    stream: null,
    seq: null,
    unsure: false,
    reply: 0,
    ...more,
  };
}

export function numbered(position: number, seconds: number, seq: number, more: Partial<FixRow> = {}): FixRow {
  return row(position, seconds, { stream: 'phone', seq, ...more });
}

export function commitOf(more: Partial<Commit> = {}): Commit {
  return {
    rows: [],
    events: [],
    outbox: [],
    outboxDone: [],
    messages: [],
    trips: [],
    removedTrips: [],
    snapshots: [],
    setAside: [],
    erased: [],
    cursors: [],
    ...more,
  };
}

/** A driver as its owner has it after so many commands. */
export function driverAt(id: string, position: number, more: Partial<Driver> = {}): Driver {
  return { ...newDriver(id, 'e1'), position, online: true, lastSeenAt: T0, ...more };
}

export function sampleTrip(id: string, more: Partial<Trip> = {}): Trip {
  const stops = [{ type: 'pickup' as const, lat: 44.5, lng: 11.3, partyId: 'car-a' }];
  return { ...newTrip(id, { kind: 'ride', stops, labels: ['taxi'] }, 'digest', T0), ...more };
}

export function changedEvent(tripId: string, n: number, at = T0 + n): TripHappened {
  return { id: `${tripId}/changed/${n}`, kind: 'changed', tripId, driverId: null, at, by: BY };
}

export function creation(trip: Trip, more: Partial<TripChange> = {}): TripChange {
  return { expected: 0, trip, remove: false, events: [], outbox: [], messages: [], ...more };
}

export function outboxEntry(trip: Trip): OutboxEntry {
  return { id: `${trip.id}/adopt/${trip.revision}`, kind: 'adopt', trip, previous: null, by: BY, at: T0 };
}

export function location(feed: string, epoch: string, seq: number): LocationPublished {
  return { type: 'location', feed, epoch, seq, driverId: 'd', fix: fixAt(seq, seq), plan: null, now: T0 + seq };
}

export function happening(feed: string, epoch: string, seq: number): EventPublished {
  return { type: 'event', feed, epoch, seq, event: { id: `d/online/${seq}`, kind: 'online', driverId: 'd', at: T0 }, trip: null };
}

/** All partitions there are. */
export const ALL_PARTITIONS: readonly number[] = Array.from({ length: PARTITIONS }, (_, partition) => partition);

/** What an owner of everything starts from: taking it tells where the cursors are. */
export async function resumed(store: Store): Promise<{ cursors: number[]; outbox: readonly OutboxEntry[]; awake: readonly string[] }> {
  const taken = await store.take(ALL_PARTITIONS);
  return {
    cursors: taken.map(({ position }) => position),
    outbox: await store.waiting(ALL_PARTITIONS),
    awake: await store.awake(ALL_PARTITIONS),
  };
}

/** Everything of a driver, page by page. */
export async function history(
  records: Records,
  driverId: string,
  pageSize: number,
  from = 0,
  to = Number.MAX_SAFE_INTEGER,
): Promise<FixRow[]> {
  const rows: FixRow[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Records['locations']>> = await records.locations(driverId, from, to, pageSize, cursor);
    rows.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== null);
  return rows;
}

/** As a row comes back: what only served the way in is gone, and of history the log position too. */
export function asStored(row: FixRow): Omit<FixRow, 'position' | 'unsure' | 'reply'> {
  const { driverId, fix, receivedAt, suspect, stream, seq } = row;
  return { driverId, fix, receivedAt, suspect, stream, seq };
}
