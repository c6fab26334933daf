import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPostgresStore } from '../../../../packages/server/src/adapters/postgres-store/store.ts';
import { postgresProgram } from '../../../services/postgres.ts';
import { withClient } from '../services/postgres.ts';
import { COLUMNS, copyLine, FixRows } from './rows.ts';

/** As the engine: two commits under way at most. */
const IN_FLIGHT = 2;
const DRIVERS = 2_000;

/** One way to get rows into location_history. */
export interface RowWriter {
  readonly name: string;
  readonly url: string;
  readonly rows: number;
  /** Into the empty table; everything is durable when it resolves. */
  write(): Promise<void>;
  close(): Promise<void>;
}

/** The store as the server uses it. `whole`: how many of a commit's drivers are stored whole with it. */
export async function storeWriter(url: string, rows: number, batch: number, whole: number): Promise<RowWriter> {
  const store = await openPostgresStore({ url });
  const fixes = new FixRows(DRIVERS);
  return {
    name: `store, ${batch} a commit${whole > 0 ? `, ${whole} drivers whole` : ''}`,
    ...{ url, rows },
    write: async () => {
      const underWay = new Set<Promise<unknown>>();
      for (let left = rows; left > 0; left -= batch) {
        if (underWay.size >= IN_FLIGHT) await Promise.race(underWay);
        const commit = store.commit(fixes.commit(Math.min(batch, left), whole)).finally(() => underWay.delete(commit));
        underWay.add(commit);
      }
      await Promise.all(underWay);
    },
    close: () => store.close(),
  };
}

/** All rows in one COPY of psql, from a file. */
export function copyWriter(url: string, rows: number, folder: string): RowWriter {
  const file = join(folder, 'rows.tsv');
  const now = Date.now();
  writeFileSync(file, Array.from({ length: rows }, (_, n) => copyLine(n, DRIVERS, now)).join(''));
  return {
    name: 'psql COPY',
    ...{ url, rows },
    write: () => psql(url, ['-c', `\\copy location_history (${COLUMNS}) FROM '${file}'`]),
    close: async () => undefined,
  };
}

/** One INSERT for each, prepared, one after the other, each durable before the next. */
export function insertWriter(url: string, rows: number): RowWriter {
  const now = Date.now();
  const places = COLUMNS.split(',').map((_, i) => `$${i + 1}`);
  const text = `INSERT INTO location_history (${COLUMNS}) VALUES (${places.join(', ')})`;
  return {
    name: 'single-row INSERT',
    ...{ url, rows },
    write: () =>
      withClient(url, async (client) => {
        for (let n = 0; n < rows; n++) {
          const values = copyLine(n, DRIVERS, now)
            .trimEnd()
            .split('\t')
            .map((value) => (value === '\\N' ? null : value));
          await client.query({ name: 'insert', text, values });
        }
      }),
    close: async () => undefined,
  };
}

async function psql(url: string, args: string[]): Promise<void> {
  const child = spawn(postgresProgram('psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', url, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`psql ended with ${code}`);
}
