import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WaycastError } from '@waycast/protocol';
import type { WebSocket } from 'ws';
import type { Trip } from '../../core/trip.ts';
import type { Attendant } from '../../hub/attendance.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Meter } from '../../hub/meter.ts';
import type { Clock } from '../../hub/ports.ts';
import type { Identity } from '../../hub/principal.ts';
import { bearerOf } from '../bearer.ts';
import type { Sockets } from '../websocket/sockets.ts';
import type { Admitted, Entrance } from '../websocket/upgrades.ts';
import { SessionFeed, type SessionFeedParts } from './session-feed.ts';
import { TrackingSocket, type TrackingSocketParts } from './tracking-socket.ts';
import { PUBLIC, type Visitor, visitorOf } from './visitor.ts';

/** The room of all sockets of this contract. */
export const TRACKING_ROOM = 'tracking';

export interface TrackingParts {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly sockets: Sockets;
  readonly identify: (token: string) => Promise<Identity>;
  readonly broken: (error: unknown) => void;
}

/** The sockets of the delivery contract: everybody is let in, and who may not stay is told why [Y12]. */
export class Tracking implements Entrance {
  readonly path = '/ws/tracking/:id';
  readonly #parts: TrackingParts;
  readonly #feeds = new Map<string, SessionFeed>();
  /** What each of them needs, made once: there may be thousands. */
  readonly #ofFeeds: SessionFeedParts;
  readonly #ofSockets: TrackingSocketParts['ofAll'];
  readonly #stop: () => void;

  constructor(parts: TrackingParts) {
    this.#parts = parts;
    const { hub, meter, broken, clock } = parts;
    const now = () => clock.now();
    this.#ofSockets = { hub, now, meter, broken };
    this.#ofFeeds = {
      watching: hub.watching,
      now,
      deserted: (feed) => {
        if (this.#feeds.get(feed.state.id) === feed) this.#feeds.delete(feed.state.id);
      },
    };
    this.#stop = parts.clock.every(1_000, () => {
      for (const feed of this.#feeds.values()) feed.lookAtTheTime();
    });
  }

  async admit(request: IncomingMessage, url: URL, params: Readonly<Record<string, string>>): Promise<Admitted> {
    try {
      const visitor = await this.#visitor(url, request.headers.authorization);
      return await this.#welcome(visitor, await this.#parts.hub.sessions.find(params.id as string));
    } catch (error) {
      const code = error instanceof WaycastError ? error.code : 'internal';
      if (!(error instanceof WaycastError)) this.#parts.broken(error);
      return { open: (ws, raw) => this.#socket(ws, raw, PUBLIC, null).end(code) };
    }
  }

  close(): void {
    this.#stop();
  }

  async #visitor(url: URL, authorization: string | undefined): Promise<Visitor> {
    // Old clients can send no header from a page; an empty token is none.
    const token = url.searchParams.get('token') || (authorization === undefined ? null : bearerOf(authorization));
    if (token === null) return PUBLIC;
    return visitorOf(await this.#parts.identify(token));
  }

  /** Everything is at hand before the handshake, so that the session is the first thing a client hears. */
  async #welcome(visitor: Visitor, trip: Trip): Promise<Admitted> {
    const feed = this.#feedOf(trip);
    const place = feed.expect();
    try {
      await feed.ready;
      const attendant = await this.#arrive(visitor, trip.id);
      return {
        open: (ws, raw) => place.join(this.#socket(ws, raw, visitor, { feed, attendant })),
        abandon: () => {
          place.giveUp();
          attendant.leave();
        },
      };
    } catch (error) {
      place.giveUp();
      throw error;
    }
  }

  #arrive({ who }: Visitor, about: string): Promise<Attendant> {
    const rooms = [{ name: TRACKING_ROOM, limit: Number.MAX_SAFE_INTEGER }];
    const { attendance } = this.#parts.hub;
    return attendance.arrive({ subject: who?.sub ?? null, role: who?.role ?? null, surface: 'delivery', kind: 'WEBSOCKET', about, rooms });
  }

  #socket(ws: WebSocket, raw: Duplex, visitor: Visitor, at: TrackingSocketParts['at']): TrackingSocket {
    const tracking = new TrackingSocket(ws, raw, { ofAll: this.#ofSockets, visitor, at });
    this.#parts.sockets.add(tracking.socket);
    return tracking;
  }

  #feedOf(trip: Trip): SessionFeed {
    const known = this.#feeds.get(trip.id);
    if (known !== undefined) return known;
    const feed = new SessionFeed(trip, this.#ofFeeds);
    this.#feeds.set(trip.id, feed);
    return feed;
  }
}
