import type { Duplex } from 'node:stream';
import type { Published } from '../../core/effects.ts';
import type { Delivery } from '../../hub/delivery.ts';
import type { Codec } from './codec.ts';
import { frame } from './frame.ts';

/** Over this much buffered a watcher is slow and gets only the newest positions, bytes [O7]. */
const SLOW_BYTES = 65_536;
/** Over this much, answers to its own messages included, it is cut off, bytes. */
const MOST_BYTES = 1_048_576;
/** Events held for a slow watcher. */
const MOST_EVENTS = 100;

/** What a slow watcher will get of one life of a feed: events, and of the positions the newest. */
interface Held {
  readonly epoch: string;
  /** The first number it has not got. */
  readonly next: number;
  items: Published[];
}

/** Connections with frames for this turn of the event loop: each gets them in one write. */
let dirty: Outflow[] = [];

function flushAll(): void {
  const flows = dirty;
  dirty = [];
  for (const flow of flows) flow.flush();
}

export interface OutflowParts {
  readonly codec: Codec;
  readonly giveUp: () => void;
  /** What a watcher of the fleet gets who missed some of it. */
  readonly wholeFleet?: () => Delivery;
}

/**
 * The way out of one connection. Frames of a turn leave in one write; a connection that does not keep up
 * holds the newest instead of everything, so that it can never hold up others or fill the memory.
 */
export class Outflow {
  readonly #socket: Duplex;
  readonly #codec: Codec;
  readonly #giveUp: () => void;
  readonly #wholeFleet: (() => Delivery) | undefined;
  #pending: Buffer | null = null;
  #more: Buffer[] | null = null;
  /** By feed, its lives in their order. */
  #held: Map<string, Held[]> | null = null;
  #heldEvents = 0;
  #fleetMissed = false;

  constructor(socket: Duplex, parts: OutflowParts) {
    this.#socket = socket;
    this.#codec = parts.codec;
    this.#giveUp = parts.giveUp;
    this.#wholeFleet = parts.wholeFleet;
    socket.on('drain', () => this.#caughtUp());
  }

  /** Whether something is held back. */
  get slow(): boolean {
    return this.#held !== null;
  }

  /** An answer: never held back. */
  send(message: object): void {
    if (this.#socket.writableLength > MOST_BYTES) this.#giveUp();
    else this.#write(frame(JSON.stringify(message)));
  }

  deliver(delivery: Delivery): void {
    if (this.#held === null && this.#socket.writableLength <= SLOW_BYTES) {
      this.#encode(delivery);
      return;
    }
    this.#held ??= new Map();
    switch (delivery.type) {
      case 'location':
      case 'event':
        this.#hold(this.#held, delivery);
        break;
      case 'snapshot':
        // A new start of the feed: what was held of the old one is part of it.
        this.#heldEvents -= eventsIn(this.#held.get(delivery.feed) ?? []);
        this.#held.delete(delivery.feed);
        this.#encode(delivery);
        break;
      case 'fleet':
        this.#fleetMissed = true;
        break;
      case 'fleet-event':
        // Not numbered: the whole fleet that follows tells the outcome.
        this.#fleetMissed = true;
        break;
      case 'attendance':
      case 'seat':
      case 'person':
      case 'removed':
      case 'telling':
        // Few and small: the newest word on who is here must not be lost.
        this.#encode(delivery);
        break;
      default:
        delivery satisfies never;
    }
  }

  flush(): void {
    const { destroyed, writable } = this.#socket;
    if (this.#pending !== null && !destroyed && writable) {
      this.#socket.write(this.#more === null ? this.#pending : Buffer.concat([this.#pending, ...this.#more]));
    }
    this.#pending = null;
    this.#more = null;
  }

  #encode(delivery: Delivery): void {
    this.#write(this.#codec.frameOf(delivery));
  }

  #write(bytes: Buffer | null): void {
    if (bytes === null) return;
    if (this.#pending === null) {
      this.#pending = bytes;
      if (dirty.length === 0) queueMicrotask(flushAll);
      dirty.push(this);
    } else if (this.#more === null) {
      this.#more = [bytes];
    } else {
      this.#more.push(bytes);
    }
  }

  #hold(held: Map<string, Held[]>, published: Published): void {
    let lives = held.get(published.feed);
    if (lives === undefined) {
      lives = [];
      held.set(published.feed, lives);
    }
    if (lives.at(-1)?.epoch !== published.epoch) lives.push({ epoch: published.epoch, next: published.seq, items: [] });
    if (published.type === 'location') {
      for (const life of lives) life.items = life.items.filter((item) => item.type !== 'location');
    } else if (++this.#heldEvents > MOST_EVENTS) {
      this.#giveUp();
      return;
    }
    lives.at(-1)?.items.push(published);
  }

  /** The socket is empty again: what was held goes out, every gap marked [O3]. */
  #caughtUp(): void {
    if (this.#held === null) return;
    const held = this.#held;
    this.#held = null;
    this.#heldEvents = 0;
    for (const [feed, lives] of held) for (const life of lives) this.#release(feed, life);
    if (this.#fleetMissed && this.#wholeFleet !== undefined) this.#encode(this.#wholeFleet());
    this.#fleetMissed = false;
  }

  #release(feed: string, { epoch, next, items }: Held): void {
    let expected = next;
    for (const item of items) {
      if (item.seq > expected) this.#write(this.#codec.conflated(feed, epoch, expected, item.seq - 1));
      this.#encode(item);
      expected = item.seq + 1;
    }
  }
}

function eventsIn(lives: readonly Held[]): number {
  return lives.reduce((sum, { items }) => sum + items.filter(({ type }) => type === 'event').length, 0);
}
