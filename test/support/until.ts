import { setTimeout as sleep } from 'node:timers/promises';

const EVERY_MS = 10;

/** Waits for a condition, not for a time; says what it last saw when it never comes. */
export async function until<T>(look: () => T | Promise<T>, holds: (seen: T) => boolean, withinMs = 20_000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (performance.now() > deadline) throw new Error(`still not so after ${withinMs} ms: ${JSON.stringify(seen)?.slice(0, 2_000)}`);
    await sleep(EVERY_MS);
  }
}
