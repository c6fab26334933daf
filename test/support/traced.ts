import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

/** One system call as strace saw it end. */
export interface Call {
  readonly name: string;
  /** path of the file or name of the socket it was about */
  readonly of: string;
  readonly text: string;
}

/** Installs strace where that is possible; false when there is none. */
export function haveStrace(): boolean {
  if (spawnSync('strace', ['-V']).status === 0) return true;
  if (process.getuid?.() !== 0) return false;
  spawnSync('apt-get', ['update', '-qq']);
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'strace']);
  return spawnSync('strace', ['-V']).status === 0;
}

/** What all threads of a process ask of the system while `work` runs, in the order the calls ended. */
export async function traced(pid: number, calls: readonly string[], work: () => Promise<void>): Promise<Call[]> {
  const file = join(tmpdir(), `waycast-trace-${pid}-${Date.now()}`);
  const args = ['-f', '-yy', '-s', '4096', '-e', `trace=${calls.join()}`, '-o', file, '-p', String(pid)];
  const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told += text));
  const ended = once(child, 'exit');
  await until(
    () => ({ told, ended: child.exitCode }),
    (seen) => seen.told.includes('attached') || seen.ended !== null,
  );
  if (child.exitCode !== null) throw new Error(`strace: ${told}`);
  await work();
  child.kill('SIGINT');
  await ended;
  const seen = parse(readFileSync(file, 'utf8'));
  rmSync(file);
  return seen;
}

/** Lines `PID name(4</path>, ...) = 0`, or the two halves of one that was interrupted by another thread's. */
function parse(text: string): Call[] {
  const begun = new Map<string, string>();
  const calls: Call[] = [];
  for (const line of text.split('\n')) {
    const [, thread = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (rest.endsWith('<unfinished ...>')) {
      // The space before the mark is strace's, not the call's.
      begun.set(thread, rest.slice(0, -'<unfinished ...>'.length).trimEnd());
      continue;
    }
    const whole = rest.startsWith('<... ') ? `${begun.get(thread) ?? ''}${rest.replace(/^<\.\.\. \w+ resumed>/, '')}` : rest;
    const [, name, of] = /^(\w+)\(\d+<(.*?)>(?=[,)])/.exec(whole) ?? [];
    if (name !== undefined && of !== undefined) calls.push({ name, of, text: whole });
  }
  return calls;
}
