import { advance } from '../core/advance.ts';
import type { Command } from '../core/commands.ts';
import { type Driver, newDriver, restoreDriver } from '../core/driver.ts';
import { type FixRow, noEffects } from '../core/effects.ts';
import type { Rules } from '../core/rules.ts';
import type { StoredDriver } from './storage-ports.ts';

/**
 * A driver as it was: its snapshot, then the fixes stored after it, folded by the same function that took them once.
 * @throws Error when it cannot be made of what is stored
 */
export function restored({ id, snapshot, rows, damage }: StoredDriver, epoch: string, rules: Rules): Driver {
  if (damage !== undefined) throw new Error(damage);
  const driver = snapshot === null ? newDriver(id, epoch) : restoreDriver(id, epoch, snapshot);
  const discarded = noEffects();
  for (const row of rows) advance(driver, commandOf(row), row.position, rules, discarded);
  driver.seq = 0;
  for (const active of driver.trips) active.seq = 0;
  return driver;
}

/** A stored fix as the command it once was. */
function commandOf({ driverId, receivedAt, stream, seq, fix }: FixRow): Command {
  return { kind: 'fixes', driverId, receivedAt, reply: 0, live: true, stream, base: null, sender: 0, fixes: [{ seq, fix }] };
}
