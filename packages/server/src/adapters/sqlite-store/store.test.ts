import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { eraseAll } from '../../hub/contracts/erase-all.ts';
import { erasureContract } from '../../hub/contracts/erasure.ts';
import { passesContract } from '../../hub/contracts/passes.ts';
import type { StorePlace } from '../../hub/contracts/place.ts';
import { recordsContract } from '../../hub/contracts/records.ts';
import { commitOf, driverAt, history, row } from '../../hub/contracts/samples.ts';
import { sessionLogContract } from '../../hub/contracts/session-log.ts';
import { storeContract } from '../../hub/contracts/store.ts';
import type { SetAside, StoreHealth } from '../../hub/storage-ports.ts';
import { StartupError } from '../../startup-error.ts';
import { openSqliteStore, type SqliteStore } from './store.ts';
import { allRows } from './testing/all-rows.ts';

/** A folder of its own; settled once the journal is empty. */
function folder(): StorePlace {
  const dataDir = mkdtempSync(join(tmpdir(), 'waycast-store-'));
  return {
    open: () => openSqliteStore({ dataDir }),
    enough: 20_000,
    settled: async () => {
      const db = new DatabaseSync(join(dataDir, 'waycast.db'), { readOnly: true });
      try {
        await vi.waitFor(() => expect(db.prepare('SELECT count(*) AS n FROM journal').get()).toEqual({ n: 0 }), {
          timeout: 20_000,
          interval: 5,
        });
      } finally {
        db.close();
      }
    },
    setAside: async () => {
      const db = new DatabaseSync(join(dataDir, 'waycast.db'), { readOnly: true });
      try {
        const rows = db.prepare('SELECT partition, position, command, error, at FROM set_aside').all();
        return rows.map((row) => ({ ...(row as unknown as SetAside), command: JSON.parse(row.command as string) as SetAside['command'] }));
      } finally {
        db.close();
      }
    },
    dump: async () => allRows(join(dataDir, 'waycast.db')),
    spoil: async (driverId) => {
      const db = new DatabaseSync(join(dataDir, 'waycast.db'));
      try {
        db.prepare(`UPDATE snapshot SET state = '{"position":' WHERE driver = (SELECT id FROM driver WHERE name = ?)`).run(driverId);
      } finally {
        db.close();
      }
    },
    remove: async () => rmSync(dataDir, { recursive: true, force: true }),
  };
}

erasureContract('SqliteStore', folder);
storeContract('SqliteStore', folder);
recordsContract('SqliteStore', folder);
passesContract('SqliteStore', folder);
sessionLogContract('SqliteStore', folder);

