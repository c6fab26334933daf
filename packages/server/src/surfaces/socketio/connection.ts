import { ERRORS, isId, isoTime, isRetryable, STREAM_LIMITS, WaycastError } from '@waycast/protocol';
import type { Socket } from 'socket.io';
import type { Remark } from '../../core/effects.ts';
import type { MessageHappened } from '../../core/events.ts';
import type { Fix } from '../../core/fix.ts';
import {
  type Acknowledgement,
  type Connected,
  HYBRID_EVENTS,
  type MessageSend,
  type Refusal,
  type ServerEvent,
  type Warning,
} from '../../dialects/fleet/messages.ts';
import { fixInputOf, type ReadEvent, readEvent } from '../../dialects/fleet/read-event.ts';
import { roleName } from '../../dialects/fleet/roles.ts';
import { textMessage } from '../../dialects/fleet/text-message.ts';
import type { Attendant } from '../../hub/attendance.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Meter } from '../../hub/meter.ts';
import type { Principal } from '../../hub/principal.ts';
import type { Sender } from '../../hub/senders.ts';
import { JobTexts } from './job-texts.ts';
import { Outflow } from './outflow.ts';
import { terminate } from './terminate.ts';
import { TripWatch, type Wanted } from './trip-watch.ts';

/** Trips one client may follow. */
const MOST_SUBSCRIPTIONS = 100;

export interface ConnectionParts {
  readonly hub: Hub;
  readonly meter: Meter;
  readonly verify: (token: string) => Promise<Principal>;
  readonly now: () => number;
  readonly hybrid: boolean;
  readonly ended: (connection: Connection) => void;
  /** A fault of ours, for the log. */
  readonly broken: (error: unknown) => void;
}

type Answer = (answer: Acknowledgement) => void;
/** What an acknowledgement tells: where a feed stands. */
interface Done {
  readonly seq: number;
  readonly suspect?: boolean;
  /** Of a text. */
  readonly id?: string;
}

/** One Socket.IO client that was let in: reads its events, asks the hub, says what became of them. */
export class Connection implements Sender {
  heardAt: number;
  readonly #socket: Socket;
  readonly #attendant: Attendant;
  readonly #parts: ConnectionParts;
  readonly #out: Outflow;
  readonly #sender: number;
  readonly #watches = new Set<TripWatch>();
  readonly #texts: JobTexts | null;
  /** Subscriptions that are being looked up count as well. */
  #beginning = 0;
  #who: Principal;
  #badInARow = 0;
  #ended = false;

