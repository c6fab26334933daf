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

const WITHIN_MS = 10_000;
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

/** A session of a rider of its own, started by that rider. */
export async function startSession(
  server: TestServer,
  more: object = {},
): Promise<{ session: Static<typeof DeliverySession>; rider: Caller; riderId: string }> {
  const riderId = unique('rider');
  const rider = callerAs(server, 'rider', riderId);
  const body = { order_id: unique('order'), rider_id: riderId, dropoff_lat: CENTRE.lat, dropoff_lng: CENTRE.lng, ...more };
  return { session: (await rider.post('/tracking/start', body)).as(DeliverySession), rider, riderId };
}

export type Of<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

/** One end of a tracking socket; what came is checked against the contract and kept. */
export interface TrackingPeer {
  readonly messages: readonly ServerMessage[];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly socket: WebSocket;
  send(message: unknown): void;
  raw(data: string | Buffer): void;
  /** The next message of a type; those before it are passed over. */
  next<T extends ServerMessage['type']>(type: T, fits?: (message: Of<T>) => boolean): Promise<Of<T>>;
  all<T extends ServerMessage['type']>(type: T): Of<T>[];
  close(): Promise<void>;
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
  const messages: ServerMessage[] = [];
  let ended: { code: number; reason: string } | undefined;
  let misfit: Error | undefined;
  let read = 0;
  let wake: () => void = () => undefined;
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => {
      ended = { code, reason: reason.toString() };
      resolve(ended);
      wake();
    });
  });
  socket.on('error', () => undefined);
  socket.on('message', (data, isBinary) => {
    try {
      messages.push(checked(String(data), isBinary));
    } catch (error) {
      misfit ??= error as Error;
    }
    wake();
  });
  const next: TrackingPeer['next'] = (type, fits = () => true) =>
    new Promise((resolve, reject) => {
      const told = () => `${type}; it sent ${JSON.stringify(messages.slice(-8)).slice(0, 2_000)}`;
      const timer = setTimeout(() => reject(new Error(`after ${WITHIN_MS} ms still no ${told()}`)), WITHIN_MS);
      wake = () => {
        const at = messages.findIndex((message, index) => index >= read && message.type === type && fits(message as Of<typeof type>));
        if (at < 0 && ended === undefined && misfit === undefined) return;
        clearTimeout(timer);
        wake = () => undefined;
        if (misfit !== undefined) reject(misfit);
        else if (at < 0) reject(new Error(`closed ${ended?.code} ${ended?.reason} before ${told()}`));
        else {
          read = at + 1;
          resolve(messages[at] as Of<typeof type>);
        }
      };
      wake();
    });
  return {
    messages,
    closed,
    socket,
    send: (message) => socket.send(JSON.stringify(message)),
    raw: (data) => socket.send(data),
    next,
    all: (type) => messages.filter((message): message is Of<typeof type> => message.type === type),
    close: async () => {
      socket.close();
      await closed;
    },
  };
}

/** @throws what does not fit the contract: whatever the test awaits next fails on it */
function checked(text: string, isBinary: boolean): ServerMessage {
  if (isBinary) throw new Error('a binary frame where JSON was promised');
  const message = JSON.parse(text) as ServerMessage;
  const schema = SCHEMAS.get(message.type);
  if (schema === undefined) throw new Error(`the contract has no such message: ${text.slice(0, 500)}`);
  if (!schema.check(message)) throw new Error(`${JSON.stringify(schema.failure(message))} in ${text.slice(0, 2_000)}`);
  return message;
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
