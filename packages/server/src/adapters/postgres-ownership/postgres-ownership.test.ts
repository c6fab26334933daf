import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { asDatabase } from '../../../../../test/support/services/as-database.ts';
import { newDatabase, type TestDatabase } from '../../../../../test/support/services/postgres.ts';
import { ownershipContract } from '../../hub/contracts/ownership.ts';
import { type Owner, PARTITIONS } from '../../hub/ports.ts';
import { addressOf } from '../postgres-store/address.ts';
import { openPostgresStore } from '../postgres-store/store.ts';
import { PostgresOwnership } from './postgres-ownership.ts';
import { LockSession } from './session.ts';

/** As the store notes who owns what. */
const TAKE = 'UPDATE partition_cursor SET owner = $2 WHERE partition = ANY ($1::int[])';
const OWNER = join(import.meta.dirname, 'testing', 'owner-process.ts');

/** What one process owns, as it was told. */
class Share implements Owner {
  readonly partitions = new Set<number>();
  readonly history: string[] = [];
  /** Takes time to hand over. */
  slow: Promise<void> = Promise.resolve();
  readonly #take: (partitions: readonly number[]) => Promise<unknown>;

  constructor(take: (partitions: readonly number[]) => Promise<unknown>) {
    this.#take = take;
  }

  async gain(partitions: readonly number[]): Promise<void> {
    await this.#take(partitions);
    for (const one of partitions) this.partitions.add(one);
    if (partitions.length > 0) this.history.push(`+${partitions.length}`);
  }

  async yield(partitions: readonly number[]): Promise<void> {
    await this.slow;
    for (const one of partitions) this.partitions.delete(one);
    this.history.push(`-${partitions.length}`);
  }

  lose(partitions: readonly number[]): void {
    for (const one of partitions) this.partitions.delete(one);
    this.history.push(`lost ${partitions.length}`);
  }
}

const opened: PostgresOwnership[] = [];
const databases: TestDatabase[] = [];
afterAll(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
  await Promise.all(databases.splice(0).map((one) => one.drop()));
});

/** A database with the schema, and processes on it. */
async function fleet() {
  const database = await newDatabase();
  databases.push(database);
  await (await openPostgresStore({ url: database.url })).close();
  const { config, name } = addressOf('DATABASE_URL', database.url);
  const ask = (sql: string, values: unknown[] = []) => asDatabase(database.url, sql, values);
  const departed: number[][] = [];
  const fatal: unknown[] = [];
  let last = 100;
  const make = (alone: boolean) => {
    const home = ++last;
    const ownership = new PostgresOwnership({
      config,
      where: name,
      home,
      alone,
      departed: async (members) => void departed.push([...members]),
      info: () => undefined,
      warn: () => undefined,
      fatal: (error) => void fatal.push(error),
    });
    opened.push(ownership);
    return { home, ownership };
  };
  const join = async (alone = false) => {
    const one = make(alone);
    const share = new Share((partitions) => ask(TAKE, [partitions, one.home]));
    await one.ownership.start(share);
    return { ...one, share };
  };
  return { make, join, ask, departed, fatal, url: database.url };
}

/** Waits until each of these has looked at who has what, twice. */
async function looked(
  ask: (sql: string, values: unknown[]) => Promise<Record<string, unknown>[]>,
  homes: readonly number[],
): Promise<void> {
  for (let times = 0; times < 2; times++) {
    const [now] = await ask('SELECT now()::text AS now', []);
    await vi.waitFor(
      async () =>
        expect(await ask('SELECT n FROM process WHERE n = ANY ($1) AND heard > $2::timestamptz', [homes, now?.now])).toHaveLength(
          homes.length,
        ),
      { timeout: 20_000, interval: 50 },
    );
  }
}

