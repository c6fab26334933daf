import { setTimeout as sleep } from 'node:timers/promises';
import { WaycastError } from '@waycast/protocol';
import type { Command } from '../../core/commands.ts';
import { type Log, type LogEntry, PARTITIONS } from '../../hub/ports.ts';
import { RedisGone, type RedisReply } from '../redis/link.ts';
import type { RedisConnection } from '../redis/redis-connection.ts';
import { decodeCommand, encodeCommand } from './command-codec.ts';
import { type Lane, newLane } from './lane.ts';
import { positionOf, timeOf } from './positions.ts';
import { appendCall, isCrowded, lengthCall, MOST_AT_ONCE, raiseCall, skipCall, trimCall } from './scripts.ts';
import { type RawEntry, StreamReader } from './stream-reader.ts';

export interface RedisLogOptions {
  readonly connection: RedisConnection;
  /** So many may wait to be stored in one partition [P5]. */
  readonly cap?: number;
  /** So many may wait in this process while Redis is away. */
  readonly buffer?: number;
  readonly warn: (message: string, error: unknown) => void;
}

export const CAP = 20_000;
export const BUFFER = 10_000;
const RETRY_AFTER_S = 5;
/** What comes within this goes in one write: each costs more than all that is in it. */
const GATHER_MS = 1;
const AT_ONCE = 32;
const TRIM_EVERY_MS = 100;
const MEASURE_EVERY_MS = 250;
/** How often it is made sure that ids go on above what was handed on, ms. */
const RAISE_EVERY_MS = 2_000;
const RETRY_MS = 100;
const CLOSE_WITHIN_MS = 2_000;

/** Their repeats are recognised [A6]; of the others a second one would do harm, and whoever asked was told to ask again. */
const REPEATABLE: ReadonlySet<Command['kind']> = new Set(['fixes', 'refused', 'open', 'tick', 'adopt']);

/**
 * The log of many processes: a stream per partition. What one process appends to a partition keeps its order, over
 * lost connections too: a batch is one script, and the next one waits for its answer.
 */
export class RedisLog implements Log {
  readonly #connection: RedisConnection;
  readonly #cap: number;
  readonly #buffer: number;
  readonly #warn: (message: string, error: unknown) => void;
  readonly #lanes: readonly Lane[];
  /** One for all partitions; in a Cluster one for each that is open. */
  readonly #readers = new Map<number, StreamReader>();
  #take: ((entries: readonly LogEntry[]) => void) | undefined;
  #unsent = 0;
  #sinceFlush = 0;
  #scheduled = false;
  #openings = 0;
  #retry: NodeJS.Timeout | undefined;
  #lastMeasured = 0;
  #lastRaised = 0;
  readonly #timers: NodeJS.Timeout[];
  readonly #stopListening: () => void;

