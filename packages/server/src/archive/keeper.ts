import { Worker } from 'node:worker_threads';
import type { KeepingProgress, KeepingReport } from './keeping.ts';
import type { Drops } from './ports.ts';
import type { Granted, KeeperData, KeeperMessage, Wish } from './thread/keeper-thread.ts';

/** After a start others have the machine first; many that start together are not all at it at once, ms. */
const FIRST_MS = 300_000;
const SPREAD_MS = 300_000;
const EVERY_MS = 86_400_000;
const AGAIN_MS = 3_600_000;

/** What became of a run. Epoch ms. */
export interface KeepingOutcome {
  readonly at: number;
  readonly report: KeepingReport | null;
  /** Why it did not come to its end. */
  readonly problem: string | null;
}

export interface KeeperParts {
  readonly data: Omit<KeeperData, 'now' | 'erase'>;
  /** null where a run does that by itself. */
  readonly drops: Drops | null;
  /** Resolves once whoever reads has heard of the parts there are. */
  readonly known: () => Promise<void>;
  /** Epoch ms. */
  readonly now: () => number;
  readonly ended: (outcome: KeepingOutcome) => void;
}

/** Keeps history within its retention: once a day, and when asked to. Each run is a thread of its own. */
export class Keeper {
  readonly #parts: KeeperParts;
  #running: Promise<KeepingReport | null> | undefined;
  #erasing: Promise<unknown> = Promise.resolve();
  readonly #threads = new Set<Worker>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  progress: KeepingProgress | null = null;
  last: KeepingOutcome | null = null;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** From now on once a day. */
  start(): void {
    this.#later(FIRST_MS + Math.random() * SPREAD_MS);
  }

  /**
   * A run; the one that is under way, if there is one. Answers null while another process does it.
   * @throws Error that says why it did not come to its end
   */
  run(): Promise<KeepingReport | null> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      this.progress = null;
    });
    return this.#running;
  }

  /**
   * Takes a driver out of the archive, with what was received up to `before`, epoch ms; after a run that is under way [I15].
   * Answers whether it is: not while another process has a run, or takes it out itself.
   * @throws Error that says why not
   */
  async erase(driver: string, before: number): Promise<boolean> {
    await this.#running?.catch(() => undefined);
    this.#mustBeOpen();
    const erasing = this.#inThread({ ...this.#parts.data, now: this.#parts.now(), erase: { driver, before } }, 'erased');
    // A run begins when it is done.
    const held = erasing.catch(() => null);
    this.#erasing = Promise.all([this.#erasing, held]);
    return (await erasing).isErased;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all(Array.from(this.#threads, (thread) => thread.terminate()));
    await this.#running?.catch(() => undefined);
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new Error('the server is going away');
  }

  #later(ms: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.run().then(
        (report) => this.#later(report !== null && report.stayed > 0 ? AGAIN_MS : EVERY_MS),
        () => this.#later(AGAIN_MS),
      );
    }, ms).unref();
  }

  async #run(): Promise<KeepingReport | null> {
    await this.#erasing;
    this.#mustBeOpen();
    const at = this.#parts.now();
    try {
      const { report } = await this.#inThread({ ...this.#parts.data, now: at, erase: null }, 'done');
      this.last = { at, report, problem: null };
      return report;
    } catch (error) {
      this.last = { at, report: null, problem: (error as Error).message };
      throw error;
    } finally {
      if (this.last !== null && !this.#closed) this.#parts.ended(this.last);
    }
  }

  #inThread<End extends 'done' | 'erased'>(workerData: KeeperData, end: End): Promise<Extract<KeeperMessage, { kind: End }>> {
    return new Promise((resolve, reject) => {
      const thread = new Worker(new URL('./thread/keeper-thread.ts', import.meta.url), { workerData });
      this.#threads.add(thread);
      let ended: Extract<KeeperMessage, { kind: End }> | undefined;
      thread.on('message', (message: KeeperMessage) => {
        if (message.kind === 'progress') this.progress = message.progress;
        else if (message.kind === 'wish') void this.#grant(thread, message.n, message.wish);
        else if (message.kind === end) ended = message as Extract<KeeperMessage, { kind: End }>;
        else if (message.kind === 'failed') reject(new Error(message.message));
      });
      thread.on('error', reject);
      thread.on('exit', () => {
        this.#threads.delete(thread);
        // Only now has it let go of what keeps others from a run.
        if (ended === undefined) reject(new Error('it was ended'));
        else resolve(ended);
      });
    });
  }

  async #grant(thread: Worker, n: number, wish: Wish): Promise<void> {
    try {
      thread.postMessage({ n, value: await this.#do(wish) } satisfies Granted);
    } catch (error) {
      thread.postMessage({ n, error: (error as Error).message } satisfies Granted);
    }
  }

  async #do(wish: Wish): Promise<number> {
    const { drops } = this.#parts;
    if (wish.kind === 'drop') return (await drops?.fixes(wish.fixes)) ?? 0;
    if (wish.kind === 'forget') return (await drops?.connections(wish.before, wish.most)) ?? 0;
    await this.#parts.known();
    return 0;
  }
}
