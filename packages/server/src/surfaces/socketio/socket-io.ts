import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ERRORS, STREAM_LIMITS, WaycastError } from '@waycast/protocol';
import { Server as Engine } from 'engine.io';
import { Server as Io, type Socket } from 'socket.io';
import type { Hub } from '../../hub/hub.ts';
import type { Meter } from '../../hub/meter.ts';
import type { Clock } from '../../hub/ports.ts';
import type { Principal } from '../../hub/principal.ts';
import { refuseUpgrade } from '../websocket/refuse-upgrade.ts';
import { Admission, type Admitted } from './admission.ts';
import { Connection } from './connection.ts';
import { allowOrigin } from './cross-origin.ts';
import { refuseRequest } from './refuse-request.ts';

/** Pinged after so much quiet, gone after so much more: 45 s together [L7]. */
const PING_MS = 25_000;
const PONG_MS = 20_000;
/** Without a namespace joined by then a connection is closed, ms [L6]. */
const SIGN_IN_MS = 5_000;
const SILENT_MS = 45_000;
const STUCK_MS = 30_000;
const CLOSE_SLICE = 100;
const CLOSE_SLICE_MS = 50;
const GOOD_BYE_MS = 1_000;

export interface SocketIoParts {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly verify: (token: string) => Promise<Principal>;
  /** Whether pages of this origin may connect [S9]. */
  readonly mayConnect: (origin: string, host: string | undefined) => boolean;
  readonly maxConnectionsPerDriver: number;
  /** Whether hybrid clients are served as well. */
  readonly hybrid: boolean;
  /** Other processes on the same ports, each with sessions of its own. */
  readonly neighbours?: Neighbours | undefined;
  /** A fault of ours, for the log. */
  readonly broken: (error: unknown) => void;
}

