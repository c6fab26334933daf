import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CLI } from './cli.ts';

/** No command of these tests takes so long; one that never ends is killed, ms. */
const AT_MOST = 45_000;

/** Runs a command as a person would; answers what it wrote and how it ended (`code` null: it had to be killed). */
export async function runCli(args: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: AT_MOST,
    killSignal: 'SIGKILL',
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}
