import { canaryOf } from '../core/canary.ts';
import { fixFrom } from '../core/fix.ts';
import type { Delivery } from './delivery.ts';
import { partitionOf } from './partition.ts';
import type { Clock, Log } from './ports.ts';
import type { Replies } from './replies.ts';
import type { Watcher } from './watchers.ts';
import type { Watching } from './watching.ts';

/** A fix that has not arrived by then has failed, ms; one that took longer than this is slow. */
const WITHIN_MS = 5_000;
const SLOW_MS = 1_000;
/** It drives round a circle, degrees: 5 m a round, which nobody finds implausible. */
const RADIUS = 0.0005;
const STEP = 0.1;

/** How the canary fares; ms. */
export interface CanaryMeter {
  arrived(stage: CanaryStage, after: number): void;
  failed(stage: CanaryStage): void;
  /** A round in which everything arrived. */
  succeeded(): void;
}

export type CanaryStage = 'watcher' | 'stored';

export interface CanaryParts {
  readonly home: number;
  readonly log: Log;
  readonly clock: Clock;
  readonly replies: Replies;
  readonly watching: Watching;
  readonly meter: CanaryMeter;
  readonly everyMs: number;
  readonly warn: (message: string, error: unknown) => void;
  readonly info: (message: string) => void;
}

/**
 * A client of our own: a hidden driver whose fixes go the road of all fixes, by whichever process owns its partition,
 * and a watcher of its trip in this process. It says how long that takes, and when it does not work [U3].
 */
export class Canary implements Watcher {
  readonly #parts: CanaryParts;
  readonly #id: string;
  readonly #stop: () => void;
  #follows = false;
  #isDriving = false;
  #rounds = 0;
  /** Capture time of the fix that is waited for, and what to do when it is there. */
  #expected: { readonly at: number; readonly arrived: () => void } | null = null;
  /** What the log was told last. */
  #told = '';

  constructor(parts: CanaryParts) {
    this.#parts = parts;
    this.#id = canaryOf(parts.home);
    this.#stop = parts.clock.every(parts.everyMs, () => void this.#round());
  }

  deliver(delivery: Delivery): void {
    const at = delivery.type === 'location' ? delivery.fix.at : delivery.type === 'snapshot' ? delivery.location?.at : undefined;
    if (at !== undefined && this.#expected !== null && at >= this.#expected.at) this.#expected.arrived();
  }

  close(): void {
    this.#stop();
    this.#parts.watching.unsubscribe(this.#feed, this);
  }

  get #feed(): string {
    return `trip:${this.#id}`;
  }

  async #round(): Promise<void> {
    if (this.#isDriving) return;
    this.#isDriving = true;
    try {
      this.#follows ||= await this.#parts.watching.followTrip(this.#id, this, () => undefined);
      await this.#drive();
    } catch (error) {
      this.#parts.meter.failed('watcher');
      this.#tell('could not begin to watch its trip: look at the database and at Redis', error);
    } finally {
      this.#isDriving = false;
    }
  }

  async #drive(): Promise<void> {
    const { meter, clock } = this.#parts;
    const began = performance.now();
    const at = clock.now();
    const measured = async (stage: CanaryStage, arrival: Promise<unknown>): Promise<number> => {
      try {
        await arrival;
      } catch (error) {
        meter.failed(stage);
        throw error;
      }
      const after = performance.now() - began;
      meter.arrived(stage, after);
      return after;
    };
    const [watcher, stored] = await Promise.allSettled([measured('watcher', this.#seen(at)), measured('stored', this.#send(at))]);
    if (watcher.status === 'fulfilled' && stored.status === 'fulfilled') {
      meter.succeeded();
      this.#tellTimes(watcher.value, stored.value);
    } else if (watcher.status === 'fulfilled') this.#tell(NOT_STORED, (stored as PromiseRejectedResult).reason);
    else if (stored.status === 'fulfilled') this.#tell(NOT_SEEN, watcher.reason);
    else this.#tell(NOT_TAKEN, stored.reason);
  }

  /** Resolves once the fix is durable. */
  async #send(at: number): Promise<void> {
    const { log, replies } = this.#parts;
    const id = this.#id;
    const angle = this.#rounds++ * STEP;
    const fix = fixFrom({ lat: RADIUS * Math.sin(angle), lng: RADIUS * Math.cos(angle) }, at);
    const numbering = { stream: null, base: null, sender: 0 };
    await replies.ask('fixes', (reply) =>
      log.append(partitionOf(id), {
        kind: 'fixes',
        driverId: id,
        receivedAt: at,
        reply,
        live: true,
        ...numbering,
        fixes: [{ seq: null, fix }],
      }),
    );
  }

  /** Resolves once the watcher has it. */
  #seen(at: number): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`it has not arrived within ${WITHIN_MS / 1_000} s`)), WITHIN_MS).unref();
      this.#expected = {
        at,
        arrived: () => {
          clearTimeout(timer);
          resolve();
        },
      };
    }).finally(() => {
      this.#expected = null;
    });
  }

  #tellTimes(watcher: number, stored: number): void {
    const slow = Math.max(watcher, stored) > SLOW_MS;
    if (slow)
      this.#tell(
        watcher > SLOW_MS ? SLOW_LIVE : SLOW_STORE,
        `${Math.round(watcher)} ms to its watcher, ${Math.round(stored)} ms to be stored`,
      );
    else if (this.#told !== '') {
      this.#told = '';
      this.#parts.info(`${this.#name} goes through again`);
    }
  }

  /** Each thing once, until it is another one. */
  #tell(what: string, error: unknown): void {
    if (this.#told === what) return;
    this.#told = what;
    this.#parts.warn(`${this.#name} ${what}`, error);
  }

  get #name(): string {
    return `the canary ${this.#id} (partition ${partitionOf(this.#id)})`;
  }
}

const NOT_TAKEN = 'got nowhere: look at waycast_redis_ok and waycast_store_ok, and with `doctor` at who owns the partitions';
const NOT_STORED = 'is live, but not stored: look at the disk or PostgreSQL, waycast_store_ok and waycast_log_backlog';
const NOT_SEEN = 'is stored, but reaches no watcher: look at Redis and at nodejs_eventloop_lag_seconds';
const SLOW_LIVE = 'is slow to reach its watcher: look at nodejs_eventloop_lag_seconds, at Redis, and at waycast_stage_seconds';
const SLOW_STORE = 'is slow to be stored: look at the disk or PostgreSQL, and at waycast_log_backlog';
