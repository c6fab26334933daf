import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientConfig } from 'pg';
import { type Owner, type Ownership, PARTITIONS } from '../../hub/ports.ts';
import { StartupError } from '../../startup-error.ts';
import { LockSession } from './session.ts';
import { nextStep } from './shares.ts';

const LOOK_EVERY_MS = 1_000;
const RECONNECT_MS = 250;
/** After a loss everybody first takes back what was its own; only then what is left, ms. */
const RECLAIM_MS = 3_000;
/** Who restarts after a kill finds the locks of its former life until the server has noticed, ms. */
const ENTER_PATIENCE_MS = 3_000;

export interface PostgresOwnershipParts {
  readonly config: ClientConfig;
  /** Of the database, for people. */
  readonly where: string;
  /** This process's number. */
  readonly home: number;
  /** No other process is to serve this fleet. */
  readonly alone: boolean;
  /** Somebody is not there any more: these are all that are. */
  readonly departed: (members: readonly number[]) => Promise<void>;
  readonly info: (message: string) => void;
  readonly warn: (message: string, error: unknown) => void;
  /** Somebody else serves the fleet that was to be this process's alone. */
  readonly fatal: (error: unknown) => void;
}

/** Ownership by the locks of a PostgreSQL session: a process that is killed has none any more, at once [P2, P3]. */
export class PostgresOwnership implements Ownership {
  readonly #parts: PostgresOwnershipParts;
  readonly #name = `process ${process.pid} on ${hostname()}`;
  readonly #mine = new Set<number>();
  #owner: Owner | undefined;
  #session: LockSession | null = null;
  #wanted = false;
  #working: Promise<void> | null = null;
  #reclaimUntil = 0;
  #timer: NodeJS.Timeout | undefined;
  #closing = false;
  #closed: Promise<void> | undefined;
  /** The processes there are, this one included, as last seen. */
  #members: readonly number[] = [];

  constructor(parts: PostgresOwnershipParts) {
    this.#parts = parts;
  }

