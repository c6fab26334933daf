import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Between 0, as everybody, and 19. */
const NICE = 10;
const NICEST = 19;
const CHRT_MS = 1_000;

/** This thread has a processor when the one that serves needs none. On Linux alone threads can be told apart. */
export function giveWay(): void {
  if (process.platform === 'linux') setPriority(threadId(), NICE);
}

/**
 * As `giveWay`, and wholly: whoever wakes up has the processor at once. Beside a thread that is merely nice it waits until that
 * one has had its slice, some ms, and a fix on its way to the disk wakes three threads. For what nobody waits for.
 */
export function standBack(): void {
  if (process.platform !== 'linux') return;
  const thread = threadId();
  // Nice in any case: chrt is of util-linux, which every Debian has, but not every container.
  setPriority(thread, NICEST);
  spawnSync('chrt', ['--idle', '--pid', '0', String(thread)], { stdio: 'ignore', timeout: CHRT_MS });
}

function threadId(): number {
  // PID/task/TID
  return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
}
