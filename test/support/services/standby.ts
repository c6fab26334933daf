import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { postgresOwner, postgresProgram, postgresUrl } from '../../../tools/services/postgres.ts';
import { stablePort } from '../port.ts';
import type { PostgresServer } from './postgres.ts';

/** A replica that follows this server; its data goes with the server's. */
export interface Standby {
  readonly url: string;
  stop(): Promise<void>;
}

/** Comes back once it follows; it may take a moment more until it lets anybody in. */
export async function startStandby({ folder, port }: PostgresServer): Promise<Standby> {
  const owner = postgresOwner();
  const data = join(folder, 'standby');
  const from = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-D', data, '-R', '-c', 'fast', '--no-sync'];
  execFileSync(postgresProgram('pg_basebackup'), from, { stdio: ['ignore', 'ignore', 'inherit'], ...owner });
  const own = await stablePort();
  const child = spawn(postgresProgram('postgres'), ['-D', data, '-c', `port=${own}`], { stdio: 'ignore', ...owner });
  const ended = once(child, 'exit');
  return {
    url: postgresUrl(own),
    stop: async () => {
      child.kill('SIGINT');
      await ended;
    },
  };
}
