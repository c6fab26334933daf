export interface Backoff {
  /** ms, the upper bound of the first wait */
  min: number;
  /** ms, the upper bound of every wait */
  max: number;
}

/**
 * Exponential backoff with full jitter: anywhere between 0 and the bound, so that thousands of clients that lost
 * the same server do not come back together. `attempt` counts from 0; `random` is in [0,1).
 */
export function backoffDelay(attempt: number, { min, max }: Backoff, random: number): number {
  return random * Math.min(max, min * 2 ** Math.min(attempt, 30));
}
