import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgres, withDatabase } from '../../../../../test/support/services/postgres.ts';
import { until } from '../../../../../test/support/until.ts';
import { changedEvent, commitOf, creation, driverAt, history, row, sampleTrip } from '../../hub/contracts/samples.ts';
import type { StoreHealth } from '../../hub/storage-ports.ts';
import { openPostgresStore, type PostgresOptions, type PostgresStore } from './store.ts';
import { asked } from './testing/database.ts';

let server: PostgresServer;
const opened: PostgresStore[] = [];
let databases = 0;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.remove());
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

async function open(more: Partial<PostgresOptions> = {}): Promise<{ store: PostgresStore; url: string; said: StoreHealth[] }> {
  const name = `outage_${++databases}`;
  await asked(server.url, (client) => client.query(`CREATE DATABASE ${name}`));
  const url = withDatabase(server.url, name);
  const said: StoreHealth[] = [];
  const store = await openPostgresStore({ url, connectMs: 2_000, onHealth: (health) => said.push(health), ...more });
  opened.push(store);
  return { store, url, said };
}

/** Commits that each add a row at the cursor of partition 0. */
function adding(store: PostgresStore) {
  let at = 0;
  return () => {
    const from = at++;
    return store.commit(commitOf({ rows: [row(at, at)], events: [changedEvent('t', at)], cursors: [{ partition: 0, from, to: at }] }));
  };
}

/** The name of a standby every commit has to wait for. */
async function setStandby(client: Client, name: string): Promise<void> {
  await client.query(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
  await client.query('SELECT pg_reload_conf()');
  await until(
    () => client.query(`SELECT current_setting('synchronous_standby_names') AS name`),
    ({ rows }) => rows[0]?.name === name,
  );
}

describe('while PostgreSQL is away', () => {
  it('commits wait, are told of, and go through in order, each once, when it is back [A7, A6]', async () => {
    const { store, said } = await open();
    const add = adding(store);
    await store.take([0]);
    await add();
    await server.stop('SIGINT');
    const done: number[] = [];
    const waiting = Array.from({ length: 5 }, (_, n) => add().then(() => done.push(n)));
    await until(
      () => store.health(),
      ({ ok }) => !ok,
    );
    expect(store.health().problem).toMatch(/^PostgreSQL at 127\.0\.0\.1:\d+\/outage_1 .*: .*; commits wait$/);
    expect(done).toEqual([]);
    await expect(store.trip('t')).rejects.toMatchObject({ code: 'storage_unavailable' });
    await expect(store.changeTrip(creation(sampleTrip('t')))).rejects.toMatchObject({ code: 'storage_unavailable' });
    await server.start();
    await Promise.all(waiting);
    expect(done).toEqual([0, 1, 2, 3, 4]);
    expect(store.health()).toEqual({ ok: true, problem: null });
    expect(said.at(-1)).toEqual({ ok: true, problem: null });
    expect(await history(store, 'd', 100)).toHaveLength(6);
    expect(await store.events('t')).toHaveLength(6);
    expect(await store.changeTrip(creation(sampleTrip('t')))).toBe(true);
  });

  it('a crash under load loses nothing that was acknowledged, and doubles nothing [A1, F9]', async () => {
    const { store } = await open();
    const add = adding(store);
    let acknowledged = 0;
    let running = true;
    const load = (async () => {
      while (running) {
        await add();
        acknowledged++;
      }
    })();
    for (let crash = 0; crash < 2; crash++) {
      const before = acknowledged;
      await until(
        () => acknowledged,
        (n) => n > before + 10,
      );
      await server.stop('SIGKILL');
      await server.start();
    }
    running = false;
    await load;
    expect((await history(store, 'd', 5_000)).map(({ position }) => position)).toEqual(
      Array.from({ length: acknowledged }, (_, n) => n + 1),
    );
    expect(await store.events('t')).toHaveLength(acknowledged);
  });

  it('it can be closed: what waits was never acknowledged [A1]', async () => {
    const { store } = await open();
    const add = adding(store);
    await add();
    await server.stop('SIGINT');
    const waiting = [add(), add(), add()].map((one) => one.catch((error: Error) => error.message));
    await until(
      () => store.health().ok,
      (ok) => !ok,
    );
    await store.close();
    expect(await Promise.all(waiting)).toEqual(Array(3).fill(expect.stringMatching(/closed before/)));
    await server.start();
  }, 20_000);
});

describe('a connection that breaks', () => {
  it('at any moment leaves each commit stored once [A6, F9]', async () => {
    const { store, url } = await open();
    const add = adding(store);
    await store.take([0]);
    let acknowledged = 0;
    let running = true;
    const load = (async () => {
      while (running) {
        await add();
        acknowledged++;
      }
    })();
    await asked(url, async (client) => {
      for (let n = 0; n < 15; n++) {
        const before = acknowledged;
        await client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
        );
        await until(
          () => acknowledged,
          (now) => now > before + 1,
        );
      }
    });
    running = false;
    await load;
    expect((await history(store, 'd', 5_000)).map(({ position }) => position)).toEqual(
      Array.from({ length: acknowledged }, (_, n) => n + 1),
    );
    expect(await store.events('t')).toHaveLength(acknowledged);
  });

  it('after the commit and before its answer: found done, with what it answered [A6]', async () => {
    const { store, url } = await open();
    await store.take([0]);
    await store.commit(commitOf({ rows: [row(1, 1)], cursors: [{ partition: 0, from: 0, to: 1 }] }));
    let committed: Promise<unknown> | undefined;
    // Durable here, it waits for a standby that never answers: there the connection ends.
    await asked(url, async (client) => {
      await setStandby(client, 'nobody');
      const rows = [row(2, 1, { unsure: true }), row(3, 3)];
      committed = store.commit(commitOf({ rows, snapshots: [driverAt('d', 3)], cursors: [{ partition: 0, from: 1, to: 3 }] }));
      const waiting = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'SyncRep'`;
      await until(
        () => client.query(waiting),
        ({ rowCount }) => rowCount === 1,
      );
      await client.query(`SELECT pg_terminate_backend(pid) FROM (${waiting}) AS waiting`);
      await setStandby(client, '');
    });
    expect(await committed).toEqual({ duplicates: [0] });
    expect(await history(store, 'd', 10)).toHaveLength(2);
    expect(await store.load(['d'])).toMatchObject([{ snapshot: { position: 3 }, rows: [] }]);
  });
});

describe('a day nobody made a partition for', () => {
  it('is made when it is needed, also after somebody dropped it [P10]', async () => {
    const { store, url } = await open();
    const received = Date.UTC(2031, 5, 1);
    const days = () =>
      asked(url, async (client) => {
        const { rows } = await client.query(
          `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'location_history'::regclass`,
        );
        return rows.map(({ name }) => name as string).sort();
      });
    await store.commit(commitOf());
    const ahead = Array.from({ length: 8 }, (_, n) => {
      const day = new Date(Date.now() + n * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
      return `location_history_${day}`;
    });
    expect(await days()).toEqual(ahead);
    await store.commit(commitOf({ rows: [row(1, 1, { receivedAt: received })] }));
    expect(await days()).toEqual([...ahead, 'location_history_20310601']);
    await asked(url, (client) => client.query('DROP TABLE location_history_20310601'));
    await store.commit(commitOf({ rows: [row(2, 2, { receivedAt: received })] }));
    expect(await history(store, 'd', 10)).toHaveLength(1);
  });
});
