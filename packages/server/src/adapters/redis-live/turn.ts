import type { RedisReply } from '../redis/link.ts';
import type { RedisCall, RedisConnection } from '../redis/redis-connection.ts';

/** Somebody who has something to write in a turn of the event loop. */
export interface Writer {
  /** What there is to write now; from here on it is the turn's. */
  calls(): RedisCall[];
  /** The answers to just these. */
  answered(calls: readonly RedisCall[], replies: readonly RedisReply[]): void;
  /** Redis is away: what must not pile up is dropped. */
  drop(): void;
}

interface Part {
  readonly writer: Writer;
  readonly calls: readonly RedisCall[];
}

/** More than this many writes at a time only wait in Redis; meanwhile they gather here. */
const IN_FLIGHT = 4;
/** Under load what can wait is written so long after the write before, with more in it: a write costs more than what is in it, ms. */
const PACE_MS = 4;

/**
 * Gathers what one turn of the event loop has to write, in the order of its writers, into one pipeline; under load, of what
 * can wait a little, that of several turns.
 */
export class Turn {
  readonly #connection: RedisConnection;
  readonly #writers: Writer[] = [];
  #flushedAt = Number.NEGATIVE_INFINITY;
  #scheduled: NodeJS.Immediate | NodeJS.Timeout | undefined;
  /** Whether what is scheduled comes with this turn. */
  #isImmediate = false;
  #again = false;
  readonly #inFlight = new Set<Promise<void>>();

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  /** Those added first write first. */
  add(writer: Writer): void {
    this.#writers.push(writer);
  }

  /** There is something to write; `isUrgent`: in this turn, for somebody may ask another process for it next. */
  touch(isUrgent = false): void {
    if (this.#scheduled !== undefined && (this.#isImmediate || !isUrgent)) return;
    const wait = isUrgent ? 0 : this.#flushedAt + PACE_MS - performance.now();
    const flush = (): void => {
      this.#scheduled = undefined;
      if (this.#inFlight.size < IN_FLIGHT) this.flush();
      else this.#again = true;
    };
    clearTimeout(this.#scheduled as NodeJS.Timeout | undefined);
    this.#isImmediate = wait <= 0;
    this.#scheduled = this.#isImmediate ? setImmediate(flush) : setTimeout(flush, wait);
  }

  /** Writes all there is at once: what is read after this call sees it. */
  flush(): void {
    this.#flushedAt = performance.now();
    if (!this.#connection.health().ok && !this.#connection.cluster) {
      for (const writer of this.#writers) writer.drop();
      return;
    }
    const parts = this.#writers.map((writer) => ({ writer, calls: writer.calls() }));
    const calls = parts.flatMap((part) => part.calls);
    if (calls.length === 0) return;
    const writing = this.#write(parts, calls).finally(() => {
      this.#inFlight.delete(writing);
      if (!this.#again) return;
      this.#again = false;
      this.touch(true);
    });
    this.#inFlight.add(writing);
  }

  /** Resolves once all there is now is written, or cannot be. */
  async written(): Promise<void> {
    this.flush();
    await Promise.all(this.#inFlight);
  }

  async #write(parts: readonly Part[], calls: readonly RedisCall[]): Promise<void> {
    // A position that cannot be written now is old before it could be.
    const replies = await this.#connection.write(calls, 0);
    let from = 0;
    for (const { writer, calls: own } of parts) {
      writer.answered(own, replies.slice(from, from + own.length));
      from += own.length;
    }
  }
}
