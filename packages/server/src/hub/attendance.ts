import { randomUUID } from 'node:crypto';
import { WaycastError } from '@waycast/protocol';
import type { Delivery } from './delivery.ts';
import type { Page } from './page.ts';
import type { Bus, Clock, Presence } from './ports.ts';
import type { Role } from './principal.ts';
import type { ConnectionSession, SessionLog } from './storage-ports.ts';
import type { Watcher, Watchers } from './watchers.ts';

const RECORD_EVERY_MS = 1_000;
const RECOUNT_EVERY_MS = 3_000;
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
  /** Others have sockets as well: one that dies takes leave of nobody. */
  readonly shared: boolean;
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
  readonly #followed = new Map<string, Followed>();
  readonly #seated = new Set<Seated>();
  #recounting = false;
  readonly #stops: (() => void)[];
  readonly #desk: Desk;

  constructor(parts: AttendanceParts) {
    this.#parts = parts;
    this.#desk = {
      now: () => parts.clock.now(),
      changed: (row) => this.#unrecorded.set(row.id, row),
      leave: (session) => this.#leave(session),
    };
    this.#stops = [parts.clock.every(RECORD_EVERY_MS, () => this.#record())];
    if (parts.shared) this.#stops.push(parts.clock.every(RECOUNT_EVERY_MS, () => void this.#recount()));
  }

  /** @throws WaycastError `too_many_connections` when a room is full */
  async arrive(arrival: Arrival): Promise<Attendant> {
    const { presence, clock } = this.#parts;
    const id = randomUUID();
    const entered: string[] = [];
    try {
      for (const { name, limit } of arrival.rooms) {
        const count = await presence.enter(name, id, limit);
        if (count === null)
          throw new WaycastError('too_many_connections', `${arrival.subject} has ${limit} connections already`, { retryAfter: 5 });
        entered.push(name);
        this.#tell(name, count);
      }
    } catch (error) {
      // Full, or nobody can say: it does not come in, and counts nowhere.
      await this.#leaveRooms(entered, id);
      throw error;
    }
    const { subject, role, surface, kind, about } = arrival;
    const now = clock.now();
    const row = { id, subject, role, surface, kind, about: about ?? null, since: now, last: now, until: null };
    const session = new Session(row, entered, this.#desk);
    this.#open.set(id, session);
    this.#unrecorded.set(id, row);
    return session;
  }

  /** How many are in a room, over all processes. Who follows it hears whoever comes or goes after this. */
  async count(room: string): Promise<number> {
    await this.#parts.watchers.ready(feedOf(room));
    return await this.#parts.presence.count(room);
  }

  /** From now on the watcher hears `attendance` whenever somebody comes to or leaves the room. */
  follow(room: string, watcher: Watcher): void {
    let followed = this.#followed.get(room);
    if (followed === undefined) {
      followed = new Followed();
      this.#followed.set(room, followed);
      this.#parts.watchers.add(feedOf(room), followed);
    }
    followed.watchers.add(watcher);
  }

  unfollow(room: string, watcher: Watcher): void {
    const followed = this.#followed.get(room);
    if (followed === undefined || !followed.watchers.delete(watcher) || followed.watchers.size > 0) return;
    this.#followed.delete(room);
    this.#parts.watchers.remove(feedOf(room), followed);
  }

  /**
   * Takes a seat that only one may have: whoever asked last, over all processes [P9]. `lost` is called once somebody
   * else has it. Answers how to leave it.
   */
  takeSeat(seat: string, lost: () => void): () => void {
    const { bus, watchers, presence, clock, warn } = this.#parts;
    const feed = `seat:${seat}`;
    let mine: number | null = null;
    let highest = 0;
    const leave = (): void => {
      this.#seated.delete(seated);
      watchers.remove(feed, seated);
    };
    const heard = (number: number): void => {
      highest = Math.max(highest, number);
      if (!this.#seated.has(seated) || mine === null || highest <= mine) return;
      leave();
      lost();
    };
    const seated: Seated = {
      seat,
      heard,
      deliver: (delivery) => {
        if (delivery.type === 'seat') heard(delivery.number);
      },
    };
    this.#seated.add(seated);
    // First it listens, then it asks for its number: of two, the one with the lower number hears of the other.
    watchers.add(feed, seated);
    const taken = (number: number): void => {
      mine = number;
      bus.publish({ type: 'seat', feed, number });
      heard(0);
    };
    presence.next(seat).then(taken, (error: unknown) => {
      warn('a seat was given by the clock of this process alone, as Redis did not answer: two sockets may have it for a moment', error);
      taken(clock.now());
    });
    return leave;
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
    for (const stop of this.#stops.splice(0)) stop();
    for (const session of this.#open.values()) this.#leave(session);
    this.#record();
    await this.#recording;
  }

  #leave(session: Session): void {
    const { id } = session.row;
    if (!this.#open.delete(id)) return;
    const now = this.#parts.clock.now();
    this.#unrecorded.set(id, { ...session.row, last: Math.max(session.lastSeen, session.row.last), until: now });
    void this.#leaveRooms(session.rooms, id);
  }

  async #leaveRooms(rooms: readonly string[], member: string): Promise<void> {
    const left = await Promise.allSettled(rooms.map((room) => this.#leaveRoom(room, member)));
    for (const one of left)
      if (one.status === 'rejected')
        this.#parts.warn('a connection that ended is counted until its lease ends, as Redis did not answer', one.reason);
  }

  async #leaveRoom(room: string, member: string): Promise<void> {
    this.#tell(room, await this.#parts.presence.leave(room, member));
  }

  #tell(room: string, count: number): void {
    this.#parts.bus.publish({ type: 'attendance', feed: feedOf(room), room, count } satisfies Delivery);
  }

  /** What nobody told, or nobody heard: how many are left of the sockets of a process that died, who has a seat now [P8, P9]. */
  async #recount(): Promise<void> {
    const { presence, warn } = this.#parts;
    if (this.#recounting) return;
    this.#recounting = true;
    const recount = async ([room, followed]: [string, Followed]): Promise<void> => {
      const count = await presence.count(room);
      if (followed.count !== count) followed.deliver({ type: 'attendance', feed: feedOf(room), room, count });
    };
    const look = async ({ seat, heard }: Seated): Promise<void> => heard(await presence.latest(seat));
    try {
      // Asked together they go in one way there and back.
      await Promise.all([...Array.from(this.#followed, recount), ...Array.from(this.#seated, look)]);
    } catch (error) {
      warn('connections could not be counted; it is tried again', error);
    }
    this.#recounting = false;
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

/** Somebody who has a seat, or thinks so. */
interface Seated extends Watcher {
  readonly seat: string;
  /** The number of whoever has it was heard of. */
  readonly heard: (number: number) => void;
}

/** A room somebody here follows, and the last count told of it; null before the first: then whoever follows has one of its own, of before. */
class Followed implements Watcher {
  readonly watchers = new Set<Watcher>();
  count: number | null = null;

  deliver(delivery: Delivery): void {
    if (delivery.type === 'attendance') this.count = delivery.count;
    for (const watcher of this.watchers) watcher.deliver(delivery);
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
