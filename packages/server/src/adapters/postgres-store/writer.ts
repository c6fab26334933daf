import pg, { type Client } from 'pg';
import { CursorMoved } from '../../hub/cursor-moved.ts';
import type { Committed, StoreHealth } from '../../hub/storage-ports.ts';
import type { Address } from './address.ts';
import { type CommitMemory, type Prepared, type Sent, storeCommit } from './commit.ts';
import { isCollision, isDayMissing, isOfData, remedyOf } from './failures.ts';
import { named } from './process-number.ts';

const FIRST_RETRY_MS = 100;
const RETRY_MS = 2_000;
/** A statement that takes longer is given up with its connection: the server hangs, or the network swallowed it. */
const PATIENCE_MS = 30_000;
/** How often the partitions of days to come are made. */
const AHEAD_EVERY_MS = 3_600_000;

/**
 * Whatever a commit looks for has a key. Its statements are planned once, perhaps while the tables are small, and a plan that
 * reads a small table from end to end is kept until somebody has counted how it grew.
 */
const BY_KEY = 'SET jit = off; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off';

interface Job {
  readonly given: Prepared;
  readonly attempt: Sent;
  readonly resolve: (committed: Committed) => void;
  readonly reject: (error: unknown) => void;
}

export interface WriterOptions {
  readonly address: Address;
  readonly connectMs: number;
  readonly memory: CommitMemory;
  readonly onHealth: (health: StoreHealth) => void;
}

/**
 * Stores commits strictly in the order they were given, on a connection of its own. While PostgreSQL cannot take one it
 * waits and tries again, and everything behind it waits: nothing is lost, nothing overtakes.
 */
export class Writer {
  readonly #options: WriterOptions;
  readonly #queue: Job[] = [];
  #client: Client | null = null;
  /** The connection before this one, which the server may still be busy with. */
  #left: { readonly pid: number; readonly since: string } | null = null;
  #since = '';
  #health: StoreHealth = { ok: true, problem: null };
  #aheadAt = 0;
  #working: Promise<void> | undefined;
  #closing = false;
  /** Ends a wait for the next try. */
  #hurry: (() => void) | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  get health(): StoreHealth {
    return this.#health;
  }

  add(given: Prepared): Promise<Committed> {
    if (this.#closing) return Promise.reject(new Error('the store is closed'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ given, attempt: { sent: null }, resolve, reject });
      this.#working ??= this.#work();
    });
  }

  /** After everything given before it; what PostgreSQL refuses now it would refuse for ever, and was never acknowledged. */
  async close(): Promise<void> {
    this.#closing = true;
    if (!this.#health.ok) this.#giveUp();
    await this.#working;
    await this.#leave();
  }

  async #work(): Promise<void> {
    for (let job = this.#queue[0]; job !== undefined; job = this.#queue[0]) {
      try {
        const committed = await this.#store(job);
        this.#queue.shift();
        job.resolve(committed);
      } catch (error) {
        this.#queue.shift();
        job.reject(error);
      }
    }
    this.#working = undefined;
  }

  /** Rejects only with what waiting does not mend. */
  async #store(job: Job): Promise<Committed> {
    for (let failures = 0; ; ) {
      try {
        const client = await this.#connected();
        const committed = await storeCommit(client, job.given, this.#options.memory, job.attempt);
        this.#tell({ ok: true, problem: null });
        return committed;
      } catch (error) {
        const isAgain = await this.#recover(error, failures);
        if (!isAgain) throw error;
        failures++;
        if (failures === 1 && (isCollision(error) || isDayMissing(error))) continue;
        if (!isCollision(error)) this.#tell({ ok: false, problem: `${remedyOf(error, this.#options.address.name)}; commits wait` });
        if (this.#closing && !this.#health.ok) throw new Error('the store was closed before it could write this', { cause: error });
        await this.#pause(Math.min(RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10)));
      }
    }
  }

  /** Leaves nothing of a failed attempt; answers whether to try again. */
  async #recover(error: unknown, failures: number): Promise<boolean> {
    const { days, tails } = this.#options.memory;
    const isFinal = error instanceof CursorMoved || (isOfData(error) && !(isDayMissing(error) && failures === 0));
    if (isDayMissing(error)) days.forget();
    // Who owns what may have changed.
    if (isFinal) tails.forget();
    const isUsable = isFinal || isCollision(error) || isDayMissing(error);
    const rolledBack =
      isUsable &&
      (await this.#client?.query('ROLLBACK').then(
        () => true,
        () => false,
      ));
    if (rolledBack !== true) await this.#leave();
    return !isFinal;
  }

  async #connected(): Promise<Client> {
    if (this.#client !== null) {
      await this.#lookAhead(this.#client);
      return this.#client;
    }
    const client = new pg.Client({
      ...this.#options.address.config,
      pipeline: true,
      connectionTimeoutMillis: this.#options.connectMs,
      query_timeout: PATIENCE_MS,
    });
    // Whatever is under way fails with it; between two commits there is nobody to tell.
    client.on('error', () => this.#lose(client));
    client.on('end', () => this.#lose(client));
    await client.connect();
    try {
      await client.query(`SET synchronous_commit = on; ${BY_KEY}; ${named(this.#options.memory.process)}`);
      // It might still end a transaction that this one takes for lost.
      if (this.#left !== null) await client.query(END_OTHER, [this.#left.pid, this.#left.since]);
      const { rows } = await client.query<{ since: string }>(MINE);
      this.#since = rows[0]?.since ?? '';
      await this.#lookAhead(client);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    this.#left = null;
    this.#options.memory.names.forget();
    this.#options.memory.tails.forget();
    this.#client = client;
    return client;
  }

  async #lookAhead(client: Client): Promise<void> {
    const now = Date.now();
    if (now < this.#aheadAt) return;
    await this.#options.memory.days.ahead(client, now);
    this.#aheadAt = now + AHEAD_EVERY_MS;
  }

  #lose(client: Client): void {
    if (this.#client !== client) return;
    this.#client = null;
    this.#left = { pid: processIdOf(client), since: this.#since };
  }

  async #leave(): Promise<void> {
    const client = this.#client;
    if (client === null) return;
    this.#lose(client);
    await Promise.race([client.end().catch(() => undefined), later(1_000)]);
  }

  #giveUp(): void {
    this.#hurry?.();
    // The one under way ends by itself.
    for (const { reject } of this.#queue.splice(1)) reject(new Error('the store was closed before it could write this'));
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#hurry = undefined;
  }

  #tell(health: StoreHealth): void {
    if (health.ok === this.#health.ok && health.problem === this.#health.problem) return;
    this.#health = health;
    this.#options.onHealth(health);
  }
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

/** Of the server's process that serves a client. */
function processIdOf(client: Client): number {
  return (client as unknown as { processID: number | null }).processID ?? 0;
}

const MINE = 'SELECT backend_start::text AS since FROM pg_stat_activity WHERE pid = pg_backend_pid()';
const END_OTHER = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2::timestamptz';