/** When the system asks whether the other end of this connection is still there, ms from now, as it has it at this end; -1 while it does not. */
function keepaliveDueMs(localPort: number, remotePort: number): number {
  const KEEPALIVE = '02';
  const hex = (port: number): string => `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => readFileSync(file, 'utf8').split('\n'));
  for (const socket of sockets) {
    const [, local, remote, , , timer] = socket.trim().split(/\s+/);
    if (!local?.endsWith(hex(localPort)) || !remote?.endsWith(hex(remotePort))) continue;
    const [kind, ticks = ''] = timer?.split(':') ?? [];
    return kind === KEEPALIVE ? Number.parseInt(ticks, 16) * 10 : -1;
  }
  return -1;
}

/** Every partition has one owner, and the shares are as even as they can be. */
async function even(...shares: Share[]): Promise<void> {
  await vi.waitFor(
    () => {
      const sizes = shares.map(({ partitions }) => partitions.size).sort((a, b) => a - b);
      expect(sizes.reduce((sum, one) => sum + one, 0)).toBe(PARTITIONS);
      expect((sizes.at(-1) ?? 0) - (sizes[0] ?? 0)).toBeLessThanOrEqual(1);
      expect(new Set(shares.flatMap(({ partitions }) => [...partitions])).size).toBe(PARTITIONS);
    },
    { timeout: 20_000, interval: 20 },
  );
}

for (const alone of [true, false])
  ownershipContract(`PostgresOwnership, ${alone ? 'alone' : 'one of several'},`, async () => (await fleet()).make(alone).ownership);

// They wait for one another's silence more than they work.
describe.concurrent('ownership by locks of PostgreSQL', () => {
  it('is shared evenly as processes come and go, and nobody has what another one has [P2, P3]', async () => {
    const { join } = await fleet();
    const first = await join();
    expect(first.share.partitions.size).toBe(PARTITIONS);
    const second = await join();
    await even(first.share, second.share);
    const third = await join();
    await even(first.share, second.share, third.share);
    await first.ownership.close();
    expect(first.share.partitions.size).toBe(0);
    await even(second.share, third.share);
  });

  it('is had by one alone when several come at the same moment [P2, P3]', async () => {
    const { join } = await fleet();
    const all = await Promise.all(Array.from({ length: 5 }, () => join()));
    await even(...all.map(({ share }) => share));
    for (const { share } of all) {
      const sum = share.history.reduce((count, change) => count + Number(change), 0);
      expect(sum, share.history.join(' ')).toBe(share.partitions.size);
    }
  });

  it('changes hands only when everything is handed over [P4]', async () => {
    const { join } = await fleet();
    const first = await join();
    const handing = Promise.withResolvers<void>();
    first.share.slow = handing.promise;
    const second = await join();
    await vi.waitFor(() => expect(first.share.history).toEqual(['+64']), { timeout: 2_000 });
    expect(second.share.partitions.size).toBe(0);
    handing.resolve();
    await even(first.share, second.share);
  });

  it('of a process that sleeps passes to the others, and it learns so when it wakes [P2, P4]', async () => {
    const { join, departed, url } = await fleet();
    const { home, share } = await join();
    const child = spawn(process.execPath, [OWNER, url, '77'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    try {
      await vi.waitFor(() => expect([said, share.partitions.size]).toEqual(['gained 32\n', 32]), { timeout: 20_000 });
      child.kill('SIGSTOP');
      await vi.waitFor(() => expect(share.partitions.size).toBe(PARTITIONS), { timeout: 20_000 });
      expect(departed.at(-1)).toEqual([home]);
      child.kill('SIGCONT');
      await vi.waitFor(() => expect(said).toContain('lost 32\n'), { timeout: 20_000 });
      await vi.waitFor(() => expect(share.partitions.size).toBe(32), { timeout: 20_000 });
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('of a process that hands over for long stays its own, and passes to the others once nothing is heard of it [P2, P4]', async () => {
    const { join, ask, url } = await fleet();
    const { share } = await join();
    const child = spawn(process.execPath, [OWNER, url, '77'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    try {
      await vi.waitFor(() => expect([said, share.partitions.size]).toEqual(['gained 32\n', 32]), { timeout: 20_000 });
      child.kill('SIGTERM');
      await vi.waitFor(() => expect(said).toContain('gives 32\n'), { timeout: 20_000 });
      await looked(ask, [77]);
      expect(share.partitions.size).toBe(32);
      child.kill('SIGSTOP');
      await vi.waitFor(() => expect(share.partitions.size).toBe(PARTITIONS), { timeout: 20_000 });
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('of an older program that hands over is not taken from it: it gives no signs of life then [P13]', async () => {
    const { join, ask, url } = await fleet();
    const older = new pg.Client({ connectionString: url, application_name: 'waycast 300' });
    await older.connect();
    await older.query('SELECT pg_advisory_lock(7231903, p) FROM generate_series(0, 31) AS p');
    await older.query(`INSERT INTO process (n, session, begun, name, heard)
      SELECT 300, pid, backend_start, 'older', now() - interval '1 minute' FROM pg_stat_activity WHERE pid = pg_backend_pid()`);
    const { home, share } = await join();
    await looked(ask, [home]);
    expect(share.partitions.size).toBe(32);
    expect((await older.query('SELECT 1')).rowCount).toBe(1);
    await older.end();
    await even(share);
  });

  it('has a session whose end the database notices by itself when the network is cut [P2]', async () => {
    const { join, ask, url } = await fleet();
    await join();
    const port = Number(new URL(url).port);
    const [row] = await ask(
      `SELECT client_port FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'waycast 1%'`,
    );
    await vi.waitFor(
      () => {
        const dueMs = keepaliveDueMs(port, Number(row?.client_port));
        expect(dueMs).toBeGreaterThan(0);
        expect(dueMs).toBeLessThan(10_000);
      },
      { timeout: 20_000, interval: 20 },
    );
  });

  it('of a process that sleeps amid a commit is not held by what that commit has locked [P2, P4]', async () => {
    const { join, ask, url } = await fleet();
    const first = await join();
    const second = await join();
    await even(first.share, second.share);
    const asleep = new pg.Client({ connectionString: url });
    asleep.on('error', () => undefined);
    await asleep.connect();
    await asleep.query(`SET application_name = 'waycast ${first.home}'`);
    await asleep.query('BEGIN; UPDATE partition_cursor SET position = 1');
    let taken = 0;
    const taking = ask('UPDATE partition_cursor SET position = 2 RETURNING partition').then((rows) => {
      taken = rows.length;
    });
    await vi.waitFor(
      async () => {
        // It goes on giving signs of life, as it is none of the test's to stop.
        await ask(`UPDATE process SET heard = now() - interval '1 minute' WHERE n = $1`, [first.home]);
        expect(taken).toBe(PARTITIONS);
      },
      { timeout: 20_000, interval: 50 },
    );
    await taking;
    await even(first.share, second.share);
    await asleep.end().catch(() => undefined);
  });

  it('outlives a session that is cut: what was owned stays owned [P2]', async () => {
    const { join, ask } = await fleet();
    const first = await join();
    const second = await join();
    await even(first.share, second.share);
    const before = [...first.share.partitions].sort();
    await ask('SELECT pg_terminate_backend(session) FROM process');
    await vi.waitFor(
      async () => {
        const locks = await ask(
          `SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
           WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.classid = 7231903 AND l.granted`,
        );
        expect(locks).toHaveLength(PARTITIONS);
      },
      { timeout: 20_000, interval: 50 },
    );
    expect([...first.share.partitions].sort()).toEqual(before);
    await even(first.share, second.share);
    expect(first.share.history).toEqual(['+64', '-32']);
  });

  it('is lost where another one came and went while there was no session: what was known is out of date [P2, P4]', async () => {
    const { join, ask, url } = await fleet();
    const first = await join();
    // Nobody comes back before this ends.
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    await other.query('BEGIN; LOCK TABLE process');
    await ask('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1', [
      `waycast ${first.home}`,
    ]);
    await ask(TAKE, [[3, 4, 5], 999]);
    await ask('UPDATE partition_cursor SET owner = NULL WHERE partition IN (3, 5)');
    await other.query('COMMIT');
    await other.end();
    await vi.waitFor(() => expect(first.share.history).toEqual(['+64', 'lost 3', '+3']), { timeout: 20_000, interval: 20 });
    await even(first.share);
  });

  it('is none of the business of who is gone and had a session of the same number [P2]', async () => {
    const { join, ask } = await fleet();
    const first = await join();
    const second = await join();
    await even(first.share, second.share);
    const sessions = () => ask('SELECT n, session, begun FROM process WHERE n = ANY ($1) ORDER BY n', [[first.home, second.home]]);
    const before = await sessions();
    // As after a restart of PostgreSQL: its first backends have the numbers of those of before.
    await ask(
      `INSERT INTO process (n, session, begun, name, heard) SELECT 900 + n, session, begun - interval '1 hour', 'killed', now() - interval '1 minute' FROM process`,
    );
    await ask(
      `INSERT INTO process (n, session, name, heard) SELECT 800 + n, session, 'killed, of an older program', begun - interval '1 minute' FROM process WHERE n < 800`,
    );
    const third = await join();
    await even(first.share, second.share, third.share);
    await looked(ask, [first.home, second.home]);
    expect(await sessions()).toEqual(before);
    for (const { share } of [first, second]) expect(share.history.join(' ')).not.toContain('lost');
  });

  it.each([
    ['its own', 'begun'],
    ['that of an older program, which does not say when it began', 'NULL'],
    ['by now that of somebody else', "begun - interval '1 hour'"],
  ])('begins anew where the session it had is %s [P2, P13]', async (whose, begun) => {
    const { ask, url } = await fleet();
    const { config } = addressOf('DATABASE_URL', url);
    const ended: string[] = [];
    const open = (name: string) =>
      LockSession.open(
        config,
        300,
        () => undefined,
        () => ended.push(name),
      );
    const before = await open('before');
    await before.introduce('before');
    await ask(`UPDATE process SET begun = ${begun} WHERE n = 300`);
    const after = await open('after');
    await after.introduce('after');
    await after.tell();
    if (whose.endsWith('else')) await before.tell();
    else await vi.waitFor(() => expect(ended).toEqual(['before']), { timeout: 20_000, interval: 20 });
    await Promise.all([before, after].map((one) => one.close().catch(() => undefined)));
  });

  it('is remembered of a process that is gone for ten minutes, and no longer [P3]', async () => {
    const { join, ask } = await fleet();
    const gone = (n: number, minutes: number) =>
      ask(
        `INSERT INTO process (n, session, begun, name, since, heard) SELECT $1, 4194304, now() - interval '1 day', 'gone', now() - interval '1 day', now() - make_interval(mins => $2)`,
        [n, minutes],
      );
    await gone(901, 9);
    await gone(902, 11);
    const { home } = await join();
    await vi.waitFor(async () => expect(await ask('SELECT n::int FROM process ORDER BY n')).toEqual([{ n: home }, { n: 901 }]), {
      timeout: 20_000,
      interval: 50,
    });
  });

  it('is given up where a commit found another owner [P2]', async () => {
    const { join } = await fleet();
    const first = await join();
    const [one = 0] = first.share.partitions;
    first.share.lose([one]);
    first.ownership.lost([one]);
    // Nobody else is there: it comes back as if it were new.
    await even(first.share);
    expect(first.share.history).toEqual(['+64', 'lost 1', '+1']);
  });
});

describe.concurrent('a process that is to be alone', () => {
  it('refuses a second one, of either kind, and names itself [P1]', async () => {
    const { join } = await fleet();
    await join(true);
    const named = new RegExp(`is served by process ${process.pid} on .+ \\(since 20`);
    await expect(join(true)).rejects.toThrow(named);
    await expect(join(false)).rejects.toThrow(/is alone \(without REDIS_URL\): stop it first/);
  });

  it('is refused where several serve [P1]', async () => {
    const { join } = await fleet();
    await join(false);
    await expect(join(true)).rejects.toThrow(/to run several processes set REDIS_URL for all of them/);
  });

  it('comes again when the one before it has gone [P1]', async () => {
    const { join } = await fleet();
    const { ownership } = await join(true);
    await ownership.close();
    const { share } = await join(true);
    expect(share.partitions.size).toBe(PARTITIONS);
  });
});
