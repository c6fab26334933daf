import type { Duplex } from 'node:stream';
import { WaycastError } from '@waycast/protocol';
import type { WebSocket } from 'ws';
import type { Trip } from '../../core/trip.ts';
import { commonEnd, ownEnd } from '../../dialects/rideshare/ends.ts';
import { geofenceEvent } from '../../dialects/rideshare/geofences.ts';
import type { DriverStatusMessage, Pong, TrackingConnected } from '../../dialects/rideshare/messages.ts';
import { isPassenger } from '../../dialects/rideshare/parties.ts';
import { isPing } from '../../dialects/rideshare/read-message.ts';
import type { Delivery } from '../../hub/delivery.ts';
import { frame } from '../websocket/frame.ts';
import { Socket } from '../websocket/socket.ts';
import { BadMessages } from './bad-messages.ts';
import type { SocketOfRide } from './driver-socket.ts';
import type { Member } from './ride.ts';

/** A passenger on a ride: hears where the driver is, and of its own stops. */
export class PassengerSocket implements Member {
  readonly socket: Socket;
  readonly #parts: SocketOfRide;
  readonly #bad: BadMessages;

  constructor(ws: WebSocket, raw: Duplex, parts: SocketOfRide) {
    const { now, attendant, who } = parts;
    this.#parts = parts;
    this.socket = new Socket(ws, raw, {
      codec: { frameOf: (delivery) => this.#frameOf(delivery), conflated: () => null },
      now,
      farewell: commonEnd,
      onMessage: (data, isBinary) => this.#onMessage(data, isBinary),
      onAlive: () => attendant.seen(),
      onEnd: () => this.#letGo(),
    });
    this.socket.expiresAt = who.expiresAt;
    this.#bad = new BadMessages(this.socket, parts);
  }

  begin(): void {
    const { ride } = this.#parts;
    this.socket.send({
      type: 'connected',
      message: 'Tracking connected',
      ride_id: ride.id,
      current_location: ride.currentLocation(),
    } satisfies TrackingConnected);
    ride.join(this);
  }

  review(trip: Trip | null): void {
    if (trip === null) this.socket.closeWith(ownEnd('ride_closed'));
    else if (!isPassenger(trip, this.#parts.who.sub)) this.socket.closeWith(ownEnd('booking_ended'));
  }

  driverIs(connected: boolean): void {
    this.socket.send({ type: 'driver_status', driver_connected: connected } satisfies DriverStatusMessage);
  }

  /** Others' stops are not held for it either: they must not fill what a slow one may have waiting. */
  deliver(delivery: Delivery): void {
    if (delivery.type === 'location' || this.#eventOf(delivery) !== null) this.socket.deliver(delivery);
  }

  #frameOf(delivery: Delivery): Buffer | null {
    if (delivery.type === 'location') return this.#parts.ride.frameOf(delivery);
    const event = this.#eventOf(delivery);
    return event === null ? null : frame(JSON.stringify(event));
  }

  #eventOf(delivery: Delivery) {
    return delivery.type === 'event' ? geofenceEvent(delivery.event, this.#parts.who.sub) : null;
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (!isPing(data, isBinary)) {
      this.#bad.refuse(new WaycastError('forbidden', 'a passenger sends no locations'));
      return;
    }
    this.#bad.good();
    this.socket.send({ type: 'pong' } satisfies Pong);
  }

  #letGo(): void {
    const { ride, attendant, ended } = this.#parts;
    ride.leave(this);
    attendant.leave();
    ended();
  }
}
