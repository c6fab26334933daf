import type { AckMessage, ErrorMessage, OpenedMessage } from '@waycast/protocol';
import { Bucket } from './bucket.ts';
import { ClientError } from './client-error.ts';
import { emit } from './emit.ts';
import { FixQueue } from './fix-queue.ts';
import { fixText, type PublishFix } from './fix-text.ts';
import type { Lane } from './lane.ts';
import { LIMITS } from './limits.ts';
import type { PublishedFix, PublisherOptions } from './publisher-options.ts';
import { randomId } from './random-id.ts';
import { isRetryableCode } from './retryable.ts';
import type { StreamClient } from './stream.ts';
import { Waiters } from './waiters.ts';

/** ms: an older fix is no live one */
const FRESH = 2_000;
/** ms to collect a batch before it goes out */
const LINGER = 250;
/** ms without progress, though something is on its way, before the server is asked where it stands */
const STALL = 15_000;
/** bytes of a message besides its fixes */
const ENVELOPE = 256;

/**
 * Publishes the fixes of one driver over a `StreamClient`: numbers them from 1, holds every one until the server stored
 * it, and sends again what a lost connection or a full server did not take (A1-A4). In order always: a later fix never
 * overtakes an earlier one that is still to be sent, or the earlier would not count for trips any more (F11).
 */
export class Publisher {
  readonly #client: StreamClient;
  readonly #options: PublisherOptions;
  readonly #copies: number;
  readonly #queue: FixQueue;
  readonly #live: Bucket;
  readonly #backlog: Bucket;
  readonly #waiters = new Waiters();
  #stream: string;
  #detach: () => void = () => {};
  #status: 'away' | 'opening' | 'ready' | 'ended' = 'away';
  /** what the server is known to have settled */
  #settled = 0;
  #published = false;
  #dropped = 0;
  #notBefore = 0;
  #progressAt = 0;
  #pumpTimer: ReturnType<typeof setTimeout> | undefined;
  #stallTimer: ReturnType<typeof setTimeout> | undefined;
  #end: ClientError | undefined;

  constructor(client: StreamClient, options: PublisherOptions = {}) {
    this.#client = client;
    this.#options = options;
    this.#copies = Math.max(1, options.copies ?? 1);
    this.#queue = new FixQueue(options.capacity ?? 50_000);
    const now = performance.now();
    const interval = options.live?.interval ?? 1;
    const rate = options.backlog?.rate ?? 200;
    this.#live = new Bucket(interval > 0 ? 1 / interval : Number.POSITIVE_INFINITY, options.live?.burst ?? 5, now);
    this.#backlog = new Bucket(rate > 0 ? rate : Number.POSITIVE_INFINITY, options.backlog?.burst ?? 1_500, now);
    this.#stream = options.stream ?? randomId();
    this.#attach();
  }

  /** how many fixes are not known to be stored */
  get pending(): number {
    return this.#queue.size;
  }

  /** how many are durable or refused for good */
  get stored(): number {
    return this.#queue.base - 1 - this.#dropped;
  }

  /** how many were lost to a full queue */
  get dropped(): number {
    return this.#dropped;
  }

  /** the name of the numbering in use */
  get stream(): string {
    return this.#stream;
  }

