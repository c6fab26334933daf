import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Launch } from './peers/peer.ts';

const alive = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

export interface Child {
  process: ChildProcess;
  pid: number;
  /** the end of what it wrote to stderr (and stdout, unless that is read by someone) */
  tail(): string;
  /** true once it has ended */
  ended(): boolean;
  /** SIGTERM, then SIGKILL after `seconds`; a second call waits too */
  stop(seconds?: number): Promise<void>;
}

/** Starts a process on one core (undefined: any). `pipes`: the caller reads stdout and writes stdin. */
export function start(launch: Launch, core: number | undefined, pipes: boolean): Child {
  const first = launch.nice === undefined ? [] : ['nice', '-n', String(launch.nice)];
  const pinned = core === undefined ? [] : ['taskset', '-c', String(core)];
  const [command = '', ...args] = [...first, ...pinned, launch.command, ...launch.args];
  const child = spawn(command, args, { stdio: [pipes ? 'pipe' : 'ignore', 'pipe', 'pipe'], env: { ...process.env, ...launch.env } });
  if (child.pid === undefined) throw new Error(`cannot start ${command}`);
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  let tail = '';
  const keep = (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-4000);
  };
  child.stderr?.on('data', keep);
  if (!pipes) child.stdout?.on('data', keep);
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  return {
    process: child,
    pid: child.pid,
    tail: () => tail,
    ended,
    stop: async (seconds = 10) => {
      if (!ended()) child.kill('SIGTERM');
      for (const end = Date.now() + seconds * 1000; !ended() && Date.now() < end; ) await pause(20);
      if (!ended()) child.kill('SIGKILL');
      while (!ended()) await pause(20);
    },
  };
}
