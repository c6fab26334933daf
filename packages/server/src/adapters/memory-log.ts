import { WaycastError } from '@waycast/protocol';
import type { Command } from '../core/commands.ts';
import { type Log, type LogEntry, PARTITIONS } from '../hub/ports.ts';

/** This many commands may wait to be stored [A7]. */
export const MAX_BACKLOG = 200_000;

/** So many are handed on at once; under load a turn of the event loop reads a thousand sockets, and the first must not wait for the last. */
const AT_ONCE = 32;

/**
 * The log of one process: a queue that is handed on in every turn of the event loop, and within a turn when many have
 * gathered. What it holds dies with the process.
 */
export class MemoryLog implements Log {
  readonly #positions: number[] = new Array(PARTITIONS).fill(0);
  readonly #trimmed: number[] = new Array(PARTITIONS).fill(0);
  readonly #cap: number;
  #backlog = 0;
  #queue: LogEntry[] = [];
  #scheduled = false;
  #handing = false;
  #take: ((entries: readonly LogEntry[]) => void) | undefined;

  constructor(cap = MAX_BACKLOG) {
    this.#cap = cap;
  }

  append(partition: number, command: Command): void {
    // What the server itself decided (a tick, an adoption) must not be lost for a crowd of fixes.
    if (this.isFull() && command.kind !== 'tick' && command.kind !== 'adopt') {
      throw new WaycastError('storage_unavailable', `${this.#cap} commands wait to be stored`, { retryAfter: 5 });
    }
    const position = (this.#positions[partition] as number) + 1;
    this.#positions[partition] = position;
    this.#backlog++;
    this.#queue.push({ partition, position, command, appendedAt: performance.now() });
    if (this.#queue.length >= AT_ONCE && !this.#handing) {
      this.#handOn();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#onTurn);
    }
  }

  consume(cursors: readonly number[], take: (entries: readonly LogEntry[]) => void): void {
    cursors.forEach((cursor, partition) => {
      this.#positions[partition] = cursor;
      this.#trimmed[partition] = cursor;
    });
    this.#take = take;
  }

  trim(partition: number, position: number): void {
    this.#backlog -= position - (this.#trimmed[partition] as number);
    this.#trimmed[partition] = position;
  }

  backlog(): number {
    return this.#backlog;
  }

  isFull(): boolean {
    return this.#backlog >= this.#cap;
  }

  readonly #onTurn = (): void => {
    this.#scheduled = false;
    this.#handOn();
  };

  #handOn(): void {
    const entries = this.#queue;
    if (entries.length === 0) return;
    this.#queue = [];
    this.#handing = true;
    try {
      this.#take?.(entries);
    } finally {
      this.#handing = false;
    }
  }
}