  /** @throws StartupError when the fleet is somebody else's alone, or served by others though it was to be alone */
  async start(owner: Owner): Promise<void> {
    this.#owner = owner;
    const deadline = performance.now() + ENTER_PATIENCE_MS;
    for (;;) {
      const holder = await this.#connect();
      if (holder === null) break;
      if (performance.now() > deadline) throw new StartupError(this.#inUse(holder));
      await sleep(RECONNECT_MS);
    }
    // Whoever comes meanwhile is looked at after it: one step at a time.
    this.#working = this.#balance().finally(() => {
      this.#working = null;
    });
    await this.#working;
    this.#look();
    this.#timer = setInterval(() => this.#tick(), LOOK_EVERY_MS);
  }

  lost(partitions: readonly number[]): void {
    for (const partition of partitions) this.#mine.delete(partition);
    this.#session
      ?.unlock(partitions)
      .catch((error: unknown) =>
        this.#parts.warn('locks could not be given back: others get them when this session of PostgreSQL ends', error),
      );
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing = true;
    await this.#working;
    const session = this.#session;
    // No member any more: the others know that its share is theirs.
    if (session !== null)
      await session
        .leave()
        .catch((error: unknown) =>
          this.#parts.warn('the others could not be told that this process leaves: they find out within 6 s', error),
        );
    // Signs of life go on: this may take long.
    try {
      await this.#owner?.yield([...this.#mine]);
    } finally {
      clearInterval(this.#timer);
    }
    this.#session = null;
    if (session === null) return;
    try {
      await session.unlock([...this.#mine]);
      await session.tell();
      await session.close();
    } catch (error) {
      this.#parts.warn('the database went before everything was handed over: others will find it free', error);
    }
  }

  /** Opens a session; answers who is in the way, null when nobody is. */
  async #connect(): Promise<string | null> {
    const { config, home, alone } = this.#parts;
    const session: LockSession = await LockSession.open(
      config,
      home,
      () => this.#look(),
      () => {
        if (this.#session === session) this.#ended();
      },
    );
    await session.introduce(this.#name);
    const holder = await session.enter(alone);
    if (holder !== null) {
      await session.close();
      return holder;
    }
    await session.join();
    this.#session = session;
    return null;
  }

  #tick(): void {
    // Handing over may take longer than one may be silent.
    if (this.#working !== null || this.#closing) {
      const session = this.#session;
      session?.sign().catch((error: unknown) => {
        // Of one that has ended it is known.
        if (this.#session === session) this.#parts.warn('the database did not take a sign of life', error);
      });
    }
    this.#look();
  }

  #look(): void {
    this.#wanted = true;
    if (this.#working !== null || this.#closing) return;
    this.#working = this.#work().finally(() => {
      this.#working = null;
    });
  }

  async #work(): Promise<void> {
    while (this.#wanted && !this.#closing) {
      this.#wanted = false;
      const session = this.#session;
      try {
        await this.#balance();
      } catch (error) {
        this.#parts.warn('who owns what could not be settled; it is tried again', error);
        // A session that does not answer holds nothing for sure; by now there may be another one.
        session?.abandon();
        return;
      }
    }
  }

  async #balance(): Promise<void> {
    const session = this.#session;
    const owner = this.#owner;
    if (session === null || owner === undefined) return;
    const holdings = await session.look();
    await this.#notice(holdings.members);
    // What a session that ended amid a handover left locked, and nobody serves.
    const stray = [...holdings.owners].filter(([partition, home]) => home === this.#parts.home && !this.#mine.has(partition));
    if (stray.length > 0) {
      await session.unlock(stray.map(([partition]) => partition));
      await session.tell();
      return;
    }
    const { give, take } = nextStep(this.#parts.home, PARTITIONS, holdings);
    if (give.length > 0) {
      const mine = give.filter((partition) => this.#mine.has(partition));
      await owner.yield(mine);
      for (const partition of mine) this.#mine.delete(partition);
      await session.unlock(give);
      await session.tell();
    } else if (take.length > 0 && performance.now() >= this.#reclaimUntil) {
      const taken = await session.lock(take);
      try {
        await owner.gain(taken);
      } catch (error) {
        await session.unlock(taken);
        throw error;
      }
      // Meanwhile the locks may have gone with their session: then they are as anybody's.
      if (this.#session !== session) {
        owner.lose(taken);
        return;
      }
      for (const partition of taken) this.#mine.add(partition);
      if (taken.length > 0)
        this.#parts.info(`this process owns ${this.#mine.size} of ${PARTITIONS} partitions, ${holdings.members.length} serve the fleet`);
    }
  }

  /** What was somebody's who has gone is ended, or free for others. */
  async #notice(members: readonly number[]): Promise<void> {
    const gone = this.#members.some((one) => !members.includes(one));
    if (gone || this.#members.length === 0) await this.#parts.departed(members);
    this.#members = members;
  }

  /** The locks are gone. What is owned goes on being served until it is known that others have it. */
  #ended(): void {
    this.#session = null;
    if (!this.#closing) void this.#comeBack();
  }

  async #comeBack(): Promise<void> {
    const { warn, fatal } = this.#parts;
    warn('the session that says what this process owns has ended: it goes on as before until others turn out to have taken over', null);
    let isTold = false;
    while (!this.#closing && this.#session === null) {
      try {
        const holder = await this.#connect();
        if (holder !== null) {
          fatal(new Error(this.#inUse(holder)));
          return;
        }
      } catch (error) {
        if (!isTold) warn('the database does not answer; ownership is settled when it does', error);
        isTold = true;
        await sleep(RECONNECT_MS);
        continue;
      }
      await this.#reclaim();
    }
  }

  async #reclaim(): Promise<void> {
    const session = this.#session as LockSession | null;
    if (session === null) return;
    this.#reclaimUntil = performance.now() + RECLAIM_MS;
    try {
      const kept = new Set(await session.lockAgain([...this.#mine]));
      const gone = [...this.#mine].filter((partition) => !kept.has(partition));
      for (const partition of gone) this.#mine.delete(partition);
      if (gone.length > 0) this.#owner?.lose(gone);
      this.#parts.info(`the session is back: ${kept.size} partitions kept, ${gone.length} taken over by others`);
      this.#look();
    } catch (error) {
      this.#parts.warn('the session ended again', error);
      session.abandon();
    }
  }

  #inUse(holder: string): string {
    return `the fleet at ${this.#parts.where} is served by ${holder}${
      this.#parts.alone ? '; to run several processes set REDIS_URL for all of them' : ', which is alone (without REDIS_URL): stop it first'
    }`;
  }
}
