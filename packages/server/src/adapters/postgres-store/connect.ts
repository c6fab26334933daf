import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type Client } from 'pg';
import { StartupError } from '../../startup-error.ts';
import type { Address } from './address.ts';

const RETRY_MS = 200;
const OLDEST = 15;
/** Passing while a server, or the machine it is on, comes up; everything else no waiting mends. */
const COMING_UP = new Set(['ECONNREFUSED', 'ECONNRESET', 'EAI_AGAIN', 'EHOSTUNREACH', '57P03', '53300']);

/**
 * A connection to begin with; a server that is still coming up is waited for.
 * @param key of the configuration, for what is said about it
 * @throws StartupError in one line that says what to do [P12]
 */
export async function connectFirst(key: string, { config, name }: Address, withinMs: number): Promise<Client> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const left = deadline - performance.now();
    const client = new pg.Client({ ...config, connectionTimeoutMillis: Math.max(left, RETRY_MS) });
    // What becomes of it later is told by whatever it is asked then.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (cause) {
      await client.end().catch(() => undefined);
      const code = codeOf(cause);
      if (!COMING_UP.has(code) || left < RETRY_MS) throw refusal(key, name, code, cause);
      await sleep(RETRY_MS);
    }
  }
}

/** What there is to know of a server before anything is stored on it. */
export interface ServerFacts {
  readonly version: string;
  readonly readonly: boolean;
  /** The version of PostGIS in this database, null where the server has it and the database does not; undefined: the server has none. */
  readonly postgis: string | null | undefined;
}

/** Asks, and changes nothing. */
export async function readServer(client: Client): Promise<ServerFacts> {
  const { rows } = await client.query<{ version: string; readonly: boolean }>(
    `SELECT current_setting('server_version') AS version, pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool AS readonly`,
  );
  const extensions = await client.query<{ installed: string | null }>(
    `SELECT installed_version AS installed FROM pg_available_extensions WHERE name = 'postgis'`,
  );
  return { version: rows[0]?.version ?? '', readonly: rows[0]?.readonly ?? false, postgis: extensions.rows[0]?.installed };
}

/** What rules a server out, as lines that say what to do [P12]; empty when nothing does. */
export function faultsOf({ version, readonly, postgis }: ServerFacts, name: string): string[] {
  const faults: string[] = [];
  if (Number.parseInt(version, 10) < OLDEST)
    faults.push(`PostgreSQL at ${name} has version ${version}, Waycast needs ${OLDEST} or newer: upgrade it`);
  if (readonly) faults.push(`PostgreSQL at ${name} is read-only: point DATABASE_URL at the primary`);
  if (postgis === undefined)
    faults.push(`PostgreSQL at ${name} has no PostGIS: install it on the server (Debian: postgresql-15-postgis-3), then start again`);
  return faults;
}

/** @throws StartupError when the server is too old, cannot be written, or lacks PostGIS [P12] */
export async function checkServer(client: Client, name: string): Promise<void> {
  const facts = await readServer(client);
  const [fault] = faultsOf(facts, name);
  if (fault !== undefined) throw new StartupError(fault);
  if (facts.postgis !== null) return;
  try {
    await client.query('CREATE EXTENSION IF NOT EXISTS postgis');
  } catch (cause) {
    // Two that begin at once: the other one has done it.
    if (/^(23505|42710)$/.test(codeOf(cause))) return;
    throw new StartupError(
      `PostgreSQL at ${name} does not let this user create PostGIS (${(cause as Error).message}): as a superuser run CREATE EXTENSION postgis; in this database`,
      { cause },
    );
  }
}

function refusal(key: string, name: string, code: string, cause: unknown): StartupError {
  const said = ((cause as Error).message || code).replaceAll(/\s+/g, ' ');
  const say = (what: string, remedy: string) => new StartupError(`${key}: PostgreSQL at ${name} ${what} (${said}): ${remedy}`, { cause });
  if (code.startsWith('28')) return say('refuses the login', `check user and password in ${key}`);
  if (code === '3D000') return say('has no such database', `create it, or name another in ${key}`);
  if (code === 'ENOTFOUND') return say('has no address', `check the host in ${key}`);
  if (code === '53300') return say('takes no more connections', 'raise max_connections, or lower the size of the pools');
  if (code === '57P03') return say('is not ready', 'it starts or recovers: wait, or see its log');
  return say('cannot be reached', `start it, or check host and port in ${key}`);
}

function codeOf(error: unknown): string {
  // Of several addresses each was tried; the first says enough.
  const { code, errors } = error as { code?: string; errors?: { code?: string }[] };
  return code ?? errors?.[0]?.code ?? '';
}
