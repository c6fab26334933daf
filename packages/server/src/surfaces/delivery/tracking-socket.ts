import type { Duplex } from 'node:stream';
import { ERRORS, type ErrorCode, STREAM_LIMITS, WaycastError } from '@waycast/protocol';
import type { WebSocket } from 'ws';
import type { Remark } from '../../core/effects.ts';
import { endOf } from '../../dialects/delivery/ends.ts';
import { initialState } from '../../dialects/delivery/live-messages.ts';
import type { ServerMessage, UpdateInput } from '../../dialects/delivery/messages.ts';
import { readMessage } from '../../dialects/delivery/read-message.ts';
import type { SessionState } from '../../dialects/delivery/session.ts';
import type { Attendant } from '../../hub/attendance.ts';
import type { Delivery } from '../../hub/delivery.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Meter } from '../../hub/meter.ts';
import type { Principal } from '../../hub/principal.ts';
import type { Sender } from '../../hub/senders.ts';
import type { SessionUpdate } from '../../hub/sessions.ts';
import type { Codec } from '../websocket/codec.ts';
import { Socket } from '../websocket/socket.ts';
import type { Guest, SessionFeed } from './session-feed.ts';
import type { Visitor } from './visitor.ts';

/** Updates of one socket that wait for a status before them. */
const MOST_WAITING = 100;

export interface TrackingSocketParts {
  readonly ofAll: {
    readonly hub: Hub;
    readonly now: () => number;
    readonly meter: Meter;
    readonly broken: (error: unknown) => void;
  };
  readonly visitor: Visitor;
  /** What it is at; null for one that may not stay. */
  readonly at: { readonly feed: SessionFeed; readonly attendant: Attendant } | null;
}

/** One client at one session: a watcher, or its courier. */
export class TrackingSocket implements Guest, Sender, Codec {
  readonly socket: Socket;
  readonly #parts: TrackingSocketParts;
  #sender = 0;
  #badInARow = 0;
  /** What came while a status is on its way waits its turn, so that all takes effect in the order it came. */
  #turn: Promise<void> | null = null;
  #waiting = 0;

  constructor(ws: WebSocket, raw: Duplex, parts: TrackingSocketParts) {
    this.#parts = parts;
    this.socket = new Socket(ws, raw, {
      codec: this,
      now: parts.ofAll.now,
      farewell: endOf,
      onMessage: (data, isBinary) => this.#onMessage(data, isBinary),
      onEnd: () => this.#letGo(),
    });
    this.socket.expiresAt = parts.visitor.expiresAt;
  }

  frameOf(delivery: Delivery): Buffer | null {
    const { at, visitor } = this.#parts;
    return at === null ? null : at.feed.frameOf(delivery, visitor.isKnown);
  }

  conflated(): null {
    // This contract has no numbers, and no mark for those left out.
    return null;
  }

  begin(state: SessionState): void {
    this.#say(initialState(state, this.#parts.visitor.isKnown));
  }

  deliver(delivery: Delivery): void {
    this.socket.deliver(delivery);
  }

  end(code: ErrorCode): void {
    this.socket.close(code);
  }

  accepted(): void {
    // This contract has no watermarks.
  }

  stored(): void {
    // Nor here.
  }

  remark(remark: Remark): void {
    if (remark.kind === 'suspect') this.#say({ type: 'error', message: `this position cannot be (${remark.reason}): kept, but not shown` });
  }

  #say(message: ServerMessage): void {
    this.socket.send(message);
  }

  #letGo(): void {
    const { at, ofAll } = this.#parts;
    ofAll.hub.senders.remove(this.#sender);
    at?.feed.leave(this);
    at?.attendant.leave();
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    const { at } = this.#parts;
    if (at === null) return;
    at.attendant.seen();
    try {
      if (isBinary) throw new WaycastError('bad_json', 'messages are JSON in text frames');
      const message = readMessage(data.toString());
      this.#badInARow = 0;
      if (message.type === 'ping') this.#say({ type: 'pong' });
      else this.#move(at.feed.state, message.location);
    } catch (error) {
      this.#refuse(error);
      if (++this.#badInARow >= STREAM_LIMITS.badMessages) this.end('too_many_bad_messages');
    }
  }

  #move(session: SessionState, { lat, lng, status = null }: UpdateInput): void {
    const since = performance.now();
    const { visitor, ofAll } = this.#parts;
    const { hub, meter } = ofAll;
    const rider = hub.sessions.riderOf(visitor.who, session.riderId);
    if (this.#sender === 0) this.#sender = hub.senders.add(this);
    if (this.#turn === null && (status === null || status === session.status)) {
      hub.sessions.live(rider, session.id, { lat, lng }, this.#sender);
      meter.accepted(since);
      return;
    }
    if (this.#waiting >= MOST_WAITING) throw new WaycastError('rate_limited', 'statuses come too fast; wait for the ones before');
    this.#waiting++;
    this.#turn = (this.#turn ?? Promise.resolve()).then(() => this.#take(rider, session.id, { lat, lng, status }));
    meter.accepted(since);
  }

  async #take(rider: Principal, id: string, update: SessionUpdate): Promise<void> {
    try {
      const { suspect } = await this.#parts.ofAll.hub.sessions.update(rider, id, update);
      if (suspect) this.#say({ type: 'error', message: 'this position cannot be: kept, but not shown' });
    } catch (error) {
      this.#refuse(error);
    } finally {
      if (--this.#waiting === 0) this.#turn = null;
    }
  }

  /** Names what is wrong; the connection stays. */
  #refuse(error: unknown): void {
    const { broken, meter } = this.#parts.ofAll;
    if (!(error instanceof WaycastError)) {
      broken(error);
      this.#say({ type: 'error', message: ERRORS.internal.title });
      return;
    }
    meter.refused(error.code);
    this.#say({ type: 'error', message: error.message });
  }
}
