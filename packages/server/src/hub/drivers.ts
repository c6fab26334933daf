import { type DriverProfile, isId, WaycastError } from '@waycast/protocol';
import type { SeenDriver } from '../core/driver.ts';
import type { FixRow } from '../core/effects.ts';
import { judgeTrack, memoryMs } from '../core/plausibility.ts';
import type { Rules } from '../core/rules.ts';
import { mayReadDriver, mustFollowFleet, mustWriteDriver } from './access.ts';
import type { FleetFrame } from './delivery.ts';
import type { DriverStates } from './driver-states.ts';
import type { Fleet } from './fleet.ts';
import type { Page } from './page.ts';
import { partitionOf } from './partition.ts';
import type { Clock, Log } from './ports.ts';
import type { Principal } from './principal.ts';
import type { Replies } from './replies.ts';
import type { Records } from './storage-ports.ts';

/** How many fixes before and after a page its judgement takes in: more than any run of suspects that matters [F12]. */
const AROUND = 20;

export interface DriversParts {
  readonly log: Log;
  readonly records: Records;
  readonly clock: Clock;
  readonly states: DriverStates;
  readonly fleet: Fleet;
  readonly replies: Replies;
  readonly rules: Rules;
}

/** Drivers as callers see them. */
export class Drivers {
  readonly #parts: DriversParts;

  constructor(parts: DriversParts) {
    this.#parts = parts;
  }

  /** @throws WaycastError `not_found`, also when it is not for them [S6] */
  async find(who: Principal, id: string): Promise<SeenDriver> {
    const driver = isId(id) && mayReadDriver(who, id) ? await this.#parts.states.look(id) : undefined;
    if (driver === undefined) throw new WaycastError('not_found', 'no such driver');
    return driver;
  }

  async setAvailability(who: Principal, driverId: string, available: boolean): Promise<void> {
    mustWriteDriver(who, driverId);
    const receivedAt = this.#parts.clock.now();
    await this.#parts.replies.ask('done', (reply) =>
      this.#parts.log.append(partitionOf(driverId), { kind: 'availability', driverId, receivedAt, reply, available }),
    );
  }

  /** The driver is OFFLINE from now on, until it is heard of again [D2]. */
  async goOffline(who: Principal, driverId: string): Promise<void> {
    mustWriteDriver(who, driverId);
    const receivedAt = this.#parts.clock.now();
    await this.#parts.replies.ask('done', (reply) =>
      this.#parts.log.append(partitionOf(driverId), { kind: 'offline', driverId, receivedAt, reply }),
    );
  }

  async setProfile(who: Principal, driverId: string, profile: DriverProfile): Promise<void> {
    mustWriteDriver(who, driverId);
    const receivedAt = this.#parts.clock.now();
    await this.#parts.replies.ask('done', (reply) =>
      this.#parts.log.append(partitionOf(driverId), { kind: 'profile', driverId, receivedAt, reply, profile }),
    );
  }

  /** History by capture time, each fix judged in that order [F12]. Epoch ms, inclusive. */
  async locations(
    who: Principal,
    driverId: string,
    from: number,
    to: number,
    limit: number,
    cursor: string | null,
  ): Promise<Page<{ row: FixRow; suspect: boolean }>> {
    await this.find(who, driverId);
    const { records, rules } = this.#parts;
    const page = await records.locations(driverId, from, to, limit, cursor);
    const first = page.items[0];
    // What is further away decides nothing, and may lie in an archive.
    const memory = memoryMs(rules.maxPlausibleSpeedKmh);
    const before = first === undefined ? [] : await records.locationsBefore(driverId, first.fix.at, AROUND, first.fix.at - memory);
    // The end of the range asked for is not the end of the track: what follows may clear the last ones.
    const next = page.cursor === null ? to + 1 : from;
    const last = page.items.at(-1);
    const after = last === undefined ? { items: [] } : await records.locations(driverId, next, last.fix.at + memory, AROUND, page.cursor);
    const plausible = judgeTrack([...before, ...page.items, ...after.items], rules.maxPlausibleSpeedKmh);
    return { items: page.items.map((row, index) => ({ row, suspect: plausible[before.length + index] !== true })), cursor: page.cursor };
  }

  /** Everybody who is not offline. */
  positions(who: Principal): FleetFrame {
    mustFollowFleet(who);
    return this.wholeFleet();
  }

  /** For those who already follow the fleet. */
  wholeFleet(): FleetFrame {
    return this.#parts.fleet.full();
  }
}
