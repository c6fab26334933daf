import { WaycastError } from '@waycast/protocol';
import type { Presence } from '../../hub/ports.ts';
import type { RedisReply } from '../redis/link.ts';
import type { RedisCall, RedisConnection } from '../redis/redis-connection.ts';
import { countCall, enterCall, latestCall, leaveCall, nextCall, renewCall } from './scripts.ts';

export interface RedisPresenceOptions {
  readonly connection: RedisConnection;
  /** How long a member is in without being renewed, ms; it is renewed three times as often. */
  readonly leaseMs?: number;
}

const LEASE_MS = 12_000;
const RETRY_AFTER_S = 5;
/** Rooms renewed in one write, and members of a room in one command. */
const ROOMS_AT_ONCE = 250;
const MEMBERS_AT_ONCE = 1_000;

/**
 * The rooms of all processes: members under a lease that the process they are connected to keeps up. Those of a process
 * that died run out; what Redis lost is there again with the next renewal.
 */
export class RedisPresence implements Presence {
  readonly #connection: RedisConnection;
  readonly #leaseMs: number;
  /** Who entered here, by room. */
  readonly #rooms = new Map<string, Set<string>>();
  /** Who left while Redis was away, by room. */
  readonly #left = new Map<string, Set<string>>();
  readonly #timer: NodeJS.Timeout;
  readonly #stopListening: () => void;
  #renewing = false;

  constructor({ connection, leaseMs = LEASE_MS }: RedisPresenceOptions) {
    this.#connection = connection;
    this.#leaseMs = leaseMs;
    this.#timer = setInterval(() => void this.#renew(), leaseMs / 3).unref();
    this.#stopListening = connection.onChange(({ ok }) => {
      if (ok) void this.#renew();
    });
  }

  /** @throws WaycastError `storage_unavailable` when there is a limit and nobody can say whether it is reached */
  async enter(room: string, member: string, limit: number): Promise<number | null> {
    this.#take(this.#left, room, member);
    const [reply] = await this.#connection.run([enterCall(this.#key(room), member, this.#leaseMs, limit)]);
    if (reply === -1) return null;
    if (typeof reply === 'number') {
      this.#put(this.#rooms, room, member);
      return reply;
    }
    if (!Number.isFinite(limit)) {
      this.#put(this.#rooms, room, member);
      return this.#rooms.get(room)?.size ?? 0;
    }
    // It may have been let in all the same.
    this.#put(this.#left, room, member);
    throw unavailable(reply);
  }

  /** While Redis is away it answers how many of this process are left. */
  async leave(room: string, member: string): Promise<number> {
    this.#take(this.#rooms, room, member);
    const [reply] = await this.#connection.run([leaveCall(this.#key(room), [member])]);
    if (typeof reply === 'number') return reply;
    this.#put(this.#left, room, member);
    return this.#rooms.get(room)?.size ?? 0;
  }

  /** @throws WaycastError `storage_unavailable` */
  async count(room: string): Promise<number> {
    const [reply] = await this.#connection.run([countCall(this.#key(room))]);
    if (typeof reply === 'number') return reply;
    throw unavailable(reply);
  }

  /** @throws WaycastError `storage_unavailable` */
  async next(seat: string): Promise<number> {
    const [reply] = await this.#connection.run([nextCall(`${this.#connection.prefix}seat:${seat}`)]);
    if (typeof reply === 'number') return reply;
    throw unavailable(reply);
  }

  /** @throws WaycastError `storage_unavailable` */
  async latest(seat: string): Promise<number> {
    const [reply = null] = await this.#connection.run([latestCall(`${this.#connection.prefix}seat:${seat}`)]);
    if (reply === null || typeof reply === 'string') return Number(reply ?? 0);
    throw unavailable(reply);
  }

  /** Leaves every room. Twice is safe. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopListening();
    const rooms = [...this.#rooms];
    this.#rooms.clear();
    for (let i = 0; i < rooms.length; i += ROOMS_AT_ONCE) {
      const calls = rooms
        .slice(i, i + ROOMS_AT_ONCE)
        .flatMap(([room, members]) => this.#sliced(members, (some) => leaveCall(this.#key(room), some)));
      await this.#connection.run(calls, 0);
    }
  }

  /** In slices, one after the other: ten thousand members hold nobody up. */
  async #renew(): Promise<void> {
    if (this.#renewing || !this.#connection.health().ok) return;
    this.#renewing = true;
    for (const [room, members] of [...this.#left]) {
      this.#left.delete(room);
      const replies = await this.#connection.run(this.#sliced(members, (some) => leaveCall(this.#key(room), some)));
      if (replies.some((reply) => reply instanceof Error)) for (const member of members) this.#put(this.#left, room, member);
    }
    const rooms = [...this.#rooms.keys()];
    for (let i = 0; i < rooms.length; i += ROOMS_AT_ONCE) {
      // As they are now: whoever left meanwhile must not come back.
      const calls = rooms.slice(i, i + ROOMS_AT_ONCE).flatMap((room) => {
        return this.#sliced(this.#rooms.get(room) ?? [], (some) => renewCall(this.#key(room), some, this.#leaseMs));
      });
      await this.#connection.run(calls);
    }
    this.#renewing = false;
  }

  #sliced(members: Iterable<string>, call: (some: readonly string[]) => RedisCall): RedisCall[] {
    const all = [...members];
    const calls: RedisCall[] = [];
    for (let i = 0; i < all.length; i += MEMBERS_AT_ONCE) calls.push(call(all.slice(i, i + MEMBERS_AT_ONCE)));
    return calls;
  }

  #put(rooms: Map<string, Set<string>>, room: string, member: string): void {
    const members = rooms.get(room);
    if (members === undefined) rooms.set(room, new Set([member]));
    else members.add(member);
  }

  #take(rooms: Map<string, Set<string>>, room: string, member: string): void {
    const members = rooms.get(room);
    if (members?.delete(member) && members.size === 0) rooms.delete(room);
  }

  #key(room: string): string {
    return `${this.#connection.prefix}room:${room}`;
  }
}

function unavailable(reply: RedisReply | undefined): WaycastError {
  const why = reply instanceof Error ? reply.message : 'no answer';
  return new WaycastError('storage_unavailable', `who is connected cannot be told now: ${why}`, { retryAfter: RETRY_AFTER_S });
}
