import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { newDatabase, type Template, type TestDatabase } from '../../../../../../test/support/services/postgres.ts';
import type { SharedPlace } from '../../../hub/contracts/place.ts';
import { commitOf } from '../../../hub/contracts/samples.ts';
import type { SetAside } from '../../../hub/storage-ports.ts';
import { addressOf } from '../address.ts';
import { openPostgresStore, type PostgresOptions, type PostgresStore } from '../store.ts';
import { allRows } from './all-rows.ts';

export interface Database extends SharedPlace {
  url(): Promise<string>;
  open(): Promise<PostgresStore>;
}

/** With the schema as it is now: making it anew for every test would take most of their time. */
const MIGRATED: Template = {
  name: `waycast_${createHash('sha256')
    .update(readFileSync(new URL('../schema.ts', import.meta.url)))
    .digest('hex')
    .slice(0, 12)}`,
  fill: async (url) => {
    const store = await openPostgresStore({ url, process: 0 });
    await store.commit(commitOf());
    await store.close();
  },
};

/** A database of its own. Each store opened there is another process, alone once the others are closed. */
export function database(more: Partial<PostgresOptions> = {}): Database {
  let made: Promise<TestDatabase> | undefined;
  const url = async (): Promise<string> => {
    made ??= newDatabase(MIGRATED);
    return (await made).url;
  };
  const living = new Map<number, PostgresStore>();
  let last = 0;
  return {
    isShared: true,
    enough: 2_000,
    url,
    open: async () => {
      const process = ++last;
      const store = await openPostgresStore({
        url: await url(),
        process,
        living: async () => [process, ...living.keys()],
        max: 4,
        ...more,
      });
      living.set(process, store);
      const close = store.close.bind(store);
      store.close = () => {
        living.delete(process);
        return close();
      };
      return store;
    },
    // All that a commit leads to is done with it.
    settled: async () => undefined,
    setAside: () =>
      asked(url(), async (client) => {
        const { rows } = await client.query<SetAside>('SELECT partition, position, command, error, at FROM set_aside ORDER BY 1, 2');
        return rows;
      }),
    dump: async () => allRows(await url()),
    spoil: (driverId) =>
      asked(url(), async (client) => {
        await client.query(`UPDATE driver_snapshot SET state = 'null' WHERE driver = (SELECT n FROM driver WHERE id = $1)`, [driverId]);
      }),
    remove: async () => {
      if (made !== undefined) await (await made).drop();
    },
  };
}

/** Something looked up beside the store. */
export async function asked<T>(url: Promise<string> | string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(addressOf('DATABASE_URL', await url).config);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
