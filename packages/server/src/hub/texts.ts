import { randomUUID } from 'node:crypto';
import { WaycastError } from '@waycast/protocol';
import type { MessageHappened } from '../core/events.ts';
import { messageEvent } from '../core/trip.ts';
import { mayHear, mustWriteMessage } from './access.ts';
import type { Limits } from './limits.ts';
import type { Clock } from './ports.ts';
import type { Principal } from './principal.ts';
import type { Records } from './storage-ports.ts';
import { actor, type Trips } from './trips.ts';

export interface TextsParts {
  readonly trips: Trips;
  readonly records: Records;
  readonly clock: Clock;
  /** How many one person may write. */
  readonly limits: Limits;
}

/** Short texts between driver and passenger, kept with their trip [H4, H5]. */
export class Texts {
  readonly #parts: TextsParts;

  constructor(parts: TextsParts) {
    this.#parts = parts;
  }

  /**
   * Writes on a trip; answers once it is stored. `to` is the party it is for, null for the driver or for everybody.
   * @throws WaycastError `not_found`, `forbidden`, `bad_request`, `rate_limited`, `trip_closed`
   */
  async write(who: Principal, tripId: string, text: string, to: string | null, via: string): Promise<MessageHappened> {
    const { trips, limits, clock } = this.#parts;
    mustWriteMessage(who, (await trips.find(who, tripId)).trip, to);
    const wait = limits.take(`${who.role} ${who.sub}`);
    if (wait > 0) throw new WaycastError('rate_limited', `too many messages; again in ${wait} s`, { retryAfter: wait });
    const at = clock.now();
    const by = actor(who, via);
    const message = randomUUID();
    const changed = await trips.change(
      who,
      tripId,
      (driverId, reply) => ({ kind: 'message', driverId, receivedAt: at, reply, tripId, message, text, to, by, at }),
      (copy) => {
        copy.revision++;
        return [messageEvent(copy, { id: message, text, to, at, by })];
      },
    );
    return messageEvent(changed, { id: message, text, to, at, by });
  }

  /** What was written on a trip and is for who asks, oldest first. */
  async list(who: Principal, tripId: string): Promise<MessageHappened[]> {
    await this.#parts.trips.find(who, tripId);
    const events = await this.#parts.records.events(tripId);
    return events.filter((event) => event.kind === 'message').filter((event) => mayHear(who, event));
  }
}
