import { setTimeout as sleep } from 'node:timers/promises';
import { WaycastError } from '@waycast/protocol';
import type { Command } from '../../core/commands.ts';
import { weightOf } from '../../core/weight.ts';
import { type Log, type LogEntry, PARTITIONS } from '../../hub/ports.ts';
import type { RedisConnection } from '../redis/redis-connection.ts';
import { Appender } from './appender.ts';
import { logKey } from './backlog.ts';
import { decodeCommand } from './command-codec.ts';
import { HandedOn } from './handed-on.ts';
import { type Lane, newLane } from './lane.ts';
import { positionOf, timeOf } from './positions.ts';
import { lengthCall, raiseCall, sizeCall, trimCall } from './scripts.ts';
import { type RawEntry, StreamReader } from './stream-reader.ts';

export interface RedisLogOptions {
  readonly connection: RedisConnection;
  /** So many may wait to be stored in one partition [P5]. */
  readonly cap?: number;
  /** And so many bytes of them. */
  readonly capBytes?: number;
  /** So many fixes and other commands may be handed on and not stored yet. */
  readonly handedOn?: number;
  /** So many may wait in this process while Redis is away, or refuses them. */
  readonly buffer?: number;
  /** So many characters of them may wait in this process at any time. */
  readonly bufferChars?: number;
  readonly warn: (message: string, error: unknown) => void;
  readonly info?: (message: string) => void;
}

export const CAP = 20_000;
/** A command may be one fix, of some 200 bytes, or a thousand, of 90 KB. */
export const CAP_BYTES = 8 * 1_024 * 1_024;
/** What waits in the memory of an owner while PostgreSQL is away: more of it stays in Redis. */
export const HANDED_ON = 400_000;
export const BUFFER = 10_000;
export const BUFFER_CHARS = 64 * 1_024 * 1_024;
const RETRY_AFTER_S = 5;
const TRIM_EVERY_MS = 100;
const MEASURE_EVERY_MS = 250;
/** How often it is made sure that ids go on above what was handed on, ms. */
const RAISE_EVERY_MS = 2_000;
const CLOSE_WITHIN_MS = 2_000;

/** The log of many processes: a stream per partition, each appended to, read, trimmed and measured. */
export class RedisLog implements Log {
  readonly #connection: RedisConnection;
  readonly #cap: number;
  readonly #capBytes: number;
  readonly #mostHandedOn: number;
  readonly #handedOn = new HandedOn();
  readonly #warn: (message: string, error: unknown) => void;
  readonly #lanes: readonly Lane[];
  readonly #appender: Appender;
  /** One for all partitions; in a Cluster one for each that is open. */
  readonly #readers = new Map<number, StreamReader>();
  #take: ((entries: readonly LogEntry[]) => void) | undefined;
  #openings = 0;
  #lastMeasured = 0;
  #lastRaised = 0;
  readonly #timers: NodeJS.Timeout[];
  readonly #stopListening: () => void;

