import { retryDelay } from './backoff.ts';
import type { Claim, SendResult, Settled } from './ports.ts';

/** What still fails this long after it was to be delivered first is given up. */
export const GIVE_UP_MS = 72 * 3_600_000;
/** Longer than this nobody is waited for, whatever Retry-After says, s. */
const MOST_RETRY_AFTER = 3_600;

export interface Verdict extends Pick<Settled, 'outcome' | 'retryAt' | 'disable'> {
  /** Nothing is sent to this consumer before, epoch ms; 0: it has not asked for that. */
  readonly restUntil: number;
}

/** What the answer to a try means [W9-W11]. `now`: when it came. */
export function verdict({ consumer, tries, since }: Claim, result: SendResult, now: number, chance: number): Verdict {
  const { status, retryAfter } = result;
  if (status !== null && status >= 200 && status < 300) return { outcome: 'delivered', retryAt: now, disable: null, restUntil: 0 };
  const disable = status === 410 && consumer.kind === 'webhook' ? 'it answered 410: it is gone for good' : null;
  const restUntil = retryAfter === null ? 0 : now + Math.min(retryAfter, MOST_RETRY_AFTER) * 1000;
  const retryAt = Math.max(now + retryDelay(tries + 1, chance), restUntil);
  return { outcome: now - since >= GIVE_UP_MS ? 'dead' : 'failed', retryAt, disable, restUntil };
}
