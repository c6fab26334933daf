import { WaycastError } from '@waycast/protocol';
import type { Command } from '../core/commands.ts';
import { weightOf } from '../core/weight.ts';
import { type Log, type LogEntry, PARTITIONS } from '../hub/ports.ts';

/** This many fixes and other commands may wait to be stored [A7]. */
export const MAX_BACKLOG = 200_000;

/** So many are handed on at once; under load a turn of the event loop reads a thousand sockets, and the first must not wait for the last. */
const AT_ONCE = 32;
/** Trimmed entries stay in their array until so many can be dropped in one go. */
const DROP_AT_ONCE = 4_096;

/** One partition: what is not trimmed stands in `entries` from `first` on, its positions one after the other. */
interface Lane {
  entries: LogEntry[];
  first: number;
  /** Of the last entry. */
  position: number;
  trimmed: number;
  open: boolean;
  /** Whether it ever was: where positions begin is known from then on. */
  begun: boolean;
}

/**
 * The log of one process: a queue that is handed on in every turn of the event loop, and within a turn when many have
 * gathered. What it holds dies with the process.
 */
export class MemoryLog implements Log {
  readonly #lanes: readonly Lane[] = Array.from({ length: PARTITIONS }, newLane);
  readonly #cap: number;
  #backlog = 0;
  #weight = 0;
  /** Of open partitions, not handed on yet. */
  #queue: LogEntry[] = [];
  #scheduled = false;
  #handing = false;
  #take: ((entries: readonly LogEntry[]) => void) | undefined;

  constructor(cap = MAX_BACKLOG) {
    this.#cap = cap;
  }

  append(partition: number, command: Command): void {
    // What the server itself decided (a tick, an adoption) must not be lost for a crowd of fixes.
    if (this.#weight >= this.#cap && command.kind !== 'tick' && command.kind !== 'adopt') {
      throw new WaycastError('storage_unavailable', this.#full(), { retryAfter: 5 });
    }
    const lane = this.#lanes[partition] as Lane;
    const entry = { partition, position: ++lane.position, command, appendedAt: performance.now() };
    lane.entries.push(entry);
    this.#backlog++;
    this.#weight += weightOf(command);
    if (!lane.open) return;
    this.#queue.push(entry);
    if (this.#queue.length >= AT_ONCE && !this.#handing) this.#handOn();
    else this.#schedule();
  }

  consume(take: (entries: readonly LogEntry[]) => void): void {
    this.#take = take;
  }

  open(partition: number, after: number): void {
    const lane = this.#lanes[partition] as Lane;
    if (!lane.begun) begin(lane, after);
    this.close(partition);
    lane.open = true;
    for (let i = Math.max(lane.first, lane.first + after - lane.trimmed); i < lane.entries.length; i++) {
      this.#queue.push(lane.entries[i] as LogEntry);
    }
    if (this.#queue.length > 0) this.#schedule();
  }

  close(partition: number): void {
    const lane = this.#lanes[partition] as Lane;
    if (!lane.open) return;
    lane.open = false;
    this.#queue = this.#queue.filter((entry) => entry.partition !== partition);
  }

  trim(partition: number, position: number): void {
    const lane = this.#lanes[partition] as Lane;
    const count = Math.min(position, lane.position) - lane.trimmed;
    if (count <= 0) return;
    for (let i = lane.first; i < lane.first + count; i++) this.#weight -= weightOf((lane.entries[i] as LogEntry).command);
    lane.trimmed += count;
    lane.first += count;
    this.#backlog -= count;
    if (lane.first < lane.entries.length && lane.first < DROP_AT_ONCE) return;
    lane.entries = lane.entries.slice(lane.first);
    lane.first = 0;
  }

  backlog(): number {
    return this.#backlog;
  }

  held(): number {
    return this.#queue.length;
  }

  problem(): string | null {
    return this.#weight >= this.#cap ? this.#full() : null;
  }

  #full(): string {
    return `${this.#cap} fixes and other commands wait to be stored`;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#onTurn);
  }

  readonly #onTurn = (): void => {
    this.#scheduled = false;
    this.#handOn();
  };

  #handOn(): void {
    const entries = this.#queue;
    if (entries.length === 0 || this.#take === undefined) return;
    this.#queue = [];
    this.#handing = true;
    try {
      this.#take(entries);
    } finally {
      this.#handing = false;
    }
  }
}

function newLane(): Lane {
  return { entries: [], first: 0, position: 0, trimmed: 0, open: false, begun: false };
}

/** What was appended before anybody knew where the partition stands gets its positions now. */
function begin(lane: Lane, after: number): void {
  lane.begun = true;
  lane.entries = lane.entries.slice(lane.first).map((entry, i) => ({ ...entry, position: after + 1 + i }));
  lane.first = 0;
  lane.trimmed = after;
  lane.position = after + lane.entries.length;
}
