import { isId, WaycastError } from '@waycast/protocol';
import type { Socket } from 'socket.io';
import { type Attendant, driverRoom } from '../../hub/attendance.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Principal } from '../../hub/principal.ts';

const SURFACE = 'socketio';
const MOST_TOKEN = 8_192;

export interface AdmissionParts {
  readonly hub: Hub;
  readonly verify: (token: string) => Promise<Principal>;
  readonly maxConnectionsPerDriver: number;
}

/** Somebody who may come in, counted. */
export interface Admitted {
  readonly who: Principal;
  readonly attendant: Attendant;
}

/** Whether a client may come in, by the token of its handshake [K2]. */
export class Admission {
  readonly #parts: AdmissionParts;
  /** Connections that are being looked at: one handshake at a time each. */
  readonly #pending = new WeakSet<object>();

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /** @throws WaycastError `unauthenticated`, `token_expired`, `too_many_connections`, ... */
  async admit(socket: Socket): Promise<Admitted> {
    const { conn } = socket;
    if (this.#pending.has(conn)) throw new WaycastError('bad_request', 'one handshake at a time');
    this.#pending.add(conn);
    try {
      const who = await this.#parts.verify(tokenOf(socket));
      if (who.role === 'driver' && !isId(who.sub))
        throw new WaycastError('unauthenticated', 'the subject of this token is no id of a driver');
      const attendant = await this.#arrive(socket, who);
      // However it ends, and if it has ended meanwhile, it is counted no more.
      conn.once('close', () => attendant.leave());
      if (conn.readyState !== 'open') attendant.leave();
      return { who, attendant };
    } finally {
      this.#pending.delete(conn);
    }
  }

  #arrive({ conn }: Socket, { sub, role }: Principal): Promise<Attendant> {
    const { hub, maxConnectionsPerDriver } = this.#parts;
    const rooms = role === 'driver' ? [{ name: driverRoom(sub), limit: maxConnectionsPerDriver }] : [];
    const kind = conn.transport.name === 'polling' ? 'POLLING' : 'WEBSOCKET';
    return hub.attendance.arrive({ subject: sub, role, surface: SURFACE, kind, rooms });
  }
}

function tokenOf({ handshake }: Socket): string {
  const token: unknown = handshake.auth.token;
  if (typeof token !== 'string' || token.length === 0 || token.length > MOST_TOKEN)
    throw new WaycastError('unauthenticated', 'the handshake carries no auth.token');
  // Apps that hold the header's value send it as it is.
  return token.replace(/^Bearer /i, '');
}