/** Who has which session, where several processes share the ports. */
export interface Neighbours {
  /** Names this process in the id of a session. */
  mark(id: string): string;
  /** Null when the session is ours, or nobody's in particular. */
  ownerOf(session: string | null): string | null;
  passOn(name: string, request: IncomingMessage, response: ServerResponse): void;
  passOnUpgrade(name: string, request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** The fleet clients' surface: Socket.IO 4 over polling and WebSocket, on every port at once [K1]. */
export class SocketIo {
  readonly #parts: SocketIoParts;
  readonly #engine: Engine;
  readonly #admission: Admission;
  readonly #connections = new Set<Connection>();
  /** What was upgraded and is not closed yet: a good-bye takes both sides. */
  readonly #upgraded = new Set<Duplex>();
  readonly #stop: () => void;
  #draining = false;

  constructor(parts: SocketIoParts) {
    this.#parts = parts;
    this.#admission = new Admission(parts);
    this.#engine = new Engine({
      pingInterval: PING_MS,
      pingTimeout: PONG_MS,
      maxHttpBufferSize: STREAM_LIMITS.message,
      perMessageDeflate: false,
      httpCompression: false,
      transports: ['polling', 'websocket'],
    });
    const { neighbours } = parts;
    if (neighbours !== undefined) {
      const newId = this.#engine.generateId.bind(this.#engine);
      this.#engine.generateId = async (request) => neighbours.mark(await newId(request));
    }
    const io = new Io({ serveClient: false, connectTimeout: SIGN_IN_MS });
    io.bind(this.#engine);
    const admitted = new WeakMap<Socket, Admitted>();
    io.use((socket, next) => {
      this.#admission.admit(socket).then(
        (one) => {
          admitted.set(socket, one);
          next();
        },
        (error: unknown) => next(this.#refusal(error)),
      );
    });
    io.on('connection', (socket) => {
      const one = admitted.get(socket);
      if (one !== undefined) this.#open(socket, one);
    });
    this.#stop = parts.clock.every(1_000, () => this.#lookAfter());
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Whether a request is for this surface. */
  isFor(url: string | undefined): boolean {
    return /^\/socket\.io\/?(\?|$)/.test(url ?? '');
  }

  request(request: IncomingMessage, response: ServerResponse): void {
    const other = this.#ownerOf(request);
    if (other !== null) {
      this.#parts.neighbours?.passOn(other, request, response);
      return;
    }
    try {
      this.#mustTake(request);
      allowOrigin(request, response);
      if (request.method === 'OPTIONS') response.writeHead(204).end();
      else this.#engine.handleRequest(request, response);
    } catch (error) {
      refuseRequest(response, this.#known(error));
    }
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const other = this.#ownerOf(request);
    if (other !== null) {
      this.#parts.neighbours?.passOnUpgrade(other, request, socket, head);
      return;
    }
    try {
      this.#mustTake(request);
      this.#upgraded.add(socket);
      socket.once('close', () => this.#upgraded.delete(socket));
      this.#engine.handleUpgrade(request, socket, head);
    } catch (error) {
      refuseUpgrade(socket, this.#known(error));
    }
  }

  /** Sends everybody elsewhere, each to come back after a moment, in slices. Newcomers are refused from now on. */
  async drain(): Promise<void> {
    this.#draining = true;
    const all = [...this.#connections];
    for (let i = 0; i < all.length; i += CLOSE_SLICE) {
      for (const one of all.slice(i, i + CLOSE_SLICE)) one.sendAway('draining', Math.round(5 + Math.random() * 45) / 10);
      if (i + CLOSE_SLICE < all.length) await sleep(CLOSE_SLICE_MS);
    }
    const until = performance.now() + GOOD_BYE_MS;
    while (this.#connections.size + this.#upgraded.size > 0 && performance.now() < until) await sleep(10);
    this.#cutAll();
  }

  close(): void {
    this.#stop();
    this.#cutAll();
    this.#engine.close();
  }

  #ownerOf({ url }: IncomingMessage): string | null {
    const { neighbours } = this.#parts;
    return neighbours === undefined ? null : neighbours.ownerOf(new URL(url ?? '/', 'http://here').searchParams.get('sid'));
  }

  #cutAll(): void {
    for (const one of this.#connections) one.cut();
    for (const socket of this.#upgraded) socket.destroy();
  }

  /** @throws WaycastError `draining`, `forbidden_origin`, `bad_request` */
  #mustTake({ headers, method, url }: IncomingMessage): void {
    const { origin, host } = headers;
    if (origin !== undefined && !this.#parts.mayConnect(origin, host)) throw new WaycastError('forbidden_origin');
    if (method !== 'GET' && method !== 'POST' && method !== 'OPTIONS') throw new WaycastError('bad_request', 'GET or POST');
    const query = new URL(url ?? '/', 'http://here').searchParams;
    // Scripts of any page could read what JSONP answers.
    if (query.has('j')) throw new WaycastError('bad_request', 'JSONP is not served');
    // Whoever is here already still has to hear that it is to go.
    if (this.#draining && !query.has('sid')) throw new WaycastError('draining', ERRORS.draining.title, { retryAfter: 1 });
  }

  #open(socket: Socket, { who, attendant }: Admitted): void {
    const { hub, meter, verify, clock, hybrid, broken } = this.#parts;
    const connection = new Connection(socket, who, attendant, {
      hub,
      meter,
      verify,
      now: () => clock.now(),
      hybrid,
      ended: (gone) => this.#connections.delete(gone),
      broken,
    });
    this.#connections.add(connection);
    // It came in while everybody was being sent away.
    if (this.#draining) connection.sendAway('draining', 1);
  }

  /** What `connect_error` tells: `message`, and `data` with the code. */
  #refusal(error: unknown): Error {
    const { code, message, retryAfter } = this.#known(error);
    this.#parts.meter.refused(code);
    return Object.assign(new Error(message), { data: { code, message, ...(retryAfter !== undefined && { retryAfter }) } });
  }

  #known(error: unknown): WaycastError {
    if (error instanceof WaycastError) return error;
    this.#parts.broken(error);
    return new WaycastError('internal');
  }

  /** One look a second at all of them [K3, K13, L7]. */
  #lookAfter(): void {
    const now = this.#parts.clock.now();
    for (const one of this.#connections) {
      if (one.expiresAt !== null && now >= one.expiresAt) one.refuse('token_expired');
      else if (now - one.heardAt >= SILENT_MS) one.cut();
      else if (one.isStuck(now, STUCK_MS)) one.cut('slow_consumer');
    }
  }
}
