import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { type Child, start } from '../children.ts';
import { freePort } from '../session.ts';

const VERSIONS = '/usr/lib/postgresql';
const READY_MS = 30_000;

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
  const user = owner();
  if (user !== null) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  execFileSync(program('initdb'), ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    ...user,
  });
  appendFileSync(join(data, 'postgresql.conf'), `${settings(port).join('\n')}\n`);
  const [command, first] =
    user === null
      ? [program('postgres'), []]
      : ['setpriv', [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', program('postgres')]];
  const child = start({ command, args: [...first, '-D', data], env: {} }, core, false);
  const url = (name: string) => `postgresql://postgres@127.0.0.1:${port}/${name}`;
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

function settings(port: number): string[] {
  return [
    `port = ${port}`,
    `listen_addresses = '127.0.0.1'`,
    `unix_socket_directories = ''`,
    'shared_buffers = 256MB',
    'max_wal_size = 4GB',
    'max_connections = 100',
    'fsync = on',
    'synchronous_commit = on',
    'logging_collector = off',
  ];
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

/** It refuses to run as root; null: as whoever we are. */
function owner(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const number = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: number('-u'), gid: number('-g') };
}

/** Debian keeps the programs of each version beside the path; the newest there is. */
export function program(name: string): string {
  const newest = existsSync(VERSIONS) ? readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a))[0] : undefined;
  const path = newest === undefined ? name : join(VERSIONS, newest, 'bin', name);
  if (spawnSync(path, ['--version']).error !== undefined) throw new Error(`${name} of PostgreSQL is not installed`);
  return path;
}