  constructor(socket: Socket, who: Principal, attendant: Attendant, parts: ConnectionParts) {
    this.#socket = socket;
    this.#who = who;
    this.#attendant = attendant;
    this.#parts = parts;
    this.heardAt = parts.now();
    this.#sender = parts.hub.senders.add(this);
    const { conn } = socket;
    this.#out = new Outflow(conn, {
      emit: (event, payload) => void socket.emit(event, payload),
      giveUp: () => this.cut('slow_consumer'),
      now: parts.now,
    });
    conn.on('packet', () => {
      this.heardAt = parts.now();
      attendant.seen();
    });
    // Polling may have given way to a WebSocket while the token was looked at.
    if (conn.upgraded) attendant.upgraded('WEBSOCKET');
    conn.on('upgrade', () => attendant.upgraded('WEBSOCKET'));
    socket.onAny((name: unknown, ...args: unknown[]) => this.#onEvent(name, args));
    socket.on('disconnect', () => this.#letGo());
    this.#texts = this.#hearTexts(who);
    this.#say('connected', { userId: who.sub, role: roleName(who.role), expiresAt: timeOrNull(who.expiresAt) } satisfies Connected);
  }

  get expiresAt(): number | null {
    return this.#who.expiresAt;
  }

  isStuck(now: number, forMs: number): boolean {
    return this.#out.isStuck(now, forMs);
  }

  accepted(): void {
    // Numbers are for the native stream; here fixes have none.
  }

  stored(): void {
    // The same.
  }

  /** A fix sent without a callback is out of the question: its sender is told all the same [F7]. */
  remark(remark: Remark): void {
    if (remark.kind !== 'suspect') return;
    const message = remark.reason === 'ahead' ? 'the position is ahead of its time' : 'the position is too far from the last one';
    this.#say('warning', { code: 'suspect_fix', message, timestamp: isoTime(remark.at) } satisfies Warning);
  }

  /** Says why and disconnects for good: a client does not come back by itself. */
  refuse(code: keyof typeof ERRORS): void {
    this.#say('error', { code, message: ERRORS[code].title } satisfies Refusal);
    this.#socket.disconnect(true);
  }

  /** Says why and closes the transport: clients come back by themselves, this long from now at the earliest, s. */
  sendAway(code: keyof typeof ERRORS, retryAfter: number): void {
    this.#say('error', { code, message: ERRORS[code].title, retryAfter } satisfies Refusal);
    this.#socket.conn.close();
  }

  /** Nobody is there any more, or nobody takes anything. */
  cut(code?: 'slow_consumer'): void {
    if (code !== undefined) this.#parts.meter.refused(code);
    terminate(this.#socket.conn);
    this.#letGo();
  }

  #say(event: ServerEvent, payload: object): void {
    if (!this.#ended) this.#out.send(event, payload);
  }

  #letGo(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const watch of this.#watches) watch.stop();
    this.#watches.clear();
    this.#texts?.stop();
    this.#parts.hub.senders.remove(this.#sender);
    this.#attendant.leave();
    this.#parts.ended(this);
    // Whoever leaves the namespace has no business on the transport.
    this.#socket.conn.close();
  }

  #onEvent(name: unknown, args: unknown[]): void {
    if (this.#ended) return;
    const since = performance.now();
    const answer = typeof args.at(-1) === 'function' ? (args.pop() as Answer) : null;
    let event: ReadEvent;
    let work: Promise<Done> | null;
    try {
      event = readEvent(name, args);
      if (HYBRID_EVENTS.has(event.name) && !this.#parts.hybrid) throw new WaycastError('unknown_type', 'no such event');
      work = this.#handle(event, answer !== null);
    } catch (error) {
      this.#fail(error, typeof name === 'string' ? name.slice(0, 64) : '', answer);
      return;
    }
    if (event.name === 'driver:location') this.#parts.meter.accepted(since);
    if (work === null) {
      this.#badInARow = 0;
      return;
    }
    work.then(
      (done) => this.#succeed(done, answer),
      (error: unknown) => this.#fail(error, event.name, answer),
    );
  }

  #succeed({ seq, suspect, id }: Done, answer: Answer | null): void {
    this.#badInARow = 0;
    this.#acknowledge(answer, { ok: true, seq, stored: true, ...(id !== undefined && { id }), ...(suspect === true && { suspect }) });
  }

  /** What comes of an event; null when nobody waits for it. */
  #handle(event: ReadEvent, answered: boolean): Promise<Done> | null {
    switch (event.name) {
      case 'driver:location': {
        const driverId = this.#drives();
        const input = fixInputOf(event.payload);
        const { ingest } = this.#parts.hub;
        if (answered) return ingest.report(this.#who, driverId, input);
        ingest.live({ who: this.#who, driverId, stream: null, base: null, sender: this.#sender }, { seq: null, input });
        return null;
      }
      case 'driver:online': {
        const driverId = this.#drives();
        return this.#ofDriver(driverId, this.#parts.hub.drivers.setAvailability(this.#who, driverId, event.payload.available));
      }
      case 'driver:offline': {
        const driverId = this.#drives();
        return this.#ofDriver(driverId, this.#parts.hub.drivers.goOffline(this.#who, driverId));
      }
      case 'rider:subscribe':
        this.#mustFollow();
        return this.#follow(event.payload);
      case 'join_ride':
        this.#mustFollow();
        return this.#joinRide(event.payload.rideId);
      case 'rider:unsubscribe':
        this.#mustFollow();
        return this.#unfollow((watch) => watch.isOf(event.payload.driverId));
      case 'leave_ride':
        this.#mustFollow();
        return this.#unfollow(({ wanted }) => wanted.tripId === event.payload.rideId);
      case 'message':
        return this.#write(event.payload);
      case 'auth:refresh':
        return this.#refresh(event.payload.token);
    }
  }

  /** The driver this client sends for. Drivers only send, riders only follow [K4]. */
  #drives(): string {
    const { role, sub } = this.#who;
    if (role !== 'driver' && role !== 'admin') throw new WaycastError('forbidden', `a ${roleName(role)} does not send positions`);
    if (!isId(sub)) throw new WaycastError('forbidden', 'the subject of this token is no id of a driver');
    return sub;
  }

  #mustFollow(): void {
    if (this.#who.role === 'driver') throw new WaycastError('forbidden', 'a DRIVER does not follow trips');
  }

  async #ofDriver(driverId: string, work: Promise<void>): Promise<Done> {
    await work;
    return { seq: (await this.#parts.hub.drivers.find(this.#who, driverId)).seq };
  }

  /** The ride may live in a service outside, and be no trip here before it was asked for. */
  async #joinRide(rideId: string): Promise<Done> {
    await this.#parts.hub.rides.find(rideId);
    return this.#follow({ tripId: rideId, driverId: null });
  }

  async #follow(wanted: Wanted): Promise<Done> {
    if (this.#watches.size + this.#beginning >= MOST_SUBSCRIPTIONS) throw new WaycastError('too_many_subscriptions');
    const { hub, now, hybrid } = this.#parts;
    const watch = new TripWatch(wanted, {
      hub,
      now,
      who: () => this.#who,
      hybrid,
      position: (key, event, payload) => this.#out.position(key, event, payload),
      isTold: (driverId, fix) => this.#isTold(watch, driverId, fix),
      event: (event, payload) => this.#out.event(event, payload),
      ended: (over) => this.#watches.delete(over),
      lost: (tripId) => this.#say('error', { code: 'not_found', message: 'the trip is not for you any more', tripId } satisfies Refusal),
    });
    this.#beginning++;
    try {
      const seq = await watch.begin();
      if (this.#ended) watch.stop();
      else if (watch.isAlive) this.#add(watch);
      return { seq };
    } finally {
      this.#beginning--;
    }
  }

  #isTold(by: TripWatch, driverId: string, fix: Fix): boolean {
    for (const other of this.#watches) if (other !== by && other.hasTold(driverId, fix)) return true;
    return false;
  }

  /** A trip that is asked for again is followed once, as it was asked for last. */
  #add(watch: TripWatch): void {
    for (const before of this.#watches) {
      if (before.wanted.tripId !== watch.wanted.tripId) continue;
      before.stop();
      this.#watches.delete(before);
    }
    this.#watches.add(watch);
  }

  async #unfollow(isMeant: (watch: TripWatch) => boolean): Promise<Done> {
    for (const watch of this.#watches) {
      if (!isMeant(watch)) continue;
      watch.stop();
      this.#watches.delete(watch);
    }
    return { seq: 0 };
  }

  async #write({ tripId, text, to = null }: MessageSend): Promise<Done> {
    const { id } = await this.#parts.hub.texts.write(this.#who, tripId, text, to, 'socketio');
    return { seq: 0, id };
  }

  /** A driver hears what is written on its trips, where that can be written. */
  #hearTexts({ role, sub }: Principal): JobTexts | null {
    const { hub, hybrid, broken } = this.#parts;
    if (!hybrid || role !== 'driver' || !isId(sub)) return null;
    const tell = (text: MessageHappened) => this.#out.event('message', textMessage(text));
    return new JobTexts({ watching: hub.watching, driverId: sub, who: () => this.#who, tell, broken });
  }

  /** A fresh token of the same subject and role keeps the connection [K3]. */
  async #refresh(token: string): Promise<Done> {
    const who = await this.#parts.verify(token);
    if (who.sub !== this.#who.sub || who.role !== this.#who.role)
      throw new WaycastError('forbidden', 'a connection stays with its subject and role; open another one');
    this.#who = who;
    return { seq: 0 };
  }

  #acknowledge(answer: Answer | null, outcome: Acknowledgement): void {
    if (answer === null || this.#ended) return;
    if (this.#out.isFull) this.cut('slow_consumer');
    else answer(outcome);
  }

  /** Names what is wrong, by the callback when there is one; the connection stays, unless this was the fiftieth in a row [K12]. */
  #fail(error: unknown, event: string, answer: Answer | null): void {
    if (this.#ended) return;
    if (!(error instanceof WaycastError)) this.#parts.broken(error);
    const known = error instanceof WaycastError ? error : new WaycastError('internal');
    const { code, message, field, retryAfter } = known;
    this.#parts.meter.refused(code);
    const told = { code, message, ...(field !== undefined && { field }), ...(retryAfter !== undefined && { retryAfter }) };
    if (answer === null) this.#say('error', { ...told, event } satisfies Refusal);
    else this.#acknowledge(answer, { ok: false, ...told });
    if (isRetryable(code) || code === 'internal' || this.#ended) return;
    if (++this.#badInARow >= STREAM_LIMITS.badMessages) this.refuse('too_many_bad_messages');
  }
}

function timeOrNull(at: number | null): string | null {
  return at === null ? null : isoTime(at);
}
