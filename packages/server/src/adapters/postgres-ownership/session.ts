import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';
import { DATABASE, MEMBER, PARTITION, readHoldings } from './holdings.ts';
import type { Holdings } from './shares.ts';

/** Names for the locks of this fleet, in the number space of advisory locks with two keys. */
const FLEET = 7_231_901;
/** Of a process that hands over at its end: no member any more, and still heard of. Older programs have none, and give no signs of life then. */
const LEAVING = 7_231_904;
const CHANNEL = 'waycast_shares';
/** It takes a session a moment to end, ms. */
const TERMINATED_MS = 20;
/** No answer within this: the session is given up, ms. */
const SILENT_MS = 5_000;
/** A process of which nothing was heard so long is taken for dead: its session is ended, and with it its locks, ms. */
const DEAD_AFTER_MS = 6_000;
/** The system's own patience is two hours, and a quarter of one where something is on its way: too long for who has lost the network. */
const NOTICE_A_CUT =
  'SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; SET tcp_user_timeout = 11000';
/** What is known of a process that is gone is of use to nobody after this, ms. */
const FORGOTTEN_AFTER_MS = 600_000;

/**
 * A session of the database whose locks say what a process owns. It ends with the process, and the locks with it: at
 * once when the process is killed, after a while when it sleeps.
 */
export class LockSession {
  readonly #client: Client;
  readonly #home: number;
  #pid = 0;
  /** When its backend began, as text: numbers of backends come again, after a restart soon. */
  #begun = '';

  private constructor(client: Client, home: number) {
    this.#client = client;
    this.#home = home;
  }

