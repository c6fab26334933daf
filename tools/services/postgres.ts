import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const VERSIONS = '/usr/lib/postgresql';

/**
 * Makes what a PostgreSQL of somebody's own starts from, in `data` within the folder, for `postgresOwner()`; answers
 * where that is. It listens at the port, on this machine alone, and trusts whoever comes. `settings` are lines of
 * postgresql.conf.
 */
export function createPostgres(folder: string, port: number, settings: readonly string[]): string {
  const owner = postgresOwner();
  if (owner !== null) chownSync(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  const args = ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
  execFileSync(postgresProgram('initdb'), args, { stdio: ['ignore', 'ignore', 'inherit'], ...owner });
  const place = [`port = ${port}`, `listen_addresses = '127.0.0.1'`, `unix_socket_directories = ''`, 'logging_collector = off'];
  writeFileSync(join(data, 'postgresql.conf'), `${[...place, ...settings].join('\n')}\n`, { flag: 'a' });
  return data;
}

/** As its superuser. */
export function postgresUrl(port: number, database = 'postgres'): string {
  return `postgresql://postgres@127.0.0.1:${port}/${database}`;
}

/** Who it runs as: it refuses to run as root; null: as whoever we are. */
export function postgresOwner(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const number = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: number('-u'), gid: number('-g') };
}

/** Debian keeps the programs of each version beside the path; the newest there is. */
export function postgresProgram(name: string): string {
  const newest = existsSync(VERSIONS) ? readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a))[0] : undefined;
  const path = newest === undefined ? name : join(VERSIONS, newest, 'bin', name);
  if (spawnSync(path, ['--version']).error !== undefined) throw new Error(`${name} of PostgreSQL is not installed`);
  return path;
}
