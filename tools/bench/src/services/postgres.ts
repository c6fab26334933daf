import { chmodSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { createPostgres, postgresOwner, postgresProgram, postgresUrl } from '../../../services/postgres.ts';
import { type Child, start } from '../children.ts';
import { freePort } from '../session.ts';

const READY_MS = 30_000;
const SETTINGS = ['shared_buffers = 256MB', 'max_wal_size = 4GB', 'max_connections = 100', 'fsync = on', 'synchronous_commit = on'];

/** A PostgreSQL of the bench's own, with PostGIS; it syncs to disk as a real one does. */
export interface Postgres {
  readonly pid: number;
  /** An empty database with PostGIS; answers its address. */
  newDatabase(): Promise<string>;
  stop(): Promise<void>;
}

/** `scratch` is a folder on a disk. */
export async function startPostgres(scratch: string, core?: number): Promise<Postgres> {
  // The user it runs as has to find its way in.
  chmodSync(scratch, 0o755);
  const folder = mkdtempSync(join(scratch, 'postgres-'));
  const port = await freePort();
  const data = createPostgres(folder, port, SETTINGS);
  const user = postgresOwner();
  const program = postgresProgram('postgres');
  const [command, first] =
    user === null ? [program, []] : ['setpriv', [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', program]];
  const child = start({ command, args: [...first, '-D', data], env: {} }, core, false);
  const url = (name: string) => postgresUrl(port, name);
  await answering(child, url('postgres'));
  let made = 0;
  return {
    pid: child.pid,
    newDatabase: async () => {
      const name = `waycast_${++made}`;
      await withClient(url('postgres'), (client) => client.query(`CREATE DATABASE ${name}`));
      await withClient(url(name), (client) => client.query('CREATE EXTENSION postgis'));
      return url(name);
    },
    stop: async () => {
      // Whoever is still connected is not waited for.
      if (!child.ended()) child.process.kill('SIGINT');
      for (const end = Date.now() + READY_MS; !child.ended() && Date.now() < end; ) await pause(20);
      await child.stop();
    },
  };
}

/** A few questions on a connection of their own. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function answering(child: Child, url: string): Promise<void> {
  let last: unknown;
  for (const end = Date.now() + READY_MS; Date.now() < end && !child.ended(); await pause(50)) {
    try {
      return await withClient(url, async () => undefined);
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`PostgreSQL did not come up: ${String(last)}\n${child.tail()}`);
}
