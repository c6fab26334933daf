/** The life of a counter that nobody counts: the driver is in nobody's memory. */
export const KEPT = 'kept';

/** Whether somebody counts cannot be seen now: Redis does not answer, or may have lost who is in whose memory. */
export const UNSEEN = 'unseen';

/** Whether it is such a life, of a driver or of a trip of it: one that comes more than once, and says each time something else. */
export function isNobodys(epoch: string): boolean {
  return epoch.startsWith(KEPT) || epoch.startsWith(UNSEEN);
}
