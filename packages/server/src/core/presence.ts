import type { AvailabilityCommand, OfflineCommand, ProfileCommand } from './commands.ts';
import { type Driver, OFFLINE_MS, STALE_MS } from './driver.ts';
import type { Effects } from './effects.ts';
import type { DriverHappened } from './events.ts';

/** A sign of life: silence is over [D2]. */
export function heard(driver: Driver, receivedAt: number, effects: Effects): void {
  driver.lastSeenAt = receivedAt;
  driver.stale = false;
  if (driver.online) return;
  driver.online = true;
  driverHappened(driver, 'online', receivedAt, effects);
}

/** Time has passed: what silence decides is decided now [D2, D3]. */
export function tick(driver: Driver, now: number, effects: Effects): void {
  if (!driver.online || driver.lastSeenAt === null) return;
  const silence = now - driver.lastSeenAt;
  if (silence >= STALE_MS && driver.trips.length > 0 && !driver.stale) {
    driver.stale = true;
    driverHappened(driver, 'stale', now, effects);
  }
  if (silence >= OFFLINE_MS) leave(driver, now, effects);
}

/** Off duty by its own word; whatever it says next brings it back [D2]. */
export function goOffline(driver: Driver, command: OfflineCommand, effects: Effects): void {
  if (driver.online) leave(driver, command.receivedAt, effects);
  effects.changed.add(driver);
  effects.answers.push({ reply: command.reply, kind: 'done' });
}

function leave(driver: Driver, at: number, effects: Effects): void {
  driver.online = false;
  driverHappened(driver, 'offline', at, effects);
}

function driverHappened(driver: Driver, kind: DriverHappened['kind'], at: number, effects: Effects): void {
  const event: DriverHappened = { id: `${driver.id}/${kind}/${at}`, kind, driverId: driver.id, at };
  effects.events.push(event);
  effects.published.push({ type: 'event', feed: driver.feed, epoch: driver.epoch, seq: ++driver.seq, event, trip: null });
  effects.changed.add(driver);
}

export function setAvailability(driver: Driver, command: AvailabilityCommand, effects: Effects): void {
  driver.available = command.available;
  heard(driver, command.receivedAt, effects);
  effects.changed.add(driver);
  effects.answers.push({ reply: command.reply, kind: 'done' });
}

export function setProfile(driver: Driver, command: ProfileCommand, effects: Effects): void {
  driver.profile = { ...driver.profile, ...command.profile };
  effects.changed.add(driver);
  effects.answers.push({ reply: command.reply, kind: 'done' });
}
