import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { isId, STREAM_LIMITS, WaycastError } from '@waycast/protocol';
import type { WebSocket } from 'ws';
import { type Attendant, driverRoom } from '../../hub/attendance.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Meter } from '../../hub/meter.ts';
import type { Clock } from '../../hub/ports.ts';
import type { Principal } from '../../hub/principal.ts';
import { bearerOf } from '../bearer.ts';
import type { Sockets } from '../websocket/sockets.ts';
import type { Admitted, Entrance } from '../websocket/upgrades.ts';
import type { Ack } from './acks.ts';
import { Connection } from './connection.ts';

export interface StreamParts {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly sockets: Sockets;
  readonly verify: (token: string) => Promise<Principal>;
  readonly redeemTicket: (ticket: string) => Promise<Principal | undefined>;
  readonly maxConnectionsPerDriver: number;
  /** Whether the messages of the hybrid clients are understood. */
  readonly hybrid: boolean;
  readonly broken: (error: unknown) => void;
}

/** The native stream: lets connections in, says their watermarks and heartbeats together. */
export class Stream implements Entrance {
  readonly path = '/v1/stream';
  readonly #parts: StreamParts;
  readonly #connections = new Set<Connection>();
  #toAck = new Map<Ack, Connection>();
  readonly #stops: (() => void)[];

  constructor(parts: StreamParts) {
    this.#parts = parts;
    const { clock } = parts;
    this.#stops = [
      clock.every(100, () => this.#sayAcks()),
      clock.every(STREAM_LIMITS.heartbeat * 1_000, () => {
        for (const connection of this.#connections) connection.heartbeat();
      }),
    ];
  }

  /** By header, by ticket, or not yet: then the first message signs in. */
  async admit(request: IncomingMessage, url: URL): Promise<Admitted> {
    const who = await this.#whoBefore(url, request.headers.authorization);
    const attendant = who === null ? null : await this.#arrive(who);
    return {
      open: (ws, raw) => this.#open(ws, raw, who, attendant),
      abandon: () => attendant?.leave(),
    };
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  async #whoBefore(url: URL, authorization: string | undefined): Promise<Principal | null> {
    if (authorization !== undefined) return this.#parts.verify(bearerOf(authorization));
    const ticket = url.searchParams.get('ticket');
    if (ticket === null) return null;
    const who = await this.#parts.redeemTicket(ticket);
    if (who === undefined) throw new WaycastError('unauthenticated', 'the ticket is unknown, used or too old');
    return who;
  }

  /** [L4] */
  async #arrive({ sub, role }: Principal): Promise<Attendant> {
    // Its messages carry it as it is, and so do those to its watchers.
    if (role === 'driver' && !isId(sub)) throw new WaycastError('forbidden', 'the subject of this token is no id of a driver');
    const { hub, maxConnectionsPerDriver } = this.#parts;
    const rooms = role === 'driver' ? [{ name: driverRoom(sub), limit: maxConnectionsPerDriver }] : [];
    return hub.attendance.arrive({ subject: sub, role, surface: 'stream', kind: 'WEBSOCKET', rooms });
  }

  #open(ws: WebSocket, raw: Duplex, who: Principal | null, attendant: Attendant | null): void {
    const { hub, meter, verify, clock, broken, sockets, hybrid } = this.#parts;
    const connection = new Connection(ws, raw, {
      hub,
      meter,
      verify,
      hybrid,
      now: () => clock.now(),
      arrive: (principal) => this.#arrive(principal),
      toAck: (from, ack) => this.#toAck.set(ack, from),
      ended: (gone) => this.#connections.delete(gone),
      broken,
    });
    this.#connections.add(connection);
    sockets.add(connection.socket);
    if (who !== null && attendant !== null) connection.signIn(who, attendant);
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
}
