import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The core the server gets, the core the generator gets, and whether that can be enforced. */
export interface Cores {
  server: number;
  generator: number;
  pinned: boolean;
}

/** The first two cores this process may use. */
export function chooseCores(): Cores {
  const list = /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const allowed = list.split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
  const [server = 0, generator = server] = allowed;
  const pinned = generator !== server && spawnSync('taskset', ['-V']).status === 0;
  return { server, generator, pinned };
}

/** Moves this process, all threads, to a core: it must not get in the way of the server. */
export function moveTo(core: number): void {
  spawnSync('taskset', ['-acp', String(core), String(process.pid)]);
}
