import { Agent } from 'node:http';
import { io, type Manager, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import type { Static } from 'typebox';
import { onTestFinished } from 'vitest';
import { validator } from '../../packages/protocol/src/validate.ts';
import { Acknowledgement, SERVER_MESSAGES, type ServerEvent } from '../../packages/server/src/dialects/fleet/messages.ts';
import { shape } from './shape.ts';

export const TRANSPORTS = {
  websocket: ['websocket'],
  polling: ['polling'],
  upgrade: ['polling', 'websocket'],
} as const;
export type Transport = keyof typeof TRANSPORTS;

const WITHIN_MS = 10_000;
let clients = 0;
const SCHEMAS = Object.fromEntries(Object.entries(SERVER_MESSAGES).map(([name, schema]) => [name, validator(schema)]));
const ACKNOWLEDGEMENT = validator(Acknowledgement);

type Payload<E extends ServerEvent> = Static<(typeof SERVER_MESSAGES)[E]>;

interface Came {
  readonly event: string;
  readonly payload: unknown;
  /** When, monotonic ms. */
  readonly at: number;
}

/** The real client library in the hands of a test: what came is checked against the dialect's schemas and kept. */
export interface FleetClient {
  readonly socket: Socket;
  readonly came: readonly Came[];
  /** The next event of a name that fits; each is handed out once, those before it are passed over. */
  next<E extends ServerEvent>(event: E, fits?: (payload: Payload<E>) => boolean, withinMs?: number): Promise<Payload<E>>;
  all<E extends ServerEvent>(event: E): Payload<E>[];
  /** Emits with a callback; answers what that was given. */
  ask(event: string, ...args: unknown[]): Promise<Acknowledgement>;
  emit(event: string, ...args: unknown[]): void;
  /** Why it was disconnected, once it is. */
  readonly disconnected: Promise<string>;
  close(): void;
}

export interface FleetDial {
  readonly token?: unknown;
  readonly transport?: Transport;
  /** From an address of its own, by which nginx tells clients apart. */
  readonly apart?: boolean;
  readonly options?: Partial<ManagerOptions & SocketOptions>;
}

/** A client that is still on its way, or was refused. */
export function client(
  url: string,
  { token, transport = 'upgrade', apart = shape() === 'cluster', options = {} }: FleetDial = {},
): FleetClient {
  const socket = io(url, {
    forceNew: true,
    reconnection: false,
    transports: [...TRANSPORTS[transport]],
    ...(apart && { agent: somebodyElse() as unknown as string }),
    ...(token !== undefined && { auth: { token } }),
    ...options,
  });
  onTestFinished(() => {
    socket.close();
  });
  return listen(socket);
}

function somebodyElse(): Agent {
  clients++;
  return new Agent({ localAddress: `127.0.0.${2 + (clients % 250)}` });
}

/** Connects, and awaits `connected`. */
export async function connect(url: string, token: string, dial: Omit<FleetDial, 'token'> = {}): Promise<FleetClient> {
  const one = client(url, { token, ...dial });
  await one.next('connected');
  return one;
}

/** How a server that lets nobody in says so. */
export function refusal(url: string, dial: FleetDial = {}): Promise<{ message: string; data: unknown }> {
  const { socket } = client(url, dial);
  return new Promise((resolve, reject) => {
    socket.once('connected', () => reject(new Error('it was let in')));
    socket.once('connect_error', (error) => resolve({ message: error.message, data: (error as { data?: unknown }).data }));
  });
}

/** Which transport a client is on. */
export function transportOf({ socket }: FleetClient): string | undefined {
  return (socket.io as Manager).engine.transport.name;
}

function listen(socket: Socket): FleetClient {
  const came: Came[] = [];
  const taken = new Set<Came>();
  const looks = new Set<() => void>();
  let misfit: Error | undefined;
  const look = () => {
    for (const one of looks) one();
  };
  socket.onAny((event: string, payload: unknown) => {
    const schema = SCHEMAS[event];
    if (schema === undefined) misfit ??= new Error(`the dialect has no event ${event}`);
    else if (!schema.check(payload))
      misfit ??= new Error(`${event}: ${JSON.stringify(schema.failure(payload))} in ${JSON.stringify(payload)}`);
    came.push({ event, payload, at: performance.now() });
    look();
  });
  const disconnected = new Promise<string>((resolve) => socket.once('disconnect', (reason) => resolve(reason)));
  const next: FleetClient['next'] = (event, fits = () => true, withinMs = WITHIN_MS) =>
    new Promise((resolve, reject) => {
      const done = (end: () => void) => {
        clearTimeout(timer);
        looks.delete(find);
        end();
      };
      const find = () => {
        if (misfit !== undefined) return done(() => reject(misfit));
        const found = came.find((one) => one.event === event && !taken.has(one) && fits(one.payload as never));
        if (found === undefined) return;
        for (const one of came.slice(0, came.indexOf(found) + 1)) if (one.event === event) taken.add(one);
        done(() => resolve(found.payload as never));
      };
      const timer = setTimeout(
        () => done(() => reject(new Error(`after ${withinMs} ms no ${event}; came ${JSON.stringify(came.slice(-8)).slice(0, 2_000)}`))),
        withinMs,
      );
      looks.add(find);
      find();
    });
  return {
    socket,
    came,
    disconnected,
    next,
    all: (event) => came.filter((one) => one.event === event).map(({ payload }) => payload as never),
    ask: async (event, ...args) => {
      const answer: unknown = await socket.timeout(WITHIN_MS).emitWithAck(event, ...args);
      if (!ACKNOWLEDGEMENT.check(answer)) throw new Error(`${event} was answered ${JSON.stringify(answer)}`);
      return answer;
    },
    emit: (event, ...args) => void socket.emit(event, ...args),
    close: () => void socket.close(),
  };
}
