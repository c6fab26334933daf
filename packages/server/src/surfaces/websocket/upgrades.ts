import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ERRORS, STREAM_LIMITS, WaycastError } from '@waycast/protocol';
import { type WebSocket, WebSocketServer } from 'ws';
import { refuseUpgrade } from './refuse-upgrade.ts';

/** Somebody who may come in. */
export interface Admitted {
  /** The handshake is through. */
  open(ws: WebSocket, raw: Duplex): void;
  /** The handshake failed after all: what was taken is given back. */
  abandon?(): void;
}

/** A WebSocket path. */
export interface Entrance {
  /** `:name` stands for one segment: `/ride/:ride/driver`. */
  readonly path: string;
  /**
   * Whether somebody may come in, decided before the handshake.
   * @throws WaycastError answered as plain HTTP
   */
  admit(request: IncomingMessage, url: URL, params: Readonly<Record<string, string>>): Promise<Admitted>;
  /** The HTTP status of a refusal, where a contract wants another one than the table's. */
  readonly statusOf?: (error: WaycastError) => number;
}

export interface UpgradesParts {
  readonly entrances: readonly Entrance[];
  /** Whether pages of this origin may connect [S9]. */
  readonly mayConnect: (origin: string, host: string | undefined) => boolean;
  /** A fault of ours, for the log. */
  readonly broken: (error: unknown) => void;
}

/** Where WebSockets come in: each upgrade goes to the surface whose path it names, or is refused as plain HTTP. */
export class Upgrades {
  readonly #parts: UpgradesParts;
  readonly #server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    clientTracking: false,
    maxPayload: STREAM_LIMITS.message,
  });
  #draining = false;

  constructor(parts: UpgradesParts) {
    this.#parts = parts;
  }

  /** From now on everybody is sent elsewhere. */
  drain(): void {
    this.#draining = true;
  }

  async take(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    let entrance: Entrance | undefined;
    try {
      const url = urlOf(request);
      const found = this.#find(url.pathname);
      if (found === null) throw new WaycastError('not_found', 'no such path');
      entrance = found.entrance;
      if (this.#draining) throw new WaycastError('draining', ERRORS.draining.title, { retryAfter: 1 });
      const { origin, host } = request.headers;
      if (origin !== undefined && !this.#parts.mayConnect(origin, host)) throw new WaycastError('forbidden_origin');
      const admitted = await entrance.admit(request, url, found.params);
      let opened = false;
      // Answers at once: a socket that is gone, or no WebSocket handshake at all, never opens.
      this.#server.handleUpgrade(request, socket, head, (ws) => {
        opened = true;
        admitted.open(ws, socket);
      });
      if (!opened) admitted.abandon?.();
    } catch (error) {
      const refusal = error instanceof WaycastError ? error : new WaycastError('internal');
      refuseUpgrade(socket, refusal, entrance?.statusOf?.(refusal) ?? ERRORS[refusal.code].status);
      if (!(error instanceof WaycastError)) this.#parts.broken(error);
    }
  }

  #find(pathname: string): { entrance: Entrance; params: Record<string, string> } | null {
    for (const entrance of this.#parts.entrances) {
      const params = paramsOf(entrance.path, pathname);
      if (params !== null) return { entrance, params };
    }
    return null;
  }
}

function urlOf(request: IncomingMessage): URL {
  try {
    return new URL(request.url ?? '/', 'ws://here');
  } catch {
    throw new WaycastError('not_found', 'no such path');
  }
}

/** The named segments of a path that fits; null when it does not. */
function paramsOf(path: string, pathname: string): Record<string, string> | null {
  const wanted = path.split('/');
  const given = pathname.replace(/(?<=.)\/$/, '').split('/');
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const found = given[index] as string;
    if (!part.startsWith(':')) {
      if (part !== found) return null;
      continue;
    }
    try {
      params[part.slice(1)] = decodeURIComponent(found);
    } catch {
      return null;
    }
  }
  return params;
}