  constructor({ connection, warn, info = () => undefined, ...limits }: RedisLogOptions) {
    const { cap = CAP, capBytes = CAP_BYTES, handedOn = HANDED_ON, buffer = BUFFER, bufferChars = BUFFER_CHARS } = limits;
    this.#connection = connection;
    this.#cap = cap;
    this.#capBytes = capBytes;
    this.#mostHandedOn = handedOn;
    this.#warn = warn;
    this.#lanes = Array.from({ length: PARTITIONS }, (_, partition) => newLane(partition, logKey(connection.prefix, partition)));
    this.#appender = new Appender({ connection, lanes: this.#lanes, buffer, bufferChars, warn, info });
    this.#timers = [setInterval(() => void this.#tend(), TRIM_EVERY_MS).unref()];
    this.#stopListening = connection.onChange(() => {
      if (connection.cluster) for (const reader of this.#readers.values()) reader.moved();
      this.#appender.schedule();
    });
  }

  append(partition: number, command: Command): void {
    const lane = this.#lanes[partition] as Lane;
    if (command.kind !== 'tick' && command.kind !== 'adopt') {
      const problem = this.#appender.full(lane) ?? this.#laneProblem(lane);
      if (problem !== null) throw new WaycastError('storage_unavailable', problem, { retryAfter: RETRY_AFTER_S });
    }
    this.#appender.append(lane, command);
  }

  consume(take: (entries: readonly LogEntry[]) => void): void {
    this.#take = take;
  }

  open(partition: number, after: number): void {
    const lane = this.#lanes[partition] as Lane;
    lane.opened = ++this.#openings;
    lane.cursor = after;
    this.#handedOn.forget(partition);
    void this.#raise([lane]);
    const place = this.#connection.cluster ? partition : 0;
    let reader = this.#readers.get(place);
    if (reader === undefined) {
      reader = new StreamReader(this.#connection, lane.key, {
        take: (batch) => this.#handOn(batch),
        back: () => void this.#raise(this.#lanes),
        open: () => this.#lanes.reduce((count, { opened }) => (opened > 0 ? count + 1 : count), 0),
        mayGoOn: () => this.#pause() === null,
      });
      this.#readers.set(place, reader);
    }
    reader.add(lane);
  }

  close(partition: number): void {
    const lane = this.#lanes[partition] as Lane;
    if (lane.opened === 0) return;
    lane.opened = 0;
    this.#handedOn.forget(partition);
    this.#goOn();
    const reader = this.#readers.get(this.#connection.cluster ? partition : 0);
    reader?.remove(lane);
    if (!this.#connection.cluster) return;
    reader?.close();
    this.#readers.delete(partition);
  }

  trim(partition: number, position: number): void {
    const lane = this.#lanes[partition] as Lane;
    lane.trimTo = Math.max(lane.trimTo, position);
    this.#handedOn.stored(partition, position);
    this.#goOn();
  }

  backlog(): number {
    let backlog = this.#appender.held();
    for (const lane of this.#lanes) backlog += lane.length;
    return backlog;
  }

  held(): number {
    return this.#appender.held();
  }

  problem(partition?: number): string | null {
    // What is buffered cannot be acknowledged.
    const lane = partition === undefined ? undefined : this.#lanes[partition];
    const problem = this.#appender.problem(lane);
    if (problem !== null) return problem;
    if (lane !== undefined) return this.#laneProblem(lane) ?? (lane.opened > 0 ? this.#pause() : null);
    const isFull = this.#lanes.every((lane) => this.#laneProblem(lane) !== null);
    return isFull ? `${this.#cap} commands, or ${this.#capBytes} bytes of them, wait to be stored in every partition` : null;
  }

  /** Sends what is still to be sent, if that is possible soon. Twice is safe. */
  async shut(): Promise<void> {
    this.#appender.flush();
    const deadline = performance.now() + CLOSE_WITHIN_MS;
    while (this.#appender.held() > 0 && performance.now() < deadline) await sleep(1);
    await this.#tend();
    this.#stopListening();
    for (const timer of this.#timers) clearInterval(timer);
    this.#appender.close();
    for (const reader of this.#readers.values()) reader.close();
    this.#readers.clear();
  }

  #laneProblem(lane: Lane): string | null {
    const waiting = lane.length + lane.unsent.length;
    if (waiting >= this.#cap) return `${waiting} commands wait to be stored in partition ${lane.partition}`;
    if (lane.bytes < this.#capBytes) return null;
    return `${waiting} commands wait to be stored in partition ${lane.partition}, ${lane.bytes} bytes`;
  }

  /** Why nothing is read now; null when it is. */
  #pause(): string | null {
    const { weight } = this.#handedOn;
    return weight < this.#mostHandedOn ? null : `${weight} fixes and other commands that were read wait to be stored`;
  }

  /** Readers that stopped because too much was handed on read again when that is over. */
  #goOn(): void {
    if (this.#pause() !== null) return;
    for (const reader of this.#readers.values()) reader.goOn();
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
        this.#handedOn.add(lane.partition, position, weightOf(command));
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
    this.#appender.review();
    const trims = this.#lanes.filter(({ trimTo }) => trimTo > 0).map((lane) => ({ lane, to: lane.trimTo }));
    const measured = new Set(trims.map(({ lane }) => lane));
    if (now - this.#lastMeasured >= MEASURE_EVERY_MS) {
      this.#lastMeasured = now;
      for (const lane of this.#lanes) if (lane.length > 0) measured.add(lane);
    }
    if (measured.size === 0 || !this.#connection.health().ok) return;
    const calls = trims.map(({ lane, to }) => trimCall(lane.key, to));
    for (const { lane } of trims) lane.trimTo = 0;
    for (const lane of measured) calls.push(lengthCall(lane.key), sizeCall(lane.key));
    const replies = await this.#connection.run(calls);
    // Refused, or lost: nobody will say it again when nothing new is taken meanwhile.
    for (const [i, { lane, to }] of trims.entries()) if (replies[i] instanceof Error) lane.trimTo = Math.max(lane.trimTo, to);
    let i = trims.length;
    for (const lane of measured) {
      const [length, size] = [replies[i++], replies[i++]];
      // What was appended meanwhile told a newer one.
      if (typeof length === 'number' && lane.sending === 0) lane.length = length;
      lane.bytes = typeof size === 'number' ? size : 0;
    }
  }

  async #raise(lanes: readonly Lane[]): Promise<void> {
    this.#lastRaised = performance.now();
    const open = lanes.filter((lane) => lane.opened > 0 && lane.cursor > 0);
    if (open.length > 0) await this.#connection.run(open.map((lane) => raiseCall(lane.key, lane.cursor)));
  }
}