  constructor({ connection, cap = CAP, buffer = BUFFER, warn }: RedisLogOptions) {
    this.#connection = connection;
    this.#cap = cap;
    this.#buffer = buffer;
    this.#warn = warn;
    this.#lanes = Array.from({ length: PARTITIONS }, (_, partition) => newLane(partition, `${connection.prefix}{log.${partition}}`));
    this.#timers = [setInterval(() => void this.#tend(), TRIM_EVERY_MS).unref()];
    this.#stopListening = connection.onChange(() => {
      if (connection.cluster) for (const reader of this.#readers.values()) reader.moved();
      this.#schedule();
    });
  }

  append(partition: number, command: Command): void {
    const lane = this.#lanes[partition] as Lane;
    if (command.kind !== 'tick' && command.kind !== 'adopt') {
      const problem = this.#bufferProblem() ?? this.#laneProblem(lane);
      if (problem !== null) throw new WaycastError('storage_unavailable', problem, { retryAfter: RETRY_AFTER_S });
    }
    lane.unsent.push({ text: encodeCommand(command), repeatable: REPEATABLE.has(command.kind) });
    this.#unsent++;
    if (++this.#sinceFlush >= AT_ONCE) this.#flush();
    else this.#schedule();
  }

  consume(take: (entries: readonly LogEntry[]) => void): void {
    this.#take = take;
  }

  open(partition: number, after: number): void {
    const lane = this.#lanes[partition] as Lane;
    lane.opened = ++this.#openings;
    lane.cursor = after;
    void this.#raise([lane]);
    const place = this.#connection.cluster ? partition : 0;
    let reader = this.#readers.get(place);
    if (reader === undefined) {
      reader = new StreamReader(this.#connection, lane.key, {
        take: (batch) => this.#handOn(batch),
        back: () => void this.#raise(this.#lanes),
      });
      this.#readers.set(place, reader);
    }
    reader.add(lane);
  }

  close(partition: number): void {
    const lane = this.#lanes[partition] as Lane;
    if (lane.opened === 0) return;
    lane.opened = 0;
    const reader = this.#readers.get(this.#connection.cluster ? partition : 0);
    reader?.remove(lane);
    if (!this.#connection.cluster) return;
    reader?.close();
    this.#readers.delete(partition);
  }

  trim(partition: number, position: number): void {
    const lane = this.#lanes[partition] as Lane;
    lane.trimTo = Math.max(lane.trimTo, position);
  }

  backlog(): number {
    let backlog = this.#unsent;
    for (const lane of this.#lanes) backlog += lane.length;
    return backlog;
  }

  held(): number {
    return this.#unsent;
  }

  problem(): string | null {
    // What is buffered cannot be acknowledged.
    const { problem } = this.#connection.health();
    if (problem !== null) return this.#bufferProblem() ?? `new fixes wait for Redis: ${problem}`;
    for (const lane of this.#lanes) {
      const full = this.#laneProblem(lane);
      if (full !== null) return full;
    }
    return null;
  }

  /** Sends what is still to be sent, if that is possible soon. Twice is safe. */
  async shut(): Promise<void> {
    this.#flush();
    const deadline = performance.now() + CLOSE_WITHIN_MS;
    while (this.#unsent > 0 && performance.now() < deadline) await sleep(1);
    await this.#tend();
    this.#stopListening();
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#retry);
    for (const reader of this.#readers.values()) reader.close();
    this.#readers.clear();
  }

  #bufferProblem(): string | null {
    if (this.#unsent < this.#buffer) return null;
    const { problem } = this.#connection.health();
    return problem === null ? null : `${this.#unsent} commands wait for Redis: ${problem}`;
  }

  #laneProblem(lane: Lane): string | null {
    const waiting = lane.length + lane.unsent.length;
    return waiting < this.#cap ? null : `${waiting} commands wait to be stored in partition ${lane.partition}`;
  }

  #schedule(wait = GATHER_MS): void {
    if (this.#scheduled || this.#unsent === 0) return;
    this.#scheduled = true;
    const flush = (): void => {
      this.#scheduled = false;
      this.#flush();
    };
    if (wait === 0) setImmediate(flush);
    else setTimeout(flush, wait);
  }

  /** Everything that is not on its way goes, a batch per partition, in one write per node: one that hangs holds up no other. */
  #flush(): void {
    this.#sinceFlush = 0;
    const byNode = new Map<string | undefined, Lane[]>();
    for (const lane of this.#lanes) {
      if (lane.sending > 0 || lane.unsent.length === 0 || !this.#connection.reaches(lane.key)) continue;
      lane.sending = Math.min(lane.unsent.length, MOST_AT_ONCE);
      const address = this.#connection.addressOf(lane.key);
      const lanes = byNode.get(address);
      if (lanes === undefined) byNode.set(address, [lane]);
      else lanes.push(lane);
    }
    for (const lanes of byNode.values()) void this.#send(lanes);
  }

  async #send(lanes: readonly Lane[]): Promise<void> {
    const textsOf = (lane: Lane): string[] => lane.unsent.slice(0, lane.sending).map(({ text }) => text);
    const replies = await this.#connection.run(lanes.map((lane) => appendCall(lane.key, textsOf(lane))));
    for (const [i, lane] of lanes.entries()) this.#sent(lane, replies[i] ?? null);
    // What came meanwhile has gathered long enough.
    this.#schedule(0);
  }

  #sent(lane: Lane, reply: RedisReply): void {
    const count = lane.sending;
    lane.sending = 0;
    if (typeof reply === 'number' || typeof reply === 'string') {
      lane.unsent.splice(0, count);
      lane.length = typeof reply === 'number' ? reply : lane.length + 1;
      this.#unsent -= count;
      if (typeof reply === 'string' && isCrowded(reply)) void this.#connection.run([skipCall(lane.key, reply)]);
      return;
    }
    if (reply instanceof RedisGone && reply.sent) {
      const kept = lane.unsent.slice(0, count).filter(({ repeatable }) => repeatable);
      lane.unsent.splice(0, count, ...kept);
      this.#unsent -= count - kept.length;
    }
    if (!(reply instanceof RedisGone)) this.#warn('Redis did not take commands for the log; they are tried again', reply);
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#schedule();
    }, RETRY_MS).unref();
  }

  #handOn(batch: readonly { readonly lane: Lane; readonly entries: readonly RawEntry[] }[]): void {
    const entries: LogEntry[] = [];
    const now = Date.now();
    const monotonic = performance.now();
    for (const { lane, entries: raw } of batch) {
      for (const [id, fields] of raw) {
        const position = positionOf(id);
        if (position <= lane.cursor) continue;
        lane.cursor = position;
        const command = this.#decode(lane, id, fields?.[1]);
        if (command === null) continue;
        const age = Math.max(0, now - timeOf(position));
        entries.push({ partition: lane.partition, position, command, appendedAt: monotonic - age });
      }
    }
    if (entries.length > 0) this.#take?.(entries);
  }

  #decode(lane: Lane, id: string, text: string | undefined): Command | null {
    try {
      return decodeCommand(text ?? '');
    } catch (error) {
      this.#warn(`entry ${id} of ${lane.key} is none of ours and was left out`, error);
      return null;
    }
  }

  /** What is done now and then: trimming, looking how much waits, seeing that ids go on growing. */
  async #tend(): Promise<void> {
    const now = performance.now();
    if (now - this.#lastRaised >= RAISE_EVERY_MS) void this.#raise(this.#lanes);
    const trims = this.#lanes.filter((lane) => lane.trimTo > 0);
    const measured = new Set(trims);
    if (now - this.#lastMeasured >= MEASURE_EVERY_MS) {
      this.#lastMeasured = now;
      for (const lane of this.#lanes) if (lane.length > 0) measured.add(lane);
    }
    if (measured.size === 0 || !this.#connection.health().ok) return;
    const calls = trims.map((lane) => trimCall(lane.key, lane.trimTo));
    for (const lane of trims) lane.trimTo = 0;
    for (const lane of measured) calls.push(lengthCall(lane.key));
    const replies = await this.#connection.run(calls);
    let i = trims.length;
    for (const lane of measured) {
      const length = replies[i++];
      // What was appended meanwhile told a newer one.
      if (typeof length === 'number' && lane.sending === 0) lane.length = length;
    }
  }

  async #raise(lanes: readonly Lane[]): Promise<void> {
    this.#lastRaised = performance.now();
    const open = lanes.filter((lane) => lane.opened > 0 && lane.cursor > 0);
    if (open.length > 0) await this.#connection.run(open.map((lane) => raiseCall(lane.key, lane.cursor)));
  }
}
