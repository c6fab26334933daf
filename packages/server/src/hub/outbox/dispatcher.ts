import type { Clock } from '../ports.ts';
import { Endpoints, PER_CONSUMER } from './endpoints.ts';
import type { Claim, Outbox, Sender, SendResult, Settled } from './ports.ts';
import { GIVE_UP_MS, verdict } from './verdict.ts';

/** At once, to all together. */
const AT_ONCE = 32;
const POLL_MS = 250;
/** Without any sign that something is due it is looked all the same this often, ms. */
const LOOK_MS = 30_000;
/** A claim nobody settles is anybody's after this; longer than any try takes, ms. */
const LEASE_MS = 60_000;
/** What is settled within this goes into one transaction, ms. */
const GATHER_MS = 5;
const PRUNE_EVERY_MS = 60_000;
const PRUNE_PAUSE_MS = 20;
const KEEP_MS = 7 * 24 * 3_600_000;
const COUNT_EVERY_MS = 15_000;
/** Tries on their way are waited for this long when it closes, ms. */
const GRACE_MS = 3_000;

export interface DispatcherParts {
  readonly outbox: Outbox;
  readonly sender: Sender;
  readonly clock: Clock;
  /** From [0, 1). */
  readonly chance: () => number;
  /** Names this dispatcher among others on the same outbox. */
  readonly holder: string;
  readonly attempted: (outcome: Settled['outcome']) => void;
  readonly warn: (message: string, error: unknown) => void;
  readonly info: (message: string) => void;
}

/** What came of a try that somebody may want to hear of. */
interface Turn extends Pick<Settled, 'outcome' | 'disable' | 'recovered'> {
  /** The consumer has begun to fail. */
  readonly begins: boolean;
}

/**
 * Sends what is in the outbox: per consumer and key strictly in order, at least once, for three days [W7-W11].
 * What it knows of its work is in the outbox; it may stop at any moment.
 */
