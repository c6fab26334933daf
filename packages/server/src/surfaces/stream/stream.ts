import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { STREAM_LIMITS, WaycastError } from '@waycast/protocol';
import { WebSocketServer } from 'ws';
import type { Delivery } from '../../hub/delivery.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Meter } from '../../hub/meter.ts';
import type { Clock } from '../../hub/ports.ts';
import type { Principal } from '../../hub/principal.ts';
import { problemOf } from '../problem.ts';
import type { Ack } from './acks.ts';
import { Connection } from './connection.ts';

export const STREAM_PATH = '/v1/stream';

const AUTH_MS = 5_000;
const QUIET_MS = 30_000;
const SILENT_MS = 45_000;
const STUCK_MS = 30_000;
const CLOSE_SLICE = 100;
const CLOSE_SLICE_MS = 50;
const GOOD_BYE_MS = 1_000;

export interface StreamParts {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly verify: (token: string) => Promise<Principal>;
  readonly redeemTicket: (ticket: string) => Principal | undefined;
  /** Whether pages of this origin may connect [S9]. */
  readonly mayConnect: (origin: string, host: string | undefined) => boolean;
  readonly wholeFleet: () => Delivery;
  readonly maxConnectionsPerDriver: number;
  readonly broken: (error: unknown) => void;
}

