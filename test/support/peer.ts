import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import { SERVER_MESSAGES, type ServerMessage } from '../../packages/protocol/src/index.ts';
import { type Validator, validator } from '../../packages/protocol/src/validate.ts';
import type { TestServer } from './server.ts';

const WITHIN_MS = 10_000;
const SCHEMAS = new Map<string, Validator<unknown>>(Object.entries(SERVER_MESSAGES).map(([type, schema]) => [type, validator(schema)]));

export type Of<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

interface Waiter {
  look(): boolean;
}

/** One end of a stream, in the hands of a test: what came is checked against the protocol and kept. */
export interface Peer {
  /** Everything that came, in order. */
  readonly messages: readonly ServerMessage[];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly socket: WebSocket;
  send(message: object): void;
  raw(data: string | Buffer): void;
  /** The next message of a type that fits; each one of a type is handed out once, those before it are passed over. */
  next<T extends ServerMessage['type']>(type: T, fits?: (message: Of<T>) => boolean, withinMs?: number): Promise<Of<T>>;
  /** All of one type so far. */
  all<T extends ServerMessage['type']>(type: T): Of<T>[];
  /** Sends a message with a `ref` and answers what comes back under it. */
  ask(message: object): Promise<ServerMessage>;
  close(): Promise<void>;
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
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/stream${query}`, { headers });
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.terminate();
      reject(new Error('the handshake was taken'));
    });
    socket.once('error', () => undefined);
    socket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });
}

function listen(socket: WebSocket): Peer {
  const messages: ServerMessage[] = [];
  const read = new Map<string, number>();
  const waiters = new Set<Waiter>();
  let ended: { code: number; reason: string } | undefined;
  let misfit: Error | undefined;
  const wake = () => {
    for (const waiter of waiters) if (waiter.look()) waiters.delete(waiter);
  };
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => {
      ended = { code, reason: reason.toString() };
      resolve(ended);
      wake();
    });
  });
  socket.on('error', () => undefined);
  socket.on('message', (data, binary) => {
    try {
      messages.push(checked(String(data), binary));
    } catch (error) {
      misfit ??= error as Error;
    }
    wake();
  });

  const take = <T extends ServerMessage['type']>(type: T, fits: (message: Of<T>) => boolean): Of<T> | undefined => {
    for (let i = read.get(type) ?? 0; i < messages.length; i++) {
      const message = messages[i];
      if (message?.type !== type || !fits(message as Of<T>)) continue;
      read.set(type, i + 1);
      return message as Of<T>;
    }
    return undefined;
  };

  const wait = <M>(what: string, found: () => M | undefined, withinMs: number): Promise<M> =>
    new Promise((resolve, reject) => {
      const told = () => `${what}; it sent ${JSON.stringify(messages.slice(-8)).slice(0, 2_000)}`;
      const timer = setTimeout(() => {
        waiters.delete(waiter);
        reject(new Error(`after ${withinMs} ms still no ${told()}`));
      }, withinMs);
      const waiter: Waiter = {
        look: () => {
          const message = found();
          if (message === undefined && ended === undefined && misfit === undefined) return false;
          clearTimeout(timer);
          if (misfit !== undefined) reject(misfit);
          else if (message !== undefined) resolve(message);
          else reject(new Error(`closed ${ended?.code} ${ended?.reason} before ${told()}`));
          return true;
        },
      };
      if (!waiter.look()) waiters.add(waiter);
    });

  const next: Peer['next'] = (type, fits = () => true, withinMs = WITHIN_MS) => wait(type, () => take(type, fits), withinMs);
  let asked = 0;
  const ask: Peer['ask'] = (message) => {
    const ref = `ask-${asked++}`;
    socket.send(JSON.stringify({ ...message, ref }));
    return wait(`answer to ${JSON.stringify(message)}`, () => messages.find((one) => 'ref' in one && one.ref === ref), WITHIN_MS);
  };

  return {
    messages,
    closed,
    socket,
    send: (message) => socket.send(JSON.stringify(message)),
    raw: (data) => socket.send(data),
    next,
    all: (type) => messages.filter((message): message is Of<typeof type> => message.type === type),
    ask,
    close: async () => {
      socket.close();
      await closed;
    },
  };
}

/** @throws what does not fit the protocol: whatever the test awaits next fails on it */
function checked(text: string, binary: boolean): ServerMessage {
  if (binary) throw new Error('a binary frame where JSON was promised');
  const message = JSON.parse(text) as ServerMessage;
  const schema = SCHEMAS.get(message.type);
  if (schema === undefined) throw new Error(`the protocol has no such message: ${text.slice(0, 500)}`);
  if (!schema.check(message)) throw new Error(`${JSON.stringify(schema.failure(message))} in ${text.slice(0, 2_000)}`);
  return message;
}
