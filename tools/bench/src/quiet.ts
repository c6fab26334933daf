import { setTimeout as pause } from 'node:timers/promises';
import { readCores } from './proc.ts';

const LOOK_MS = 300;
/** of one core, both cores together; idle servers and a bench that waits stay far below */
const BUSY = 0.15;
const PATIENCE_MS = 60_000;

/** Resolves when the machine has gone quiet, or patience is at its end: a run that is disturbed all the same will say so. */
export async function quiet(cores: number[], deadline: number): Promise<void> {
  const end = Math.min(deadline, Date.now() + PATIENCE_MS);
  for (;;) {
    const before = readCores(cores);
    await pause(LOOK_MS);
    const busy = (readCores(cores).busy - before.busy) / (LOOK_MS / 1000);
    if (busy < BUSY || Date.now() > end) return;
  }
}
