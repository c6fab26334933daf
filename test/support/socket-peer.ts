import type { WebSocket } from 'ws';
import type { Validator } from '../../packages/protocol/src/validate.ts';

const WITHIN_MS = 10_000;

interface Waiter {
  look(): boolean;
}

interface Typed {
  readonly type: string;
}

/** One end of a socket, in the hands of a test: what came is checked against what was promised and kept. */
export interface SocketPeer<M extends Typed> {
  /** Everything that came, in order. */
  readonly messages: readonly M[];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly socket: WebSocket;
  send(message: unknown): void;
  raw(data: string | Buffer): void;
  /** All of one type so far. */
  all<T extends M['type']>(type: T): Extract<M, { type: T }>[];
  /**
   * Looks after each message until there is something; `what` says what was missed. By default 10 s long.
   * @throws what a message broke of what was promised, or that the socket closed before
   */
  wait<F>(what: string, found: () => F | undefined, withinMs?: number): Promise<F>;
  close(): Promise<void>;
}

/** Keeps what comes from now on. `schemas`: by type of message, all there are. */
export function peerOf<M extends Typed>(socket: WebSocket, schemas: ReadonlyMap<string, Validator<unknown>>): SocketPeer<M> {
  const messages: M[] = [];
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
  socket.on('message', (data, isBinary) => {
    try {
      messages.push(checked<M>(String(data), isBinary, schemas));
    } catch (error) {
      misfit ??= error as Error;
    }
    wake();
  });
  const wait: SocketPeer<M>['wait'] = (what, found, withinMs = WITHIN_MS) =>
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
  return {
    messages,
    closed,
    socket,
    send: (message) => socket.send(JSON.stringify(message)),
    raw: (data) => socket.send(data),
    all: (type) => messages.filter((message): message is Extract<M, { type: typeof type }> => message.type === type),
    wait,
    close: async () => {
      socket.close();
      await closed;
    },
  };
}

/** @throws what does not fit: whatever the test awaits next fails on it */
function checked<M extends Typed>(text: string, isBinary: boolean, schemas: ReadonlyMap<string, Validator<unknown>>): M {
  if (isBinary) throw new Error('a binary frame where JSON was promised');
  const message = JSON.parse(text) as M;
  const schema = schemas.get(message.type);
  if (schema === undefined) throw new Error(`no such message is promised: ${text.slice(0, 500)}`);
  if (!schema.check(message)) throw new Error(`${JSON.stringify(schema.failure(message))} in ${text.slice(0, 2_000)}`);
  return message;
}
