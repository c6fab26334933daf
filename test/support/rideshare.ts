import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import { type TripInput, TripView } from '../../packages/protocol/src/index.ts';
import { type Validator, validator } from '../../packages/protocol/src/validate.ts';
import { SERVER_MESSAGES } from '../../packages/server/src/dialects/rideshare/messages.ts';
import { jwt } from './jwt.ts';
import { CENTRE, north } from './places.ts';
import { refusedUpgrade } from './refused-upgrade.ts';
import { caller } from './rest.ts';
import type { TestServer } from './server.ts';
import { until } from './until.ts';

const SCHEMAS = new Map<string, Validator<unknown>>(Object.entries(SERVER_MESSAGES).map(([name, schema]) => [name, validator(schema)]));

/** A message of the contract as its client reads it. */
export type RideMessage = Readonly<Record<string, unknown>> & { readonly type: string };
type Side = 'driver' | 'passenger';

/** A token of the old service: who, and no role. */
export function oldToken(userId: string, claims: object = {}): string {
  return jwt({ user_id: userId, email: `${userId}@rides.example`, ...claims });
}

/** One end of a ride's socket, in the hands of a test: what comes is checked against the contract's messages and kept. */
export class RidePeer {
  readonly messages: RideMessage[] = [];
  readonly socket: WebSocket;
  #closed: { code: number; reason: string } | undefined;
  #misfit: Error | undefined;
  #read = new Map<string, number>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data, isBinary) => {
      try {
        this.messages.push(checked(String(data), isBinary));
      } catch (error) {
        this.#misfit ??= error as Error;
      }
    });
    socket.on('close', (code, reason) => {
      this.#closed = { code, reason: reason.toString() };
    });
    socket.on('error', () => undefined);
  }

  get isOpen(): boolean {
    return this.#closed === undefined;
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  raw(data: string | Buffer): void {
    this.socket.send(data);
  }

  all(type: string): RideMessage[] {
    if (this.#misfit !== undefined) throw this.#misfit;
    return this.messages.filter((message) => message.type === type);
  }

  /** The next message of a type; each is handed out once. */
  async next(type: string, withinMs = 10_000): Promise<RideMessage> {
    const index = this.#read.get(type) ?? 0;
    this.#read.set(type, index + 1);
    const found = await until(
      () => this.all(type)[index] ?? this.#closed,
      (seen) => seen !== undefined,
      withinMs,
    ).catch((error: Error) => {
      throw new Error(`no ${type}; it got ${JSON.stringify(this.messages.slice(-8))}; ${error.message}`);
    });
    if (found === undefined || !('type' in found)) throw new Error(`closed ${JSON.stringify(found)} before ${type} came`);
    return found;
  }

  /** How the server closed it. */
  async closed(withinMs?: number): Promise<{ code: number; reason: string }> {
    const closed = await until(
      () => this.#closed,
      (seen) => seen !== undefined,
      withinMs,
    );
    return closed as { code: number; reason: string };
  }

  /** Everything sent before has been read by the server, and everything it said until then has come. */
  async roundTrip(): Promise<void> {
    this.send({ type: 'ping' });
    await this.next('pong');
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed();
  }
}

export function ridePath(ride: string, side: Side, token?: string): string {
  return `/api/v1/tracking/ride/${ride}/${side}${token === undefined ? '' : `?token=${token}`}`;
}

/** Opens a socket of a ride with a token of the old service; `connected` is the next message. */
export function dialRide(server: TestServer, ride: string, side: Side, userId: string): Promise<RidePeer> {
  return openPath(server.url, ridePath(ride, side, oldToken(userId)));
}

export async function openPath(url: string, path: string, options: ClientOptions = {}): Promise<RidePeer> {
  const socket = new WebSocket(url.replace('http', 'ws') + path, options);
  const peer = new RidePeer(socket);
  await once(socket, 'open');
  return peer;
}

/** What a server that refuses the handshake answers. */
export function refusedRide(
  server: TestServer,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): ReturnType<typeof refusedUpgrade> {
  return refusedUpgrade(server.url + path, headers);
}

interface Booking {
  readonly id: string;
  readonly passenger: string;
  readonly status?: 'pending' | 'approved' | 'rejected' | 'cancelled' | 'completed';
  /** m north of the centre */
  readonly pickup?: number;
  readonly dropoff?: number;
}

export function stopsOf(bookings: readonly Booking[]): TripInput['stops'] {
  return bookings.flatMap(({ id, passenger, status = 'approved', pickup = 0, dropoff = 5_000 }) => {
    const booking = { bookingId: id, partyId: passenger, bookingStatus: status };
    return [
      { id: `${id}.p`, type: 'pickup' as const, ...(pickup === 0 ? CENTRE : north(pickup)), ...booking },
      { id: `${id}.d`, type: 'dropoff' as const, ...north(dropoff), ...booking },
    ];
  });
}

/** Creates a ride in the own registry, as a dispatcher does. */
export async function createRide(server: TestServer, id: string, driverId: string, bookings: readonly Booking[]): Promise<void> {
  const rest = caller(server, await server.token('dispatcher'));
  (await rest.post('/v1/trips', { id, kind: 'ride', driverId, driverName: 'Dana', stops: stopsOf(bookings) })).as(TripView, 201);
}

export async function patchRide(server: TestServer, id: string, patch: object): Promise<void> {
  const rest = caller(server, await server.token('dispatcher'));
  (await rest.patch(`/v1/trips/${id}`, patch)).as(TripView);
}

/** Moves a ride along, step by step. */
export async function moveRide(server: TestServer, id: string, ...statuses: readonly string[]): Promise<void> {
  const rest = caller(server, await server.token('dispatcher'));
  for (const status of statuses) (await rest.post(`/v1/trips/${id}/status`, { status })).as(TripView);
}

/** A fix so many metres north of the centre, captured now unless said. */
export function fixAt(metres: number, more: object = {}) {
  return { ...north(metres), speed: 30, bearing: 0, accuracy: 5, timestamp: new Date().toISOString(), ...more };
}

/** @throws what does not fit the contract: whatever the test awaits next fails on it */
function checked(text: string, isBinary: boolean): RideMessage {
  if (isBinary) throw new Error('a binary frame where JSON was promised');
  const message = JSON.parse(text) as RideMessage;
  const name =
    message.type === 'connected' ? (message.message === 'Tracking started' ? 'connected_driver' : 'connected_passenger') : message.type;
  const schema = SCHEMAS.get(name);
  if (schema === undefined) throw new Error(`the contract has no such message: ${text.slice(0, 500)}`);
  if (!schema.check(message)) throw new Error(`${JSON.stringify(schema.failure(message))} in ${text.slice(0, 2_000)}`);
  return message;
}
