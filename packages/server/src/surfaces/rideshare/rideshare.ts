import type { IncomingMessage } from 'node:http';
import { ERRORS, type ErrorCode, WaycastError } from '@waycast/protocol';
import type { Trip } from '../../core/trip.ts';
import { isDriver, isOver, isPassenger } from '../../dialects/rideshare/parties.ts';
import { type Arrival, type Attendant, driverRoom, passengerRoom } from '../../hub/attendance.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Meter } from '../../hub/meter.ts';
import type { Clock } from '../../hub/ports.ts';
import type { Identity, Principal, Role } from '../../hub/principal.ts';
import { bearerOf } from '../bearer.ts';
import type { Sockets } from '../websocket/sockets.ts';
import type { Admitted, Entrance } from '../websocket/upgrades.ts';
import { DriverSocket, type SocketOfRide } from './driver-socket.ts';
import { OpenRides } from './open-rides.ts';
import { PassengerSocket } from './passenger-socket.ts';
import type { Ride } from './ride.ts';
import { riderOf } from './who-asks.ts';

export interface RideshareParts {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly sockets: Sockets;
  readonly identify: (token: string) => Promise<Identity>;
  readonly broken: (error: unknown) => void;
}

/** Refusals of this contract's handshake are 403, whatever is the matter [R3]. */
const FORBIDDEN: ReadonlySet<ErrorCode> = new Set(['unauthenticated', 'token_expired', 'forbidden', 'not_found', 'trip_closed']);

const statusOf = ({ code }: WaycastError) => (FORBIDDEN.has(code) ? 403 : ERRORS[code].status);

/** The two sockets of a ride. */
export class Rideshare {
  readonly entrances: readonly Entrance[];
  readonly #parts: RideshareParts;
  readonly #rides: OpenRides;

  constructor(parts: RideshareParts) {
    this.#parts = parts;
    this.#rides = new OpenRides({ ...parts, now: () => parts.clock.now() });
    this.entrances = [
      {
        path: '/api/v1/tracking/ride/:ride/driver',
        admit: (request, url, { ride = '' }) => this.#admitDriver(request, url, ride),
        statusOf,
      },
      {
        path: '/api/v1/tracking/ride/:ride/passenger',
        admit: (request, url, { ride = '' }) => this.#admitPassenger(request, url, ride),
        statusOf,
      },
    ];
  }

  async #admitDriver(request: IncomingMessage, url: URL, rideId: string): Promise<Admitted> {
    const { hub, sockets } = this.#parts;
    const who = await this.#who(request, url, 'driver');
    const trip = await this.#mustFind(rideId, (found) => isDriver(found, who.sub));
    if (isOver(trip)) throw new WaycastError('trip_closed', 'the ride has ended');
    await hub.rides.catchUp(who.sub);
    // There is one for each of its rides: nothing else has to limit them [R7].
    const rooms = [{ name: driverRoom(who.sub), limit: Number.POSITIVE_INFINITY }];
    const passengers = await hub.attendance.count(passengerRoom(rideId));
    const entered = await this.#enter(rideId, who, rooms);
    return {
      open: (ws, raw) => {
        const driver = new DriverSocket(ws, raw, entered);
        sockets.add(driver.socket);
        driver.begin(passengers);
      },
      abandon: () => this.#abandon(entered),
    };
  }

  async #admitPassenger(request: IncomingMessage, url: URL, rideId: string): Promise<Admitted> {
    const who = await this.#who(request, url, 'passenger');
    await this.#mustFind(rideId, (found) => isPassenger(found, who.sub));
    const rooms = [{ name: passengerRoom(rideId), limit: Number.POSITIVE_INFINITY }];
    const entered = await this.#enter(rideId, who, rooms);
    return {
      open: (ws, raw) => {
        const passenger = new PassengerSocket(ws, raw, entered);
        this.#parts.sockets.add(passenger.socket);
        passenger.begin();
      },
      abandon: () => this.#abandon(entered),
    };
  }

  /** The token stands in the query, where old clients put it, or in the header, where it is safer. */
  async #who({ headers }: IncomingMessage, url: URL, role: Role): Promise<Principal> {
    const token = url.searchParams.get('token') ?? (headers.authorization === undefined ? null : bearerOf(headers.authorization));
    if (token === null) throw new WaycastError('unauthenticated', 'a token is needed: ?token=');
    return riderOf(await this.#parts.identify(token), role);
  }

  /** An unknown ride and somebody else's look alike. */
  async #mustFind(rideId: string, isTheirs: (trip: Trip) => boolean): Promise<Trip> {
    const found = await this.#parts.hub.rides.find(rideId);
    if (found === null || !isTheirs(found.trip)) throw new WaycastError('not_found', 'no such ride, or not yours');
    return found.trip;
  }

  async #enter(rideId: string, who: Principal, rooms: Arrival['rooms']): Promise<SocketOfRide> {
    const { hub, meter, clock, broken } = this.#parts;
    const ride = await this.#rides.enter(rideId);
    const attendant = await this.#arrive(ride, who, rooms);
    return { hub, meter, now: () => clock.now(), broken, ride, who, attendant, ended: () => this.#rides.leave(ride) };
  }

  async #arrive(ride: Ride, { sub, role }: Principal, rooms: Arrival['rooms']): Promise<Attendant> {
    try {
      const arrival = { subject: sub, role, surface: 'rideshare', kind: 'WEBSOCKET', about: ride.id, rooms } as const;
      return await this.#parts.hub.attendance.arrive(arrival);
    } catch (error) {
      this.#rides.leave(ride);
      throw error;
    }
  }

  #abandon({ attendant, ended }: SocketOfRide): void {
    attendant.leave();
    ended();
  }
}
