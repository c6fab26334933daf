import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createPostgres, postgresOwner, postgresProgram, postgresUrl } from '../../../tools/services/postgres.ts';
import { stablePort } from '../port.ts';
import { until } from '../until.ts';

/** Where the server shared by a run of tests lives; global-setup.ts names the folder and clears it away. */
export const SHARED_FOLDER = 'WAYCAST_TEST_SERVICES';
const TEMPLATE = 'waycast_template';
/** One at a time: PostgreSQL copies from a template nobody is connected to. */
const COPYING = 731_004;
const SETTINGS = ['shared_buffers = 64MB', 'max_connections = 200', 'max_wal_size = 512MB'];

/** A PostgreSQL with PostGIS of a test's own, on a port that stays. */
export interface PostgresServer {
  /** Of its superuser, to the database `postgres`. */
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  /** Of the postmaster, while it runs. */
  pid(): number;
  /** `SIGTERM` waits for those connected, `SIGINT` cuts them off, `SIGKILL` is a crash. */
  stop(signal?: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<void>;
  start(): Promise<void>;
  /** Stops it and clears its folder away. */
  remove(): Promise<void>;
}

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** Starts a server of a test's own; `settings` are lines of postgresql.conf. It syncs to disk as a real one does. */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  // Within that folder it ends with the run of tests, however that ends.
  const folder = mkdtempSync(join(process.env[SHARED_FOLDER] ?? tmpdir(), 'waycast-pg-'));
  const port = await stablePort();
  createPostgres(folder, port, [...SETTINGS, ...settings]);
  let stopped: Promise<unknown> = Promise.resolve();
  const pid = (): number => Number(readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
  const server: PostgresServer = {
    url: postgresUrl(port),
    port,
    folder,
    pid,
    start: async () => {
      await stopped;
      // A crash leaves it behind, and the number may be somebody else's by now.
      rmSync(join(folder, 'data', 'postmaster.pid'), { force: true });
      const child = spawn(postgresProgram('postgres'), ['-D', join(folder, 'data')], { stdio: 'ignore', ...postgresOwner() });
      stopped = once(child, 'exit');
      await answering(port);
    },
    stop: async (signal = 'SIGINT') => {
      process.kill(pid(), signal);
      await stopped;
      // Those of a crashed server's processes that are left hold its memory until they notice.
      if (signal === 'SIGKILL')
        await until(
          () => processesOf(folder),
          (left) => left.length === 0,
        );
    },
    remove: async () => {
      if (existsSync(join(folder, 'data', 'postmaster.pid'))) await server.stop().catch(() => undefined);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

/** What databases begin as: made once on a server, then copied. */
export interface Template {
  /** Tells apart what differs. */
  readonly name: string;
  /** Puts into a database with PostGIS whatever all of them begin with. */
  fill(url: string): Promise<void>;
}

/**
 * A database with PostGIS: on the server `DATABASE_URL` names, else on one shared by this run of tests, started
 * by whoever needs it first.
 */
export async function newDatabase(template?: Template): Promise<TestDatabase> {
  const server = process.env.DATABASE_URL ?? (await sharedServer());
  const name = `waycast_${process.pid}_${Math.random().toString(36).slice(2, 10)}`;
  await asAdmin(server, async (client) => {
    await client.query(`SELECT pg_advisory_lock(${COPYING})`);
    await ensureTemplate(server, client, TEMPLATE, '', (url) => asAdmin(url, installPostgis));
    if (template !== undefined) await ensureTemplate(server, client, template.name, `TEMPLATE ${TEMPLATE}`, (url) => template.fill(url));
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template?.name ?? TEMPLATE}`);
  });
  const url = withDatabase(server, name);
  return { url, drop: () => asAdmin(server, async (client) => void (await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))) };
}

async function installPostgis(client: pg.Client): Promise<void> {
  await client.query('CREATE EXTENSION postgis');
}

async function ensureTemplate(
  server: string,
  client: pg.Client,
  name: string,
  from: string,
  fill: (url: string) => Promise<void>,
): Promise<void> {
  const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
  if (rowCount !== 0) return;
  await client.query(`CREATE DATABASE ${name} ${from}`);
  try {
    await fill(withDatabase(server, name));
  } catch (error) {
    await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
    throw error;
  }
}

/** The same server, another database. */
export function withDatabase(url: string, name: string): string {
  const to = new URL(url);
  to.pathname = `/${name}`;
  return to.href;
}

async function asAdmin(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** Starts the shared server unless another test file has; answers its address. */
async function sharedServer(): Promise<string> {
  const services = process.env[SHARED_FOLDER];
  if (services === undefined) throw new Error(`${SHARED_FOLDER} is not set: run this by vitest, or set DATABASE_URL`);
  const folder = join(services, 'postgres');
  const address = join(services, 'postgres.url');
  try {
    mkdirSync(folder, { mode: 0o755 });
  } catch {
    // Another one is at it.
    return await until(
      () => (existsSync(address) ? readFileSync(address, 'utf8') : ''),
      (url) => url !== '',
      60_000,
    );
  }
  const port = await stablePort();
  // Nobody crashes it, and it is gone after the run: what waits for the disk has servers of its own.
  createPostgres(folder, port, [...SETTINGS, 'fsync = off', 'full_page_writes = off']);
  // It outlives the test file that starts it: global-setup.ts stops it.
  spawn(postgresProgram('postgres'), ['-D', join(folder, 'data')], { stdio: 'ignore', detached: true, ...postgresOwner() }).unref();
  await answering(port);
  writeFileSync(address, postgresUrl(port));
  return postgresUrl(port);
}

async function answering(port: number): Promise<void> {
  const look = async (): Promise<string> => {
    const client = new pg.Client({ connectionString: postgresUrl(port) });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return 'yes';
    } catch (error) {
      return (error as Error).message;
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  await until(look, (seen) => seen === 'yes', 30_000);
}

function processesOf(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && workingIn(pid) === join(folder, 'data'));
}

function workingIn(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    // Gone meanwhile.
    return '';
  }
}
