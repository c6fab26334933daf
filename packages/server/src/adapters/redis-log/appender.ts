import type { Command } from '../../core/commands.ts';
import { RedisGone, type RedisReply } from '../redis/link.ts';
import type { RedisConnection } from '../redis/redis-connection.ts';
import { refusalCode, remedyFor } from '../redis/remedy.ts';
import { encodeCommand } from './command-codec.ts';
import type { Lane } from './lane.ts';
import { appendCall, isCrowded, MOST_AT_ONCE, skipCall } from './scripts.ts';

export interface AppenderOptions {
  readonly connection: RedisConnection;
  readonly lanes: readonly Lane[];
  /** So many commands may wait in this process while Redis is away or refuses them. */
  readonly buffer: number;
  /** So many characters of commands may wait in this process at any time. */
  readonly bufferChars: number;
  readonly warn: (message: string, error: unknown) => void;
  readonly info: (message: string) => void;
}

/** What comes within this goes in one write: each costs more than all that is in it. */
const GATHER_MS = 1;
/** Under load a write follows the one before after so long, ms. */
const PACE_MS = 4;
const AT_ONCE = 128;
const RETRY_MS = 100;
/** Refused nothing for so long: a Redis at its limit refuses and takes by turns, and is told of once, ms. */
const CALM_MS = 2_000;

/** Their repeats are recognised [A6]; of the others a second one would do harm, and whoever asked was told to ask again. */
const REPEATABLE: ReadonlySet<Command['kind']> = new Set(['fixes', 'refused', 'open', 'tick', 'adopt']);

/**
 * From this process into the streams. Order holds per partition, over lost connections and refusals too: a batch is one
 * script, and the next one waits for its answer.
 */
export class Appender {
  readonly #parts: AppenderOptions;
  #unsent = 0;
  #chars = 0;
  #sinceFlush = 0;
  #scheduled = false;
  #flushedAt = Number.NEGATIVE_INFINITY;
  #retry: NodeJS.Timeout | undefined;
  /** The kinds of refusal that were told of. */
  readonly #told = new Set<string>();
  #refusedAt = 0;

  constructor(parts: AppenderOptions) {
    this.#parts = parts;
  }

