import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import { SERVER_MESSAGES, type ServerMessage } from '../../packages/protocol/src/index.ts';
import { type Validator, validator } from '../../packages/protocol/src/validate.ts';
import { refusedUpgrade } from './refused-upgrade.ts';
import type { TestServer } from './server.ts';
import { peerOf, type SocketPeer } from './socket-peer.ts';

const SCHEMAS = new Map<string, Validator<unknown>>(Object.entries(SERVER_MESSAGES).map(([type, schema]) => [type, validator(schema)]));

export type Of<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

/** One end of a stream. */
export interface Peer extends SocketPeer<ServerMessage> {
  /** The next message of a type that fits; each one of a type is handed out once, those before it are passed over. */
  next<T extends ServerMessage['type']>(type: T, fits?: (message: Of<T>) => boolean, withinMs?: number): Promise<Of<T>>;
  /** Sends a message with a `ref` and answers what comes back under it. */
  ask(message: object): Promise<ServerMessage>;
}

export interface Dial {
  readonly token?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly options?: ClientOptions;
}

/** Opens a stream. With a token it is sent in the header and `welcome` is awaited. */
export async function dial(server: TestServer, { token, query = '', headers = {}, options = {} }: Dial = {}): Promise<Peer> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/stream${query}`, {
    ...options,
    headers: { ...headers, ...authorization },
  });
  const peer = listen(socket);
  await once(socket, 'open');
  if (token !== undefined) await peer.next('welcome');
  return peer;
}

/** What a server that refuses the handshake answers. */
export function refused(
  server: TestServer,
  headers: Readonly<Record<string, string>>,
  query = '',
): Promise<{ status: number; body: string }> {
  return refusedUpgrade(`${server.url}/v1/stream${query}`, headers);
}

function listen(socket: WebSocket): Peer {
  const peer = peerOf<ServerMessage>(socket, SCHEMAS);
  const { messages, wait } = peer;
  const read = new Map<string, number>();
  const take = <T extends ServerMessage['type']>(type: T, fits: (message: Of<T>) => boolean): Of<T> | undefined => {
    for (let i = read.get(type) ?? 0; i < messages.length; i++) {
      const message = messages[i];
      if (message?.type !== type || !fits(message as Of<T>)) continue;
      read.set(type, i + 1);
      return message as Of<T>;
    }
    return undefined;
  };
  let asked = 0;
  return {
    ...peer,
    next: (type, fits = () => true, withinMs) => wait(type, () => take(type, fits), withinMs),
    ask: (message) => {
      const ref = `ask-${asked++}`;
      peer.send({ ...message, ref });
      return wait(`answer to ${JSON.stringify(message)}`, () => messages.find((one) => 'ref' in one && one.ref === ref));
    },
  };
}