  /**
   * Takes a fix, answers its number. Never waits: what cannot be sent now is queued.
   * @throws ClientError `invalid_fix` naming the field, `closed` after `close()`
   */
  publish(fix: PublishFix): number {
    if (this.#status === 'ended') throw this.#end ?? new ClientError('closed', 'the publisher is closed');
    const text = fixText(fix, Date.now());
    const seq = this.#queue.next;
    const dropped = this.#queue.push(text, performance.now());
    if (dropped > 0) {
      this.#dropped += dropped;
      emit(this.#options.onDropped, this.#dropped);
    }
    this.#pump();
    return seq;
  }

  /** Resolves when all that was published is stored. @throws ClientError `timeout`, or why the stream ended */
  flush(timeoutMs?: number): Promise<void> {
    return this.room(0, timeoutMs);
  }

  /** Resolves when at most `atMost` fixes are not stored: how a fast source waits for the server. Throws as `flush`. */
  room(atMost: number, timeoutMs?: number): Promise<void> {
    if (this.#end !== undefined && this.pending > atMost) return Promise.reject(this.#end);
    return this.#waiters.wait(this.pending, atMost, timeoutMs);
  }

  /** Stops at once; what is not stored is lost, so `flush` before. Twice is fine. */
  close(): void {
    this.#finish(new ClientError('closed', 'the publisher is closed'));
  }

  #attach(): void {
    const lane: Lane = {
      stream: this.#stream,
      driver: this.#options.driver,
      up: () => this.#open(),
      down: () => this.#down(),
      ended: (error) => this.#finish(error),
      opened: (message) => this.#opened(message),
      acknowledged: (message) => this.#acknowledged(message),
      refused: (message) => this.#refused(message),
    };
    this.#detach = this.#client.attach(lane);
    // The client may have been closed before: then attaching ended this publisher, and the lane goes at once.
    if (this.#status === 'ended') this.#detach();
  }

  #open(): void {
    if (this.#status === 'ended') return;
    this.#status = 'opening';
    this.#client.send(JSON.stringify({ type: 'open', stream: this.#stream, ...this.#driver(), ref: this.#stream }));
    this.#watchProgress(true);
  }

  #down(): void {
    if (this.#status !== 'ended') this.#status = 'away';
    clearTimeout(this.#pumpTimer);
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
  }

  #opened({ accepted, stored }: OpenedMessage): void {
    if (!this.#published && (accepted > 0 || stored > 0)) {
      // Somebody counted under this name before: the server would take our first fixes for theirs.
      this.#detach();
      this.#stream = randomId();
      this.#attach();
      return;
    }
    this.#status = 'ready';
    this.#notBefore = 0;
    // After a loss the server may hold less than it once said; then `base` tells it where we stand.
    this.#settled = stored;
    this.#queue.settle(stored);
    this.#queue.resume(accepted);
    this.#progressed();
  }

  #acknowledged({ accepted, stored, rejected, suspect }: AckMessage): void {
    for (const { seq, code, message } of rejected ?? []) emit(this.#options.onRejected, { seq, code, message, fix: this.#fix(seq) });
    for (const { seq, reason } of suspect ?? []) emit(this.#options.onSuspect, { seq, reason, fix: this.#fix(seq) });
    const moved = stored > this.#settled || accepted > this.#queue.accepted || rejected !== undefined;
    this.#settled = Math.max(this.#settled, stored);
    this.#queue.settle(stored);
    this.#queue.accept(accepted);
    // A server that lost a number says the same again and again: that is no progress, and asking anew is what helps.
    if (moved) this.#progressed();
  }

  #refused(message: ErrorMessage): void {
    const { code, seq } = message;
    const error = new ClientError(code, message.message, { field: message.field, retryAfter: message.retryAfter });
    if (code === 'stream_not_open') this.#open();
    else if (isRetryableCode(code)) {
      if (seq === undefined && this.#status === 'ready' && this.#queue.unacknowledged === 0) return;
      this.#queue.refuse(seq);
      this.#notBefore = Math.max(this.#notBefore, performance.now() + (message.retryAfter ?? 1) * 1000);
      if (this.#status === 'opening') this.#schedule(() => this.#open(), this.#notBefore - performance.now());
      else this.#pump();
    } else if (message.ref === this.#stream) {
      emit(this.#options.onError, error);
      this.#finish(error);
    } else if (seq === undefined) emit(this.#options.onError, error);
    // A final refusal of one fix is listed in an ack, which settles it.
  }

  #progressed(): void {
    this.#progressAt = performance.now();
    emit(this.#options.onStored, this.stored);
    this.#waiters.check(this.pending);
    this.#pump();
  }

  #pump(): void {
    if (this.#status !== 'ready') return;
    clearTimeout(this.#pumpTimer);
    const now = performance.now();
    let wait = Math.max(0, this.#notBefore - now);
    while (wait === 0 && this.#queue.unsent > 0) wait = this.#sendNext(now);
    if (this.#queue.unsent > 0 && Number.isFinite(wait)) this.#schedule(() => this.#pump(), wait);
    this.#watchProgress(false);
  }

  /** Sends one message; answers 0, or the ms to wait before trying again (Infinity: until an acknowledgement). */
  #sendNext(now: number): number {
    const queue = this.#queue;
    const first = queue.first();
    if (first === undefined) return Number.POSITIVE_INFINITY;
    if (!this.#client.writable) return 50;
    const end = queue.base + LIMITS.window;
    const room = Math.min((this.#options.window ?? 1_000) - queue.unacknowledged, end - first.seq, queue.unsent);
    if (room <= 0) return Number.POSITIVE_INFINITY;
    const age = now - first.at;
    if (queue.unsent === 1 && age < FRESH && this.#live.take(this.#copies, now)) {
      this.#sendFixes('fix', 1, end);
      return 0;
    }
    const batch = this.#options.batch ?? 100;
    if (queue.unsent < batch && age < LINGER) return LINGER - age;
    const wanted = Math.min(batch, room);
    const affordable = Math.floor(this.#backlog.available(now) / this.#copies);
    // Not in dribs and drabs: half a batch at least, unless less is waiting.
    if (affordable < Math.min(wanted, batch / 2)) return Math.max(1, this.#backlog.wait(Math.min(wanted, batch / 2) * this.#copies, now));
    this.#backlog.take(this.#sendFixes('fixes', Math.min(wanted, affordable), end) * this.#copies, now);
    return 0;
  }

  #sendFixes(type: 'fix' | 'fixes', count: number, end: number): number {
    const base = this.#queue.base;
    const { parts } = this.#queue.take(count, end, LIMITS.message - ENVELOPE);
    // `base` matters only when the server still waits for numbers that are gone here.
    const head = JSON.stringify({ type, ...this.#driver(), ...(base > this.#settled + 1 ? { base } : {}) }).slice(0, -1);
    const text = type === 'fix' ? `${head},${(parts[0] ?? '{').slice(1)}` : `${head},"fixes":[${parts.join(',')}]}`;
    for (let copy = 0; copy < this.#copies; copy++) this.#client.send(text);
    this.#published = true;
    return parts.length;
  }

  /** An acknowledgement that does not come, or an `opened`: ask again. Nothing is lost by sending twice. */
  #watchProgress(restart: boolean): void {
    if (restart) {
      clearTimeout(this.#stallTimer);
      this.#stallTimer = undefined;
      this.#progressAt = performance.now();
    }
    const onItsWay = this.#status === 'opening' || (this.#status === 'ready' && this.#queue.size > this.#queue.unsent);
    if (this.#stallTimer !== undefined || !onItsWay) return;
    const left = this.#progressAt + STALL - performance.now();
    this.#stallTimer = setTimeout(
      () => {
        this.#stallTimer = undefined;
        if (performance.now() - this.#progressAt >= STALL - 1) this.#open();
        else this.#watchProgress(false);
      },
      Math.max(left, 1),
    );
  }

  #schedule(action: () => void, wait: number): void {
    clearTimeout(this.#pumpTimer);
    this.#pumpTimer = setTimeout(action, Math.max(wait, 0));
  }

  #finish(error: ClientError): void {
    if (this.#status === 'ended') return;
    this.#down();
    this.#status = 'ended';
    this.#end = error;
    this.#detach();
    this.#waiters.fail(error);
  }

  #driver(): { driver?: string } {
    return this.#options.driver === undefined ? {} : { driver: this.#options.driver };
  }

  #fix(seq: number): PublishedFix | undefined {
    const text = this.#queue.text(seq);
    return text === undefined ? undefined : (JSON.parse(`{${text}}`) as PublishedFix);
  }
}