export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #endpoints = new Endpoints();
  readonly #abort = new AbortController();
  /** Lanes it is at, by consumer and key. */
  readonly #lanes = new Set<string>();
  readonly #stops: (() => void)[] = [];
  #settled: Settled[] = [];
  #isWanted = false;
  #isWorking = false;
  #isPruning = false;
  #isClosing = false;
  #nextAt: number | null = null;
  #lookedAt = 0;
  #idle: (() => void)[] = [];
  #closed: Promise<void> | undefined;
  #counts = { pending: 0, dead: 0 };

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  start(): void {
    const { clock } = this.#parts;
    this.#stops.push(clock.every(POLL_MS, () => this.#poll()));
    this.#stops.push(clock.every(PRUNE_EVERY_MS, () => void this.#prune()));
    this.#stops.push(clock.every(COUNT_EVERY_MS, () => void this.#count()));
    void this.#count();
    this.wake();
  }

  /** There may be something to send. */
  wake(): void {
    if (this.#isClosing) return;
    this.#isWanted = true;
    void this.#work();
  }

  /** A consumer was changed: it gets another chance. */
  changed(consumerId: string): void {
    this.#endpoints.forget(consumerId);
    this.wake();
  }

  isFailing(consumerId: string): boolean {
    return this.#endpoints.isFailing(consumerId);
  }

  /** How many deliveries wait and how many were given up, as of a few seconds ago. */
  get counts(): { readonly pending: number; readonly dead: number } {
    return this.#counts;
  }

  /** Resolves once nothing is on its way and nothing more is due. */
  async idle(): Promise<void> {
    if (!this.#isIdle()) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Tries on their way are finished, or given back after a while. Twice is safe. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    this.#isWanted = false;
    for (const stop of this.#stops.splice(0)) stop();
    // A store that cannot write is not waited for when nothing would be lost.
    if (this.#lanes.size > 0 || this.#settled.length > 0) await within(GRACE_MS, this.idle());
    this.#abort.abort();
    if (this.#lanes.size > 0 || this.#settled.length > 0) await within(GRACE_MS, this.idle());
  }

  #poll(): void {
    const now = this.#parts.clock.now();
    const isDue = this.#nextAt !== null && this.#nextAt <= now;
    if (this.#endpoints.wakes(now) || isDue || this.#settled.length > 0 || now - this.#lookedAt >= LOOK_MS) this.wake();
  }

  /** Settles and claims, round by round, until a round is not wanted any more. */
  async #work(): Promise<void> {
    if (this.#isWorking) return;
    this.#isWorking = true;
    while (this.#isWanted || (this.#isClosing && this.#settled.length > 0)) {
      this.#isWanted = false;
      if (!(await this.#exchange())) break;
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    }
    this.#isWorking = false;
    this.#tellIdle();
  }

  async #exchange(): Promise<boolean> {
    const { outbox, clock, holder, warn } = this.#parts;
    const now = clock.now();
    const settled = this.#settled;
    this.#settled = [];
    this.#lookedAt = now;
    try {
      const limit = this.#isClosing ? 0 : AT_ONCE - this.#lanes.size;
      const room = this.#endpoints.room(now);
      const leaseUntil = now + LEASE_MS;
      const { claims, nextAt } = await outbox.exchange({ now, holder, leaseUntil, settled, limit, perConsumer: PER_CONSUMER, room });
      this.#nextAt = nextAt;
      // Claimed while it closed: not begun, so that nothing outlives it; the lease ends, or the next start ends it.
      if (!this.#abort.signal.aborted) for (const claim of claims) void this.#attempt(claim);
      return true;
    } catch (error) {
      this.#settled = [...settled, ...this.#settled];
      warn('the outbox does not answer; what is to go out waits', error);
      return false;
    }
  }

  async #attempt(claim: Claim): Promise<void> {
    const { sender, clock } = this.#parts;
    const { consumer, message } = claim;
    const lane = `${consumer.id} ${message.key}`;
    // Its lease ran out while it was on its way: the try that is under way settles it.
    if (this.#lanes.has(lane)) return;
    this.#lanes.add(lane);
    this.#endpoints.begin(consumer.id);
    const at = clock.now();
    const result = await sender.send(consumer, message, at, this.#abort.signal);
    this.#lanes.delete(lane);
    this.#settled.push(this.#judge(claim, result, at));
    if (this.#isClosing) void this.#work();
    else this.wake();
  }

  #judge(claim: Claim, result: SendResult, at: number): Settled {
    const { clock, chance, attempted } = this.#parts;
    const { consumer, message } = claim;
    const now = clock.now();
    const about = { consumerId: consumer.id, key: message.key, messageId: message.id };
    if (this.#abort.signal.aborted && result.status === null) {
      this.#endpoints.abandon(consumer.id);
      attempted('given back');
      return { ...about, outcome: 'given back', attempt: null, retryAt: now, disable: null, recovered: false };
    }
    const { restUntil, ...decided } = verdict(claim, result, now, chance());
    const { duration, status, error, answer } = result;
    let recovered = false;
    let begins = false;
    if (decided.outcome === 'delivered') recovered = this.#endpoints.delivered(consumer.id);
    else begins = this.#endpoints.failed(consumer.id, now, restUntil, chance());
    this.#tell(claim, result, { ...decided, recovered, begins });
    attempted(decided.outcome);
    return { ...about, ...decided, attempt: { at, duration, status, error, answer }, recovered };
  }

  /** By ids alone: addresses of webhooks may be secrets. */
  #tell({ consumer: { id }, message }: Claim, { status, error }: SendResult, turn: Turn): void {
    const { warn, info } = this.#parts;
    const why = error ?? `it answered ${status}`;
    if (turn.recovered) info(`${id} takes messages again`);
    if (turn.begins)
      warn(`${id} fails again and again and gets one message at a time until it answers: see GET /v1/webhooks/${id}/deliveries`, why);
    if (turn.disable !== null) warn(`${id} is disabled, ${turn.disable}: PATCH /v1/webhooks/${id} enables it again`, why);
    if (turn.outcome === 'dead')
      warn(`${message.id} (${message.type}) was given up: once ${id} is well, POST /v1/webhooks/${id}/replay delivers it again`, why);
  }

  async #prune(): Promise<void> {
    if (this.#isPruning) return;
    this.#isPruning = true;
    const { outbox, clock, warn } = this.#parts;
    const now = clock.now();
    try {
      while (!this.#isClosing && (await outbox.prune(now, now - GIVE_UP_MS, now - KEEP_MS)))
        await new Promise((resolve) => setTimeout(resolve, PRUNE_PAUSE_MS));
    } catch (error) {
      warn('old messages could not be removed from the outbox', error);
    }
    this.#isPruning = false;
    this.#tellIdle();
  }

  async #count(): Promise<void> {
    try {
      this.#counts = await this.#parts.outbox.counts();
    } catch (error) {
      this.#parts.warn('the outbox could not be counted', error);
    }
  }

  #isIdle(): boolean {
    return !this.#isWorking && !this.#isPruning && this.#lanes.size === 0 && this.#settled.length === 0;
  }

  #tellIdle(): void {
    if (this.#isIdle()) for (const resolve of this.#idle.splice(0)) resolve();
  }
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}
