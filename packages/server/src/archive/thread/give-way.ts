import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Between 0, as everybody, and 19. */
const NICE = 10;

/** This thread has a processor when the one that serves needs none. On Linux alone threads can be told apart. */
export function giveWay(): void {
  if (process.platform !== 'linux') return;
  // PID/task/TID
  const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  setPriority(thread, NICE);
}
