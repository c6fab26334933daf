import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLI } from './cli.ts';

const WITHIN_MS = 30_000;

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `waycast` to its end, with nothing in the environment but what is said. One that comes up, or does not end in time (ms), is killed. */
export function waycast(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
  within = WITHIN_MS,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CLI, ...args], {
      // Some sixty starts: compiled once, they take half the time.
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: join(tmpdir(), 'waycast-test-compiled'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd !== undefined && { cwd }),
    });
    let [out, err] = ['', ''];
    const timer = setTimeout(() => {
      err += '\n(it did not end; killed)';
      child.kill('SIGKILL');
    }, within);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      // What should have ended serves instead: no need to wait for more.
      if (out.includes('Waycast is up')) child.kill('SIGKILL');
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, out, err });
    });
  });
}
