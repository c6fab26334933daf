const FIRST_MS = 5_000;
const MOST_MS = 3_600_000;
/** How much of a wait chance decides, so that what failed together does not come back together. */
const JITTER = 0.25;

/** How long after the `failures`th failure in a row the next try is, ms; `chance` is from [0, 1) [W9]. */
export function retryDelay(failures: number, chance: number): number {
  const whole = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 30));
  return Math.round(whole * (1 - JITTER * chance));
}
