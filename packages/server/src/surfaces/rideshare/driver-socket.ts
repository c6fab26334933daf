import type { Duplex } from 'node:stream';
import { WaycastError } from '@waycast/protocol';
import type { WebSocket } from 'ws';
import type { Remark } from '../../core/effects.ts';
import type { Trip } from '../../core/trip.ts';
import { commonEnd, ownEnd } from '../../dialects/rideshare/ends.ts';
import type { Pong, TrackingStarted } from '../../dialects/rideshare/messages.ts';
import { isDriver, isOver } from '../../dialects/rideshare/parties.ts';
import { readMessage } from '../../dialects/rideshare/read-message.ts';
import { suspectLocation } from '../../dialects/rideshare/suspects.ts';
import type { Attendant } from '../../hub/attendance.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Meter } from '../../hub/meter.ts';
import type { Principal } from '../../hub/principal.ts';
import type { Sender } from '../../hub/senders.ts';
import { Socket } from '../websocket/socket.ts';
import { BadMessages } from './bad-messages.ts';
import type { Member, Ride } from './ride.ts';

/** What a socket of a ride needs, whoever is at its other end. */
export interface SocketOfRide {
  readonly hub: Hub;
  readonly meter: Meter;
  readonly now: () => number;
  readonly broken: (error: unknown) => void;
  readonly ride: Ride;
  readonly who: Principal;
  readonly attendant: Attendant;
  /** Nothing comes or goes any more. */
  readonly ended: () => void;
}

/** A driver on a ride: sends bare fixes, one socket at a time. */
export class DriverSocket implements Member, Sender {
  readonly socket: Socket;
  readonly #parts: SocketOfRide;
  readonly #bad: BadMessages;
  readonly #sender: number;
  #leaveSeat: () => void = () => undefined;

  constructor(ws: WebSocket, raw: Duplex, parts: SocketOfRide) {
    const { hub, now, attendant, who } = parts;
    this.#parts = parts;
    this.#sender = hub.senders.add(this);
    this.socket = new Socket(ws, raw, {
      codec: { frameOf: () => null, conflated: () => null },
      now,
      farewell: commonEnd,
      onMessage: (data, isBinary) => this.#onMessage(data, isBinary),
      onAlive: () => attendant.seen(),
      onEnd: () => this.#letGo(),
    });
    this.socket.expiresAt = who.expiresAt;
    this.#bad = new BadMessages(this.socket, parts);
  }

  begin(passengers: number): void {
    const { hub, ride } = this.#parts;
    this.socket.send({
      type: 'connected',
      message: 'Tracking started',
      ride_id: ride.id,
      passengers_connected: passengers,
    } satisfies TrackingStarted);
    this.#leaveSeat = hub.attendance.takeSeat(`ride:${ride.id}`, () => this.socket.closeWith(ownEnd('replaced')));
    ride.join(this);
  }

  review(trip: Trip | null): void {
    if (trip === null || isOver(trip)) this.socket.closeWith(ownEnd('ride_closed'));
    else if (!isDriver(trip, this.#parts.who.sub)) this.socket.closeWith(ownEnd('ride_reassigned'));
  }

  driverIs(): void {
    // Nobody knows better.
  }

  deliver(): void {
    // Of all that happens on its ride it hears nothing.
  }

  /** Its fixes have no numbers: nothing is acknowledged. */
  accepted(): void {
    // Nobody waits for it.
  }

  stored(): void {
    // Nobody waits for it.
  }

  /** What became of a fix after it was taken [R17]. */
  remark(remark: Remark): void {
    if (remark.kind === 'suspect') this.socket.send(suspectLocation(remark.reason, remark.at));
    else this.#bad.refuse(new WaycastError(remark.code, remark.message));
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    const { hub, who, meter } = this.#parts;
    const since = performance.now();
    try {
      const message = readMessage(data, isBinary);
      if (message.type === 'ping') {
        this.socket.send({ type: 'pong' } satisfies Pong);
      } else {
        const origin = { who, driverId: who.sub, stream: null, base: null, sender: this.#sender };
        hub.ingest.live(origin, { seq: null, input: message.input });
        meter.accepted(since);
      }
      this.#bad.good();
    } catch (error) {
      this.#bad.refuse(error);
    }
  }

  #letGo(): void {
    const { hub, ride, attendant, ended } = this.#parts;
    hub.senders.remove(this.#sender);
    this.#leaveSeat();
    ride.leave(this);
    attendant.leave();
    ended();
  }
}