/** The native stream: takes sockets in, keeps watch over them together, sends them away. */
export class Stream {
  readonly #parts: StreamParts;
  readonly #server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    clientTracking: false,
    maxPayload: STREAM_LIMITS.message,
  });
  readonly #connections = new Set<Connection>();
  readonly #perDriver = new Map<string, number>();
  #toAck = new Map<Ack, Connection>();
  /** How much a slow connection had taken when it was last looked at, and when that last grew. */
  readonly #progress = new WeakMap<Connection, { written: number; at: number }>();
  readonly #raw = new WeakMap<Connection, Duplex & { bytesWritten?: number }>();
  readonly #stops: (() => void)[];
  #draining = false;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    const { clock } = parts;
    this.#stops = [
      clock.every(100, () => this.#sayAcks()),
      clock.every(1_000, () => this.#lookAfter()),
      clock.every(STREAM_LIMITS.heartbeat * 1_000, () => this.#heartbeat()),
    ];
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Takes over an HTTP upgrade of `STREAM_PATH`; refusals are plain HTTP. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    try {
      if (this.#draining) throw new WaycastError('draining');
      const { origin, host, authorization } = request.headers;
      if (origin !== undefined && !this.#parts.mayConnect(origin, host)) throw new WaycastError('forbidden_origin');
      const who = await this.#whoBefore(request.url ?? '', authorization);
      if (who !== null) this.#mustHaveRoom(who);
      if (socket.destroyed) return;
      this.#server.handleUpgrade(request, socket, head, (ws) => this.#open(ws, socket, who));
    } catch (error) {
      refuse(socket, error instanceof WaycastError ? error : new WaycastError('internal'));
      if (!(error instanceof WaycastError)) throw error;
    }
  }

  /** Tells everybody to come back after a moment each, and closes in slices. */
  async drain(): Promise<void> {
    this.#draining = true;
    const all = [...this.#connections];
    for (let i = 0; i < all.length; i += CLOSE_SLICE) {
      for (const connection of all.slice(i, i + CLOSE_SLICE))
        connection.close('draining', { retryAfter: Math.round(5 + Math.random() * 45) / 10 });
      if (i + CLOSE_SLICE < all.length) await sleep(CLOSE_SLICE_MS);
    }
    // Whoever does not answer the good-bye is cut off; nobody may hold up the others' acknowledgements.
    const until = performance.now() + GOOD_BYE_MS;
    while (this.#connections.size > 0 && performance.now() < until) await sleep(10);
    for (const connection of this.#connections) connection.cut();
  }

  close(): void {
    for (const stop of this.#stops) stop();
    for (const connection of this.#connections) connection.cut();
    this.#server.close();
  }

  async #whoBefore(url: string, authorization: string | undefined): Promise<Principal | null> {
    if (authorization !== undefined) {
      const token = /^Bearer (.+)$/i.exec(authorization)?.[1];
      if (token === undefined) throw new WaycastError('unauthenticated', 'Authorization must be Bearer');
      return this.#parts.verify(token);
    }
    const ticket = new URL(url, 'ws://stream').searchParams.get('ticket');
    if (ticket === null) return null;
    const who = this.#parts.redeemTicket(ticket);
    if (who === undefined) throw new WaycastError('unauthenticated', 'the ticket is unknown, used or too old');
    return who;
  }

  #open(ws: import('ws').WebSocket, raw: Duplex, who: Principal | null): void {
    const { hub, meter, verify, wholeFleet, clock, broken } = this.#parts;
    const connection = new Connection(ws, raw, {
      hub,
      meter,
      verify,
      wholeFleet,
      now: () => clock.now(),
      admit: (principal) => this.#admit(principal),
      leave: (principal) => this.#leave(principal),
      toAck: (from, ack) => this.#toAck.set(ack, from),
      closed: (gone) => this.#connections.delete(gone),
      broken,
    });
    this.#connections.add(connection);
    this.#raw.set(connection, raw);
    if (who === null) return;
    try {
      connection.signIn(who);
    } catch (error) {
      // The last place went to another one while this one's token was looked at.
      connection.close(error instanceof WaycastError ? error.code : 'internal');
    }
  }

  #mustHaveRoom(who: Principal): void {
    if (who.role === 'driver' && (this.#perDriver.get(who.sub) ?? 0) >= this.#parts.maxConnectionsPerDriver) {
      throw new WaycastError('too_many_connections', `${who.sub} has ${this.#parts.maxConnectionsPerDriver} connections already`, {
        retryAfter: 5,
      });
    }
  }

  #admit(who: Principal): void {
    this.#mustHaveRoom(who);
    if (who.role === 'driver') this.#perDriver.set(who.sub, (this.#perDriver.get(who.sub) ?? 0) + 1);
  }

  #leave(who: Principal): void {
    if (who.role !== 'driver') return;
    const left = (this.#perDriver.get(who.sub) ?? 1) - 1;
    if (left > 0) this.#perDriver.set(who.sub, left);
    else this.#perDriver.delete(who.sub);
  }

  #sayAcks(): void {
    if (this.#toAck.size === 0) return;
    const now = this.#parts.clock.now();
    const later = new Map<Ack, Connection>();
    for (const [ack, connection] of this.#toAck) {
      if (ack.isDue(now)) connection.say(ack.say(now));
      else later.set(ack, connection);
    }
    this.#toAck = later;
  }

  #heartbeat(): void {
    for (const connection of this.#connections) connection.heartbeat();
  }

  /** One look a second at all connections: no timers of their own. */
  #lookAfter(): void {
    const now = this.#parts.clock.now();
    for (const connection of this.#connections) {
      const { who, heardAt, openedAt } = connection;
      if (connection.isClosing) continue;
      if (who === null && now - openedAt >= AUTH_MS) connection.close('auth_timeout');
      else if (who !== null && who.expiresAt !== null && who.expiresAt <= now) connection.close('token_expired');
      else if (now - heardAt >= SILENT_MS) connection.cut();
      else if (connection.slow && this.#isStuck(connection, now)) connection.close('slow_consumer');
      else if (now - heardAt >= QUIET_MS && !connection.pinged) connection.ping();
    }
  }

  #isStuck(connection: Connection, now: number): boolean {
    const written = this.#raw.get(connection)?.bytesWritten ?? 0;
    const waiting = this.#raw.get(connection)?.writableLength ?? 0;
    const taken = written - waiting;
    const before = this.#progress.get(connection);
    if (before === undefined || taken > before.written) {
      this.#progress.set(connection, { written: taken, at: now });
      return false;
    }
    return now - before.at >= STUCK_MS;
  }
}

function refuse(socket: Duplex, error: WaycastError): void {
  const problem = problemOf(error);
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(problem.retryAfter === undefined ? [] : [`Retry-After: ${Math.ceil(problem.retryAfter)}`]),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