  append(lane: Lane, command: Command): void {
    const text = encodeCommand(command);
    lane.unsent.push({ text, repeatable: REPEATABLE.has(command.kind) });
    this.#unsent++;
    this.#chars += text.length;
    lane.bytes += text.length;
    if (++this.#sinceFlush >= AT_ONCE) this.flush();
    else this.schedule(this.#paced(GATHER_MS));
  }

  held(): number {
    return this.#unsent;
  }

  /** Why nothing more may wait for this partition; null when it may. */
  full(lane: Lane): string | null {
    if (this.#chars >= this.#parts.bufferChars) return `${this.#unsent} commands wait for Redis, ${this.#chars} characters`;
    if (this.#unsent < this.#parts.buffer) return null;
    const why = this.#obstacle(lane);
    return why === null ? null : `${this.#unsent} commands wait for Redis: ${why}`;
  }

  /** Why what is appended to this partition, or to any, comes no further than this process; null when it does. */
  problem(lane?: Lane): string | null {
    const { connection, lanes, buffer, bufferChars } = this.#parts;
    const ofAll = connection.health().problem ?? lanes.find(({ refusal }) => refusal?.isOfAll)?.refusal?.why ?? null;
    const why = lane === undefined ? ofAll : this.#obstacle(lane);
    if (why === null) return this.#chars < bufferChars ? null : `${this.#unsent} commands wait for Redis`;
    return this.#unsent < buffer ? `new fixes wait for Redis: ${why}` : `${this.#unsent} commands wait for Redis: ${why}`;
  }

  schedule(wait = GATHER_MS): void {
    if (this.#scheduled || this.#unsent === 0) return;
    this.#scheduled = true;
    const flush = (): void => {
      this.#scheduled = false;
      this.flush();
    };
    if (wait === 0) setImmediate(flush);
    else setTimeout(flush, wait);
  }

  /** Everything that is not on its way goes, a batch per partition, in one write per node: one that hangs holds up no other. */
  flush(): void {
    this.#sinceFlush = 0;
    const { connection, lanes } = this.#parts;
    const now = performance.now();
    this.#flushedAt = now;
    const byNode = new Map<string | undefined, Lane[]>();
    for (const lane of lanes) {
      if (lane.sending > 0 || lane.unsent.length === 0 || !connection.reaches(lane.key)) continue;
      if (lane.refusal !== null && now < lane.refusal.retryAt) {
        this.#flushLater();
        continue;
      }
      // Whether it takes them again one shows as well as a thousand.
      lane.sending = lane.refusal === null ? Math.min(lane.unsent.length, MOST_AT_ONCE) : 1;
      const address = connection.addressOf(lane.key);
      const others = byNode.get(address);
      if (others === undefined) byNode.set(address, [lane]);
      else others.push(lane);
    }
    for (const ready of byNode.values()) void this.#send(ready);
  }

  /** Tells once Redis has taken everything for a while. To be called now and then. */
  review(): void {
    if (this.#told.size === 0 || performance.now() - this.#refusedAt < CALM_MS) return;
    if (this.#parts.lanes.some(({ refusal }) => refusal !== null)) return;
    this.#told.clear();
    this.#parts.info('Redis takes commands for the log again');
  }

  close(): void {
    clearTimeout(this.#retry);
  }

  /** So long to wait, `least` or until a write is due again, ms. */
  #paced(least: number): number {
    return Math.max(least, this.#flushedAt + PACE_MS - performance.now());
  }

  /** Why a partition's commands do not reach Redis, or are not taken there; null when they are. */
  #obstacle(lane: Lane): string | null {
    const { connection, lanes } = this.#parts;
    if (!connection.reaches(lane.key)) return connection.health().problem ?? 'no node of the Cluster serves this partition now';
    if (lane.refusal !== null || this.#told.size === 0) return lane.refusal?.why ?? null;
    const address = connection.addressOf(lane.key);
    const other = lanes.find(({ refusal, key }) => refusal?.isOfAll && connection.addressOf(key) === address);
    return other?.refusal?.why ?? null;
  }

  async #send(lanes: readonly Lane[]): Promise<void> {
    const textsOf = (lane: Lane): string[] => lane.unsent.slice(0, lane.sending).map(({ text }) => text);
    const replies = await this.#parts.connection.write(lanes.map((lane) => appendCall(lane.key, textsOf(lane))));
    for (const [i, lane] of lanes.entries()) this.#sent(lane, replies[i] ?? null);
    this.schedule(this.#paced(0));
  }

  #sent(lane: Lane, reply: RedisReply): void {
    const count = lane.sending;
    lane.sending = 0;
    lane.refusal = null;
    if (typeof reply === 'number' || typeof reply === 'string') {
      this.#settle(lane, count, () => false);
      lane.length = typeof reply === 'number' ? reply : lane.length + 1;
      if (typeof reply === 'string' && isCrowded(reply)) void this.#parts.connection.run([skipCall(lane.key, reply)]);
      return;
    }
    if (!(reply instanceof RedisGone)) this.#refused(lane, reply instanceof Error ? reply : new Error(`the answer ${String(reply)}`));
    else if (reply.sent) this.#settle(lane, count, ({ repeatable }) => repeatable);
    this.#flushLater();
  }

  #flushLater(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.schedule(0);
    }, RETRY_MS).unref();
  }

  /** Of the first ones only these are still to be sent. */
  #settle(lane: Lane, count: number, remains: (unsent: Lane['unsent'][number]) => boolean): void {
    const first = lane.unsent.slice(0, count);
    const kept = first.filter(remains);
    lane.unsent.splice(0, count, ...kept);
    this.#unsent -= count - kept.length;
    for (const one of first) this.#chars -= one.text.length;
    for (const one of kept) this.#chars += one.text.length;
  }

  /** Nothing of it was done. */
  #refused(lane: Lane, refusal: Error): void {
    const code = refusalCode(refusal);
    this.#refusedAt = performance.now();
    lane.refusal = {
      why: `Redis refuses them, ${remedyFor(refusal)}`,
      isOfAll: code !== 'WRONGTYPE',
      retryAt: this.#refusedAt + RETRY_MS,
    };
    if (this.#told.has(code)) return;
    this.#told.add(code);
    const { warn, buffer } = this.#parts;
    warn(
      `Redis refuses commands for the log (${code}): ${remedyFor(refusal)}; up to ${buffer} wait here, more are refused; both end by themselves once it takes them`,
      refusal,
    );
  }
}
