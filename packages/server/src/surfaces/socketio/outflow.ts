import type { EventEmitter } from 'node:events';

/** Over this much waiting for a client it is slow and gets only the newest positions, bytes [O7, K13]. */
const SLOW_BYTES = 65_536;
/** Over this much, answers to its own events included, it is cut off, bytes. */
const MOST_BYTES = 1_048_576;
/** Events held for a slow client. */
const MOST_EVENTS = 100;

/** What the way out needs of an Engine.IO connection: it tells of packets it keeps, and when its transport took them. */
export type PacketQueue = Pick<EventEmitter, 'on'>;

interface Parts {
  readonly emit: (event: string, payload: object) => void;
  readonly giveUp: () => void;
  readonly now: () => number;
}

interface Held {
  readonly event: string;
  readonly payload: object;
}

/**
 * The way out of one client. Engine.IO queues without a limit, for polls that do not come and for a network that takes
 * nothing: one that does not keep up is given the newest positions instead of all, and cannot fill the memory.
 */
export class Outflow {
  readonly #parts: Parts;
  /** Bytes in the queue of the connection, and since when it has not moved. */
  #waiting = 0;
  #waitingSince = 0;
  /** By key, in the order they are to go. */
  #held: Map<string | number, Held> | null = null;
  #heldEvents = 0;
  #count = 0;

  constructor(queue: PacketQueue, parts: Parts) {
    this.#parts = parts;
    queue.on('packetCreate', ({ data }: { data?: { length: number } }) => {
      if (this.#waiting === 0) this.#waitingSince = parts.now();
      this.#waiting += (data?.length ?? 0) + 1;
    });
    queue.on('drain', () => this.#drained());
  }

  /** Whether something is held back. */
  get slow(): boolean {
    return this.#held !== null;
  }

  /** An answer: never held back. */
  send(event: string, payload: object): void {
    if (this.#waiting > MOST_BYTES) this.#parts.giveUp();
    else this.#parts.emit(event, payload);
  }

  /** Whether an answer may still be given by other ways. */
  get isFull(): boolean {
    return this.#waiting > MOST_BYTES;
  }

  /** A position of which only the newest of its kind matters. */
  position(key: string, event: string, payload: object): void {
    if (this.#takesMore()) {
      this.#parts.emit(event, payload);
      return;
    }
    const held = this.#hold();
    held.delete(`${event} ${key}`);
    held.set(`${event} ${key}`, { event, payload });
  }

  /** Something that must not be left out. */
  event(event: string, payload: object): void {
    if (this.#takesMore()) this.#parts.emit(event, payload);
    else if (++this.#heldEvents > MOST_EVENTS) this.#parts.giveUp();
    else this.#hold().set(++this.#count, { event, payload });
  }

  /** Whether a slow one has taken nothing for so long, ms. */
  isStuck(now: number, forMs: number): boolean {
    return this.#held !== null && now - this.#waitingSince >= forMs;
  }

  #takesMore(): boolean {
    return this.#held === null && this.#waiting <= SLOW_BYTES;
  }

  #hold(): Map<string | number, Held> {
    this.#held ??= new Map();
    return this.#held;
  }

  /** The transport took all that waited: what was held may follow. */
  #drained(): void {
    this.#waiting = 0;
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    this.#heldEvents = 0;
    for (const { event, payload } of held.values()) this.#parts.emit(event, payload);
  }
}
