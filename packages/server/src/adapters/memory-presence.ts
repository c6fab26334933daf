import type { Presence } from '../hub/ports.ts';

const MOST_SEATS = 10_000;

/** The rooms and seats of one process. Answers come later all the same, as they do where others share them. */
export class MemoryPresence implements Presence {
  readonly #rooms = new Map<string, Set<string>>();
  /** One counter for all seats: each number is above every one before, also above those of an earlier life of the process. */
  #last = 0;
  /** The last number of each seat, of those taken lately. */
  readonly #seats = new Map<string, number>();

  async enter(room: string, member: string, limit: number): Promise<number | null> {
    let members = this.#rooms.get(room);
    if (members === undefined) {
      members = new Set();
      this.#rooms.set(room, members);
    }
    if (!members.has(member) && members.size >= limit) return null;
    members.add(member);
    return members.size;
  }

  async leave(room: string, member: string): Promise<number> {
    const members = this.#rooms.get(room);
    members?.delete(member);
    if (members?.size === 0) this.#rooms.delete(room);
    return members?.size ?? 0;
  }

  async count(room: string): Promise<number> {
    return this.#rooms.get(room)?.size ?? 0;
  }

  async next(seat: string): Promise<number> {
    this.#last = Math.max(this.#last + 1, Date.now());
    this.#seats.delete(seat);
    this.#seats.set(seat, this.#last);
    for (const oldest of this.#seats.keys()) {
      if (this.#seats.size <= MOST_SEATS) break;
      this.#seats.delete(oldest);
    }
    return this.#last;
  }

  async latest(seat: string): Promise<number> {
    return this.#seats.get(seat) ?? 0;
  }
}
