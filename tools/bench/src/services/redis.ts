import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { start } from '../children.ts';
import { reachable } from '../peers/reachable.ts';
import { freePort } from '../session.ts';

/** A Redis of the bench's own, set up as docs/SEVERAL_PROCESSES.md asks. */
export interface Redis {
  readonly pid: number;
  readonly url: string;
  /** Forgets everything. */
  empty(): void;
  stop(): Promise<void>;
}

/** As deploy/compose has it. `scratch` is a folder on a disk. */
export async function startRedis(scratch: string): Promise<Redis> {
  const folder = mkdtempSync(join(scratch, 'redis-'));
  const port = await freePort();
  const durable = ['--save', '', '--appendonly', 'yes', '--auto-aof-rewrite-min-size', '1gb', '--maxmemory-policy', 'noeviction'];
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--loglevel', 'warning', ...durable];
  const child = start({ command: 'redis-server', args, env: {} }, undefined, false);
  await reachable(port);
  return {
    pid: child.pid,
    url: `redis://127.0.0.1:${port}`,
    empty: () => void execFileSync('redis-cli', ['-p', String(port), 'FLUSHALL'], { stdio: 'pipe' }),
    stop: () => child.stop(),
  };
}