  /** @param onChange somebody came, went or gave something away; @param onEnd once, when the locks are gone */
  static async open(config: ClientConfig, home: number, onChange: () => void, onEnd: () => void): Promise<LockSession> {
    const client = new Client({ ...config, query_timeout: SILENT_MS, application_name: `waycast ${home}` });
    let isOpen = false;
    const ended = (): void => {
      if (!isOpen) return;
      isOpen = false;
      onEnd();
    };
    client.on('error', ended);
    client.on('end', ended);
    client.on('notification', onChange);
    try {
      await client.connect();
      await client.query(NOTICE_A_CUT);
      const session = new LockSession(client, home);
      const { rows } = await client.query<{ pid: number; begun: string }>(
        'SELECT pid, backend_start::text AS begun FROM pg_stat_activity WHERE pid = pg_backend_pid()',
      );
      session.#pid = rows[0]?.pid ?? 0;
      session.#begun = rows[0]?.begun ?? '';
      isOpen = true;
      return session;
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
  }

  /** Alone, or as one of several: who holds the fleet in a way that rules this out, null when nobody does. */
  async enter(alone: boolean): Promise<string | null> {
    const { rows } = await this.#client.query<{ done: boolean }>(`SELECT pg_try_advisory_lock${alone ? '' : '_shared'}($1, 0) AS done`, [
      FLEET,
    ]);
    if (rows[0]?.done === true) return null;
    const holders = await this.#client.query<{ name: string; since: Date }>(
      `SELECT p.name, p.since FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid JOIN process p ON ${IS_ITS_SESSION}
       WHERE l.locktype = 'advisory' AND l.classid = $1 AND l.objsubid = 2 AND l.granted AND l.database = ${DATABASE} LIMIT 1`,
      [FLEET],
    );
    const holder = holders.rows[0];
    return holder === undefined ? 'another process' : `${holder.name} (since ${holder.since.toISOString()})`;
  }

  /** Says who this is, and ends the session this process had before: its locks are in the way. */
  async introduce(name: string): Promise<void> {
    const former = `FROM process p JOIN pg_stat_activity a ON ${IS_ITS_SESSION} WHERE p.n = $1 AND a.pid <> $2`;
    while ((await this.#client.query(`SELECT pg_terminate_backend(a.pid) ${former}`, [this.#home, this.#pid])).rowCount !== 0)
      await sleep(TERMINATED_MS);
    await this.#client.query(
      `INSERT INTO process (n, session, begun, name) VALUES ($1, $2, $3::timestamptz, $4)
       ON CONFLICT (n) DO UPDATE SET session = excluded.session, begun = excluded.begun, heard = now()`,
      [this.#home, this.#pid, this.#begun, name],
    );
  }

  async join(): Promise<void> {
    await this.#client.query('SELECT pg_advisory_lock($1, $2)', [MEMBER, this.#home]);
    await this.#client.query(`LISTEN ${CHANNEL}`);
    await this.tell();
  }

  /** The others know that its share is theirs, and take each partition as it is given back. Signs of life are still needed. */
  async leave(): Promise<void> {
    await this.#client.query('SELECT pg_advisory_lock($1, $2)', [LEAVING, this.#home]);
    await this.#client.query('SELECT pg_advisory_unlock($1, $2)', [MEMBER, this.#home]);
  }

  /** The others look again at who has what. */
  async tell(): Promise<void> {
    await this.#client.query(`NOTIFY ${CHANNEL}`);
  }

  /** Answers which of these this session has now. */
  async lock(partitions: readonly number[]): Promise<number[]> {
    if (partitions.length === 0) return [];
    const { rows } = await this.#client.query<{ partition: number; done: boolean }>(
      'SELECT p AS partition, pg_try_advisory_lock($1, p) AS done FROM unnest($2::int[]) AS p',
      [PARTITION, partitions],
    );
    return rows.filter(({ done }) => done).map(({ partition }) => partition);
  }

  /**
   * Answers which of these this session has now, and nobody had since this process took them in the store: one may have
   * come and gone while there was no session, and what is known here of its drivers is out of date.
   */
  async lockAgain(partitions: readonly number[]): Promise<number[]> {
    const locked = await this.lock(partitions);
    const { rows } = await this.#client.query<{ partition: number }>(
      'SELECT partition FROM partition_cursor WHERE partition = ANY ($1::int[]) AND owner = $2',
      [locked, this.#home],
    );
    const kept = rows.map(({ partition }) => partition);
    const others = locked.filter((partition) => !kept.includes(partition));
    if (others.length > 0) {
      await this.unlock(others);
      await this.tell();
    }
    return kept;
  }

  async unlock(partitions: readonly number[]): Promise<void> {
    if (partitions.length === 0) return;
    await this.#client.query('SELECT pg_advisory_unlock($1, p) FROM unnest($2::int[]) AS p', [PARTITION, partitions]);
  }

  /** A sign of life. */
  async sign(): Promise<void> {
    await this.#client.query('UPDATE process SET heard = now() WHERE n = $1', [this.#home]);
  }

  /**
   * A sign of life; ends all sessions of those who gave none, so that what they had is free: the locks, and the cursors
   * in which one that sleeps amid a commit would be in the way of whoever takes over. And says who has what.
   */
  async look(): Promise<Holdings> {
    await this.sign();
    // Only of one that still holds the lock by which it is a member, or was until just now: of another there is nothing in the way.
    await this.#client.query(
      `SELECT pg_terminate_backend(b.pid) FROM process p JOIN pg_stat_activity a ON ${IS_ITS_SESSION}
         JOIN pg_locks l ON l.pid = a.pid AND l.locktype = 'advisory' AND l.classid IN ($2, $3) AND l.objid::bigint = p.n AND l.objsubid = 2
         JOIN pg_stat_activity b ON b.datname = current_database() AND (b.pid = a.pid OR b.application_name = 'waycast ' || p.n)
       WHERE p.heard < now() - make_interval(secs => $1)`,
      [DEAD_AFTER_MS / 1_000, MEMBER, LEAVING],
    );
    await this.#client.query(
      `DELETE FROM process p WHERE p.heard < now() - make_interval(secs => $1)
         AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE ${IS_ITS_SESSION})`,
      [FORGOTTEN_AFTER_MS / 1_000],
    );
    return await readHoldings(this.#client);
  }

  async close(): Promise<void> {
    await this.#client.query('DELETE FROM process WHERE n = $1 AND session = $2', [this.#home, this.#pid]).catch(() => undefined);
    await this.#client.end();
  }

  /** Gives the session up without a word: it does not answer. */
  abandon(): void {
    (this.#client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }
}

/** Whether backend `a` is the session of process `p`. Programs that do not say when theirs began were heard of while it was there. */
const IS_ITS_SESSION = `a.pid = p.session AND CASE WHEN p.begun IS NULL THEN a.backend_start <= p.heard ELSE a.backend_start = p.begun END`;