it('a driver that is erased while its fixes move into history has none there, nor anybody a half one [I13]', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'waycast-store-'));
  const store = await openSqliteStore({ dataDir });
  const db = new DatabaseSync(join(dataDir, 'waycast.db'), { readOnly: true });
  try {
    const count = (what: string) => Number(db.prepare(`SELECT count(*) AS n FROM ${what}`).get()?.n);
    const rows = Array.from({ length: 200_000 }, (_, n) => row(n + 1, n, { driverId: n % 2 === 0 ? 'd' : 'gone' }));
    await store.commit(commitOf({ rows, snapshots: [driverAt('d', rows.length), driverAt('gone', rows.length)] }));
    await vi.waitFor(() => expect(count('fix')).toBeGreaterThan(0), { interval: 1 });
    expect(count('journal')).toBe(1);
    await store.commit(commitOf({ erased: [{ driverId: 'gone', at: Date.now() }] }));
    expect(count('journal')).toBe(1);
    await vi.waitFor(() => expect(count('journal')).toBe(0), { timeout: 20_000, interval: 5 });
    expect(count('fix WHERE driver = 0')).toBe(0);
    expect(count(`fix WHERE driver = (SELECT id FROM driver WHERE name = 'd')`)).toBe(100_000);
    await eraseAll(store);
    expect(count('fix')).toBe(100_000);
  } finally {
    db.close();
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

describe('the data folder', () => {
  const folders: string[] = [];
  const opened: SqliteStore[] = [];
  const fresh = () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'waycast-folder-'));
    folders.push(dataDir);
    return dataDir;
  };
  const open = async (dataDir: string, more: Partial<Parameters<typeof openSqliteStore>[0]> = {}) => {
    const store = await openSqliteStore({ dataDir, ...more });
    opened.push(store);
    return store;
  };
  afterEach(async () => {
    // That a store closes is a case of its own: one that does not must not hold up the others.
    const patience = new Promise((resolve) => setTimeout(resolve, 2_000).unref());
    await Promise.race([Promise.all(opened.splice(0).map((store) => store.close())), patience]);
    for (const dataDir of folders.splice(0)) rmSync(dataDir, { recursive: true, force: true });
  });

  it('belongs to one: a second one is refused, and the first is named [A8]', async () => {
    const dataDir = fresh();
    const store = await open(dataDir);
    await expect(openSqliteStore({ dataDir })).rejects.toThrow(new RegExp(`in use by process ${process.pid} `));
    await expect(openSqliteStore({ dataDir })).rejects.toThrow(StartupError);
    await store.commit(commitOf({ rows: [row(1, 1)] }));
    await store.close();
    expect(await history(await open(dataDir), 'd', 10)).toHaveLength(1);
  });

  it('is refused to another process, and free again when its holder dies, however it dies [A8]', async () => {
    const dataDir = fresh();
    const script = join(fresh(), 'holder.ts');
    writeFileSync(
      script,
      `import { openSqliteStore } from ${JSON.stringify(join(import.meta.dirname, 'store.ts'))};
      await openSqliteStore({ dataDir: ${JSON.stringify(dataDir)} });
      console.log('open');`,
    );
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    expect(String(await Promise.race([once(child.stdout, 'data'), exited]))).toBe('open\n');
    await expect(openSqliteStore({ dataDir })).rejects.toThrow(new RegExp(`process ${child.pid} \\(since 20`));
    child.kill('SIGKILL');
    await exited;
    await open(dataDir);
    expect(JSON.parse(readFileSync(join(dataDir, 'holder.json'), 'utf8'))).toMatchObject({ pid: process.pid });
  });

  it('that cannot be made says so in one line', async () => {
    const file = join(fresh(), 'file');
    writeFileSync(file, '');
    await expect(openSqliteStore({ dataDir: join(file, 'data') })).rejects.toThrow(/^DATA_DIR .* cannot be written/);
  });

  it('with a damaged database says what to do, and stays free', async () => {
    const dataDir = fresh();
    await (await open(dataDir)).close();
    writeFileSync(join(dataDir, 'waycast.db'), 'this is no database, but it was one once. '.repeat(200));
    for (let attempt = 0; attempt < 2; attempt++)
      await expect(openSqliteStore({ dataDir })).rejects.toThrow(/is damaged .*restore a backup/);
    rmSync(join(dataDir, 'waycast.db'));
    await open(dataDir);
  });

  it('of a newer program is refused and left alone', async () => {
    const dataDir = fresh();
    await (await open(dataDir)).close();
    const db = new DatabaseSync(join(dataDir, 'waycast.db'));
    db.exec('PRAGMA user_version = 99');
    db.close();
    await expect(openSqliteStore({ dataDir })).rejects.toThrow(/version 99.*newer Waycast/);
    const after = new DatabaseSync(join(dataDir, 'waycast.db'));
    expect(after.prepare('PRAGMA user_version').get()).toEqual({ user_version: 99 });
    after.close();
  });

  describe('that is full', () => {
    async function filled() {
      const said: StoreHealth[] = [];
      const dataDir = fresh();
      const store = await open(dataDir, { maxPages: 80, onHealth: (health) => said.push(health) });
      let acknowledged = 0;
      let position = 0;
      while (store.health().ok && position < 100_000) {
        const rows = Array.from({ length: 500 }, () => row(++position, position));
        const committed = store.commit(commitOf({ rows, snapshots: [driverAt('d', position)] })).then(() => acknowledged++);
        committed.catch(() => undefined);
        await vi.waitFor(() => expect(acknowledged * 500 === position || !store.health().ok).toBe(true), { timeout: 5_000, interval: 1 });
      }
      return { store, dataDir, said, acknowledged: () => acknowledged, asked: position };
    }

    it('acknowledges nothing, says why, and still reads [A1, A7]', async () => {
      const { store, said, acknowledged, asked } = await filled();
      expect(store.health()).toEqual({ ok: false, problem: expect.stringMatching(/full/) });
      expect(said).toEqual([{ ok: false, problem: expect.stringMatching(/full/) }]);
      const before = acknowledged();
      expect(before * 500).toBeLessThan(asked);
      let more = false;
      store.commit(commitOf({ rows: [row(999_999, 1)] })).then(
        () => {
          more = true;
        },
        () => undefined,
      );
      expect(await history(store, 'd', 5_000)).toHaveLength(before * 500);
      expect([more, acknowledged()]).toEqual([false, before]);
    });

    it('can be closed; what waited was never acknowledged, what was acknowledged is there [A1]', async () => {
      const { store, dataDir, acknowledged } = await filled();
      await store.close();
      expect(await history(await open(dataDir), 'd', 5_000)).toHaveLength(acknowledged() * 500);
    }, 5_000);
  });
});
