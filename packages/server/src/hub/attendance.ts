import { randomUUID } from 'node:crypto';
import { WaycastError } from '@waycast/protocol';
import type { Delivery } from './delivery.ts';
import type { Page } from './page.ts';
import type { Bus, Clock, ConnectionSession, Presence, SessionLog } from './ports.ts';
import type { Role } from './principal.ts';
import type { Watcher, Watchers } from './watchers.ts';

const RECORD_EVERY_MS = 1_000;
/** So often the last sign of life of a session is noted, ms. */
const SEEN_EVERY_MS = 60_000;

/** A socket that comes in. */
export interface Arrival {
  readonly subject: string | null;
  readonly role: Role | null;
  /** Of which surface, `stream` say. */
  readonly surface: string;
  readonly kind: ConnectionSession['kind'];
  /** The trip it is for. */
  readonly about?: string | undefined;
  /** The rooms it is counted in, and how many each takes. */
  readonly rooms: readonly { readonly name: string; readonly limit: number }[];
}

/** A socket that is in. */
export interface Attendant {
  readonly id: string;
  /** It showed life. */
  seen(): void;
  /** It may have changed its transport. */
  upgraded(kind: ConnectionSession['kind']): void;
  /** Twice is safe. */
  leave(): void;
}

export interface AttendanceParts {
  readonly presence: Presence;
  readonly bus: Bus;
  readonly watchers: Watchers;
  readonly clock: Clock;
  readonly log: SessionLog;
  readonly warn: (message: string, error: unknown) => void;
}

/** The room of all sockets by which a driver is connected, whatever they speak. */
export function driverRoom(driverId: string): string {
  return `driver:${driverId}`;
}

/** The room of the passengers who watch a ride. */
export function passengerRoom(tripId: string): string {
  return `passengers:${tripId}`;
}

/**
 * Who is connected: counts per room with a limit, seats that only one may have, and the audit trail. Everything
 * goes through `Presence` and the bus, so that it holds over several processes.
 */
export class Attendance {
  readonly #parts: AttendanceParts;
  readonly #open = new Map<string, Session>();
  #unrecorded = new Map<string, ConnectionSession>();
  #recording: Promise<void> = Promise.resolve();
  readonly #stop: () => void;
  readonly #desk: Desk;

  constructor(parts: AttendanceParts) {
    this.#parts = parts;
    this.#desk = {
      now: () => parts.clock.now(),
      changed: (row) => this.#unrecorded.set(row.id, row),
      leave: (session) => this.#leave(session),
    };
    this.#stop = parts.clock.every(RECORD_EVERY_MS, () => this.#record());
  }

  /** @throws WaycastError `too_many_connections` when a room is full */
  async arrive(arrival: Arrival): Promise<Attendant> {
    const { presence, clock } = this.#parts;
    const id = randomUUID();
    const entered: string[] = [];
    for (const { name, limit } of arrival.rooms) {
      const count = await presence.enter(name, id, limit);
      if (count === null) {
        for (const room of entered) await this.#leaveRoom(room, id);
        throw new WaycastError('too_many_connections', `${arrival.subject} has ${limit} connections already`, { retryAfter: 5 });
      }
      entered.push(name);
      this.#tell(name, count);
    }
    const { subject, role, surface, kind, about } = arrival;
    const now = clock.now();
    const row = { id, subject, role, surface, kind, about: about ?? null, since: now, last: now, until: null };
    const session = new Session(row, entered, this.#desk);
    this.#open.set(id, session);
    this.#unrecorded.set(id, row);
    return session;
  }

  /** How many are in a room, over all processes. */
  count(room: string): Promise<number> {
    return this.#parts.presence.count(room);
  }

  /** From now on the watcher hears `attendance` whenever somebody comes to or leaves the room. */
  follow(room: string, watcher: Watcher): void {
    this.#parts.watchers.add(feedOf(room), watcher, false);
  }

  unfollow(room: string, watcher: Watcher): void {
    this.#parts.watchers.remove(feedOf(room), watcher);
  }

  /** Takes a seat that only one may have; whoever follows the seat and is not the holder has lost it. */
  takeSeat(seat: string, holder: string, watcher: Watcher): void {
    const feed = `seat:${seat}`;
    this.#parts.bus.publish({ type: 'seat', feed, holder });
    this.#parts.watchers.add(feed, watcher, false);
  }

  leaveSeat(seat: string, watcher: Watcher): void {
    this.#parts.watchers.remove(`seat:${seat}`, watcher);
  }

  /** The audit trail, newest first. */
  async sessions(
    filter: { subject?: string | undefined; open?: boolean | undefined },
    limit: number,
    cursor: string | null,
  ): Promise<Page<ConnectionSession>> {
    this.#record();
    await this.#recording;
    return this.#parts.log.sessions(filter, limit, cursor);
  }

  async close(): Promise<void> {
    this.#stop();
    for (const session of this.#open.values()) this.#leave(session);
    this.#record();
    await this.#recording;
  }

  #leave(session: Session): void {
    const { id } = session.row;
    if (!this.#open.delete(id)) return;
    const now = this.#parts.clock.now();
    this.#unrecorded.set(id, { ...session.row, last: Math.max(session.lastSeen, session.row.last), until: now });
    for (const room of session.rooms)
      this.#leaveRoom(room, id).catch((error: unknown) => this.#parts.warn('a connection that ended is still counted', error));
  }

  async #leaveRoom(room: string, member: string): Promise<void> {
    this.#tell(room, await this.#parts.presence.leave(room, member));
  }

  #tell(room: string, count: number): void {
    this.#parts.bus.publish({ type: 'attendance', feed: feedOf(room), room, count } satisfies Delivery);
  }

  #record(): void {
    for (const session of this.#open.values()) {
      if (session.lastSeen - session.row.last < SEEN_EVERY_MS) continue;
      session.row = { ...session.row, last: session.lastSeen };
      this.#unrecorded.set(session.row.id, session.row);
    }
    if (this.#unrecorded.size === 0) return;
    const rows = [...this.#unrecorded.values()];
    this.#unrecorded = new Map();
    this.#recording = this.#parts.log.recordSessions(rows).catch((error: unknown) => {
      this.#parts.warn('connections could not be recorded; they are tried again', error);
      for (const row of rows) if (!this.#unrecorded.has(row.id)) this.#unrecorded.set(row.id, row);
    });
  }
}

/** What sessions need of their attendance; one for all of them, for there may be many. */
interface Desk {
  now(): number;
  changed(row: ConnectionSession): void;
  leave(session: Session): void;
}

class Session implements Attendant {
  row: ConnectionSession;
  readonly rooms: readonly string[];
  lastSeen: number;
  readonly #desk: Desk;

  constructor(row: ConnectionSession, rooms: readonly string[], desk: Desk) {
    this.row = row;
    this.rooms = rooms;
    this.lastSeen = row.last;
    this.#desk = desk;
  }

  get id(): string {
    return this.row.id;
  }

  seen(): void {
    this.lastSeen = this.#desk.now();
  }

  upgraded(kind: ConnectionSession['kind']): void {
    this.row = { ...this.row, kind };
    this.#desk.changed(this.row);
  }

  leave(): void {
    this.#desk.leave(this);
  }
}

function feedOf(room: string): string {
  return `attendance:${room}`;
}
