import type { Actor, StopInput, TripInput } from '@waycast/protocol';
import { advance } from '../advance.ts';
import type { AdoptCommand, Command, FixesCommand, NumberedFix } from '../commands.ts';
import { type Driver, newDriver } from '../driver.ts';
import { type Effects, noEffects } from '../effects.ts';
import type { Fix } from '../fix.ts';
import { newTrip, type Trip } from '../trip.ts';

export const T0 = Date.UTC(2026, 0, 5, 8);
export const RULES = { maxPlausibleSpeedKmh: 300, deliveriesMayJump: false };
export const BY: Actor = { sub: 'dispatch', role: 'dispatcher', via: 'rest' };

/** m of a degree on the sphere of F3. */
export const DEGREE = (Math.PI * 6_371_000) / 180;

/** A fix on the equator, so many metres east of the meridian, so many seconds after T0. */
export function at(seconds: number, metres = 0, more: Partial<Fix> = {}): Fix {
  return { lat: 0, lng: metres / DEGREE, at: T0 + seconds * 1000, speed: null, bearing: null, accuracy: null, altitude: null, ...more };
}

/** A stop on the same line. */
export function stop(id: string, type: StopInput['type'], metres: number, more: Partial<StopInput> = {}): StopInput {
  return { id, type, lat: 0, lng: metres / DEGREE, ...more };
}

export function trip(id: string, stops: readonly StopInput[] = [], more: Partial<TripInput> = {}): Trip {
  return newTrip(id, { kind: 'ride', driverId: 'd', stops: [...stops], ...more }, 'digest', T0);
}

/** Live and unnumbered, each received when it was captured. */
export function fixes(sent: readonly (Fix | NumberedFix)[], more: Partial<FixesCommand> = {}): FixesCommand {
  const numbered = sent.map((one) => ('fix' in one ? one : { seq: null, fix: one }));
  const receivedAt = numbered.at(-1)?.fix.at ?? T0;
  return { kind: 'fixes', driverId: 'd', receivedAt, reply: 0, live: true, stream: null, base: null, sender: 0, fixes: numbered, ...more };
}

export function adoption(one: Trip, more: Partial<AdoptCommand> = {}): AdoptCommand {
  const entry = `${one.id}/adopt/${one.revision}`;
  return { kind: 'adopt', driverId: 'd', receivedAt: T0, reply: 0, trip: one, previous: null, by: BY, at: T0, entry, ...more };
}

/** A driver that takes commands one after the other, as its partition would; effects are those of one command. */
export function road(driver: Driver = newDriver('d', 'e1')) {
  let position = 0;
  const take = (command: Command): Effects => {
    const effects = noEffects();
    advance(driver, command, ++position, RULES, effects);
    return effects;
  };
  /** Each fix by itself, live and unnumbered. */
  const drive = (...sent: Fix[]): Effects[] => sent.map((fix) => take(fixes([fix])));
  return { driver, take, drive };
}
