import { WaycastError } from '@waycast/protocol/errors';
import type { Command, OpenCommand } from './commands.ts';
import { adopt, changeTripStatus, expireTrips, patchActiveTrip, release, removeTrip, writeOnTrip } from './drive-trip.ts';
import type { Driver } from './driver.ts';
import type { Effects } from './effects.ts';
import { erase } from './erase.ts';
import { streamOf } from './identities.ts';
import { goOffline, setAvailability, setProfile, tick } from './presence.ts';
import type { Rules } from './rules.ts';
import { settleRefused, takeFixes } from './take-fixes.ts';

/**
 * Applies one command to the driver it is for. Changes the driver, adds what follows from it to `effects`.
 * No I/O, no clock, no chance: the same driver and commands always give the same.
 * Folding stored fixes after a snapshot is this same function, its effects thrown away.
 */
export function advance(driver: Driver, command: Command, position: number, rules: Rules, effects: Effects): void {
  driver.position = position;
  try {
    apply(driver, command, rules, effects);
  } catch (error) {
    if (!(error instanceof WaycastError)) throw error;
    effects.answers.push({ reply: command.reply, kind: 'error', code: error.code, message: error.message, field: error.field });
  }
}

function apply(driver: Driver, command: Command, rules: Rules, effects: Effects): void {
  switch (command.kind) {
    case 'fixes':
      takeFixes(driver, command, rules, effects);
      break;
    case 'refused':
      settleRefused(driver, command, effects);
      break;
    case 'open':
      open(driver, command, effects);
      break;
    case 'adopt':
      adopt(driver, command, effects);
      break;
    case 'release':
      release(driver, command, effects);
      break;
    case 'status':
      changeTripStatus(driver, command, rules, effects);
      break;
    case 'patch':
      patchActiveTrip(driver, command, effects);
      break;
    case 'remove':
      removeTrip(driver, command, effects);
      break;
    case 'message':
      writeOnTrip(driver, command, effects);
      break;
    case 'availability':
      setAvailability(driver, command, effects);
      break;
    case 'offline':
      goOffline(driver, command, effects);
      break;
    case 'profile':
      setProfile(driver, command, effects);
      break;
    case 'erase':
      erase(driver, command, effects);
      break;
    case 'tick':
      tick(driver, command.receivedAt, effects);
      expireTrips(driver, command.receivedAt, effects);
      break;
    default:
      command satisfies never;
  }
}

/** Tells a client where its numbering stands; the answer is given once that is durable [A4]. */
function open(driver: Driver, command: OpenCommand, effects: Effects): void {
  const { settled } = streamOf(driver.identities, command.stream);
  effects.changed.add(driver);
  effects.answers.push({ reply: command.reply, kind: 'opened', accepted: settled, stored: settled });
}
