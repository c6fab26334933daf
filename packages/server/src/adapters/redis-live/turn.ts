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

/** Gathers what one turn of the event loop has to write, in the order of its writers, into one pipeline. */
export class Turn {
  readonly #connection: RedisConnection;
  readonly #writers: Writer[] = [];
  #scheduled = false;
  #again = false;
  readonly #inFlight = new Set<Promise<void>>();

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  /** Those added first write first. */
  add(writer: Writer): void {
    this.#writers.push(writer);
  }

  /** There is something to write. */
  touch(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#inFlight.size < IN_FLIGHT) this.flush();
      else this.#again = true;
    });
  }

  /** Writes all there is at once: what is read after this call sees it. */
  flush(): void {
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
      this.touch();
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
