import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Static, TSchema } from 'typebox';
import { WebSocket } from 'ws';
import { type Validator, validator } from '../../packages/protocol/src/validate.ts';
import { DeliverySession, SERVER_MESSAGES, type ServerMessage } from '../../packages/server/src/dialects/delivery/messages.ts';
import { jwt } from './jwt.ts';
import { CENTRE, unique } from './places.ts';
import { type Caller, caller } from './rest.ts';
import type { TestServer } from './server.ts';
import { peerOf, type SocketPeer } from './socket-peer.ts';

const SCHEMAS = new Map<string, Validator<unknown>>(Object.entries(SERVER_MESSAGES).map(([type, schema]) => [type, closed(schema)]));

/** A token as the old services gave them: subject and role, in the old words. */
export function tokenOf(role: string, sub = role, claims: object = {}): string {
  return jwt({ sub, role, ...claims });
}

export function callerAs(server: TestServer, role: string, sub = role): Caller {
  return caller(server, tokenOf(role, sub));
}

/** An id as the server makes them. */
export function trackingId(): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return `TRK-${[...randomBytes(32)].map((byte) => letters[byte & 31]).join('')}`;
}

/** A session of a rider, of its own unless another one is named, started by that rider. */
export async function startSession(
  server: TestServer,
  more: object = {},
  riderId = unique('rider'),
): Promise<{ session: Static<typeof DeliverySession>; rider: Caller; riderId: string }> {
  const rider = callerAs(server, 'rider', riderId);
  const body = { order_id: unique('order'), rider_id: riderId, dropoff_lat: CENTRE.lat, dropoff_lng: CENTRE.lng, ...more };
  return { session: (await rider.post('/tracking/start', body)).as(DeliverySession), rider, riderId };
}

export type Of<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

/** One end of a tracking socket. */
export interface TrackingPeer extends SocketPeer<ServerMessage> {
  /** The next message of a type; those before it are passed over. */
  next<T extends ServerMessage['type']>(type: T, fits?: (message: Of<T>) => boolean): Promise<Of<T>>;
}

/** Opens a socket at a session; the handshake is always taken. */
export async function dialTracking(server: TestServer, id: string, token?: string): Promise<TrackingPeer> {
  const query = token === undefined ? '' : `?token=${encodeURIComponent(token)}`;
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws/tracking/${id}${query}`);
  const peer = listen(socket);
  await once(socket, 'open');
  return peer;
}

function listen(socket: WebSocket): TrackingPeer {
  const peer = peerOf<ServerMessage>(socket, SCHEMAS);
  const { messages } = peer;
  let read = 0;
  const take = <T extends ServerMessage['type']>(type: T, fits: (message: Of<T>) => boolean): Of<T> | undefined => {
    const at = messages.findIndex((message, index) => index >= read && message.type === type && fits(message as Of<T>));
    if (at < 0) return undefined;
    read = at + 1;
    return messages[at] as Of<T>;
  };
  return { ...peer, next: (type, fits = () => true) => peer.wait(type, () => take(type, fits)) };
}

/** The contract's schema with no member beside those it names. */
export function closed<S extends TSchema>(schema: S): Validator<Static<S>> {
  return validator(close(schema) as S);
}

function close(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(close);
  if (schema === null || typeof schema !== 'object') return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, close(value)]));
  return inner.type === 'object' ? { ...inner, additionalProperties: false } : inner;
}
