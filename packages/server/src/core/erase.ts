import { WaycastError } from '@waycast/protocol/errors';
import type { EraseCommand } from './commands.ts';
import type { Driver } from './driver.ts';
import type { Effects } from './effects.ts';

/**
 * The end of a driver [I10]: who follows it sees it leave, nothing of that is kept.
 * @throws WaycastError `driver_has_trips`
 */
export function erase(driver: Driver, { receivedAt, reply }: EraseCommand, effects: Effects): void {
  const { id, feed, epoch, trips, latest, lastSeenAt } = driver;
  if (trips.length > 0) throw new WaycastError('driver_has_trips', `${id} drives ${trips.map(({ trip }) => trip.id).join(', ')}`);
  // Clocks of processes and of phones differ: what the driver has done is before its end, whatever they said.
  const at = Math.max(receivedAt, lastSeenAt ?? 0, latest?.at ?? 0);
  if (driver.online)
    effects.published.push({
      type: 'event',
      feed,
      epoch,
      seq: ++driver.seq,
      event: { id: `${id}/offline/${receivedAt}`, kind: 'offline', driverId: id, at: receivedAt },
      trip: null,
    });
  driver.online = false;
  driver.latest = null;
  effects.changed.delete(driver);
  effects.erased.push({ driverId: id, at });
  effects.answers.push({ reply, kind: 'done' });
}
