import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DATABASE } from './folder.ts';

const LOOKING = fileURLToPath(new URL('./inspect-process.ts', import.meta.url));
const SAID_AT_MOST = 2_000;

/** What a look at the embedded database finds; `undefined`: it was not told in time. */
export interface SqliteFindings {
  readonly sqlite?: string;
  readonly schema?: number;
  /** Commands that were set aside; null before there is a table for them. */
  readonly setAside?: number | null;
  /** `ok`, or what is damaged. */
  readonly integrity?: string;
  /** Why it cannot be read. */
  readonly problem?: string;
}

export function databaseOf(dataDir: string): string {
  return join(dataDir, DATABASE);
}

/** Bytes of the database and of its write-ahead log; null where there is none yet. */
export function sizesOf(dataDir: string): { readonly database: number; readonly wal: number } | null {
  const database = statSync(databaseOf(dataDir), { throwIfNoEntry: false });
  if (database === undefined) return null;
  return { database: database.size, wal: statSync(`${databaseOf(dataDir)}-wal`, { throwIfNoEntry: false })?.size ?? 0 };
}

/**
 * Looks at the database without changing anything, also while a server runs on it. In a process of its own: reading all of
 * it takes as long as its size asks for, and SQLite cannot be stopped amid it otherwise.
 */
export async function inspectSqlite(dataDir: string, withinMs: number): Promise<SqliteFindings> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', LOOKING, databaseOf(dataDir)], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => clearTimeout(timer));
  const lines = out.split('\n').slice(0, -1);
  const findings = Object.assign({}, ...lines.map((line) => JSON.parse(line) as object)) as SqliteFindings;
  if (code === 0 || code === null) return findings;
  return { problem: err.trim().slice(0, SAID_AT_MOST), ...findings };
}

/** Who holds the folder, as it said itself, if the system shows that its lock is held; null when nobody does, or it cannot be told. */
export function holderOf(dataDir: string): string | null {
  const lock = statSync(join(dataDir, 'lock'), { throwIfNoEntry: false });
  // Trying to take the lock could get into the way of a server that starts this moment.
  if (lock === undefined || !existsSync('/proc/locks')) return null;
  const held = readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .find((line) => line.includes(`:${lock.ino} `));
  const pid = held === undefined ? undefined : /\sWRITE\s+(\d+)/.exec(held)?.[1];
  return pid === undefined ? null : `process ${pid}`;
}
