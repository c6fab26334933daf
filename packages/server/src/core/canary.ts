import { advance } from './advance.ts';
import type { Command } from './commands.ts';
import { activeTrip, type Driver, newDriver } from './driver.ts';
import { type Effects, noEffects } from './effects.ts';
import type { Rules } from './rules.ts';
import { newTrip, type Trip } from './trip.ts';

/** No id may have it: whatever is named so is out of every client's reach. */
const MARK = '~';
/** Far from where it drives: it never arrives, and nothing happens on the way. */
const DESTINATION = { lat: 0, lng: 90 };

/** The canary of a process: the id of its driver and of its trip. `home`: the process's number, 0 for one that is alone. */
export function canaryOf(home: number): string {
  return `${MARK}canary.${home}`;
}

export function isCanary(id: string): boolean {
  return id.startsWith(MARK);
}

/** Its trip, which is nowhere but in its driver: of a delivery no ride service is asked [X6]. */
export function canaryTrip(id: string): Trip {
  return newTrip(id, { kind: 'delivery', driverId: id, stops: [{ type: 'dropoff', ...DESTINATION }] }, '', 0);
}

/** A canary is on its trip from the start, and begins anew wherever it is not in memory: the store never hears of it. */
export function newCanary(id: string, epoch: string): Driver {
  const driver = newDriver(id, epoch);
  driver.trips = [activeTrip(driver, canaryTrip(id))];
  return driver;
}

/** As `advance`; only its positions and its answers come of it: nothing is stored, and nothing happens that anybody is told of [U5]. */
export function advanceCanary(driver: Driver, command: Command, position: number, rules: Rules, effects: Effects): void {
  const own = noEffects();
  advance(driver, command, position, rules, own);
  for (const one of own.published) if (one.type === 'location') effects.published.push(one);
  effects.answers.push(...own.answers);
}
