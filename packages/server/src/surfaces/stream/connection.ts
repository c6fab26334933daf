import type { Duplex } from 'node:stream';
import {
  type ClientMessage,
  ERRORS,
  type ErrorCode,
  type FixesMessage,
  type FixMessage,
  isoTime,
  isRetryable,
  type OpenMessage,
  type ServerMessage,
  STREAM_LIMITS,
  type TextMessage,
  WaycastError,
} from '@waycast/protocol';
import type { WebSocket } from 'ws';
import type { Remark } from '../../core/effects.ts';
import type { Attendant } from '../../hub/attendance.ts';
import type { Delivery } from '../../hub/delivery.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Origin, SentFix } from '../../hub/ingest.ts';
import type { Meter } from '../../hub/meter.ts';
import type { Principal } from '../../hub/principal.ts';
import type { Sender } from '../../hub/senders.ts';
import type { Watcher } from '../../hub/watchers.ts';
import { type Farewell, Socket } from '../websocket/socket.ts';
import { Ack } from './acks.ts';
import { readFixes } from './backlog.ts';
import { ClientCodec } from './client-codec.ts';
import { namesOf, numbersOf, readMessage, refOf } from './read-message.ts';
import { Subscriptions } from './subscriptions.ts';

export interface ConnectionParts {
  readonly hub: Hub;
  readonly meter: Meter;
  readonly verify: (token: string) => Promise<Principal>;
  /** Counts a subject that signs in by message; refuses when there is no room [L4]. */
  readonly arrive: (who: Principal) => Promise<Attendant>;
  /** This connection has watermarks to say. */
  readonly toAck: (connection: Connection, ack: Ack) => void;
  /** Whether the messages of the hybrid clients are understood. */
  readonly hybrid: boolean;
  readonly ended: (connection: Connection) => void;
  /** A fault of ours, for the log. */
  readonly broken: (error: unknown) => void;
  readonly now: () => number;
}

/** Without a sign-in by then a connection is closed, ms [L6]. */
const SIGN_IN_MS = 5_000;

/** One client on the native stream: reads its messages one by one, asks the hub, says what became of them. */
export class Connection implements Watcher, Sender {
  readonly socket: Socket;
  readonly #parts: ConnectionParts;
  readonly #sender: number;
  readonly #acks = new Map<string, Ack>();
  /** The numbering open for each driver this connection sends for. */
  readonly #streams = new Map<string, Ack>();
  readonly #subscriptions: Subscriptions;
  #who: Principal | null = null;
  #attendant: Attendant | null = null;
  #badInARow = 0;

  constructor(ws: WebSocket, raw: Duplex, parts: ConnectionParts) {
    this.#parts = parts;
    this.#sender = parts.hub.senders.add(this);
    this.socket = new Socket(ws, raw, {
      codec: new ClientCodec(() => this.#signedIn()),
      now: parts.now,
      wholeFleet: () => parts.hub.drivers.wholeFleet(),
      farewell,
      onMessage: (data, isBinary) => this.#onMessage(data, isBinary),
      onEnd: () => this.#letGo(),
    });
    this.socket.signInBy = parts.now() + SIGN_IN_MS;
    this.#subscriptions = new Subscriptions({
      watching: parts.hub.watching,
      socket: this.socket,
      watcher: this,
      who: () => this.#signedIn(),
      broken: parts.broken,
    });
  }

  /** Somebody is there: by header, by ticket, or by the first message. */
  signIn(who: Principal, attendant: Attendant, ref?: string): void {
    this.#who = who;
    this.#attendant = attendant;
    this.socket.signInBy = null;
    this.socket.expiresAt = who.expiresAt;
    const { sub, role, expiresAt } = who;
    this.say({
      type: 'welcome',
      sub,
      role,
      expiresAt: expiresAt === null ? null : isoTime(expiresAt),
      heartbeat: STREAM_LIMITS.heartbeat,
      ...(ref !== undefined && { ref }),
    });
  }

  say(message: ServerMessage): void {
    this.socket.send(message);
  }

  deliver(delivery: Delivery): void {
    this.#subscriptions.deliver(delivery);
  }

  accepted(driverId: string, stream: string, upTo: number): void {
    const ack = this.#ackOf(driverId, stream);
    // The late word of an owner that slept meanwhile: what is stored stays so.
    if (upTo < ack.stored) return;
    const isLost = upTo < ack.accepted;
    ack.accepted = upTo;
    // What was accepted and not stored is gone with its owner or its log: the sender goes on from here [A4].
    if (isLost) this.say({ type: 'opened', stream, driver: driverId, accepted: upTo, stored: ack.stored });
    else this.#parts.toAck(this, ack);
  }

  stored(driverId: string, stream: string, upTo: number): void {
    const ack = this.#ackOf(driverId, stream);
    ack.stored = Math.max(ack.stored, upTo);
    this.#parts.toAck(this, ack);
  }

  remark(remark: Remark): void {
    if (remark.kind === 'suspect') {
      const { driverId, stream, seq, reason, at } = remark;
      if (stream === null || seq === null) {
        this.say({ type: 'warning', code: 'suspect_fix', driver: driverId, reason, timestamp: isoTime(at) });
        return;
      }
      const ack = this.#ackOf(driverId, stream);
      ack.suspect(seq, reason);
      this.#parts.toAck(this, ack);
      return;
    }
    const { driverId, stream, seq, code, message } = remark;
    if (isRetryable(code) || stream === null) {
      this.say({ type: 'error', code, message, seq, driver: driverId, ...(isRetryable(code) && { retryAfter: 1 }) });
      return;
    }
    const ack = this.#ackOf(driverId, stream);
    ack.reject(seq, code, message);
    this.#parts.toAck(this, ack);
  }

  /** Where its feeds stand; silence about a slow one, whose gaps are marked when it catches up [O4]. */
  heartbeat(): void {
    if (this.socket.slow || this.socket.ended) return;
    const feeds = this.#subscriptions.heartbeat();
    const at = isoTime(this.#parts.now());
    for (let i = 0; i < feeds.length; i += 100) this.say({ type: 'heartbeat', at, feeds: feeds.slice(i, i + 100) });
  }

  #letGo(): void {
    const { hub, ended } = this.#parts;
    hub.senders.remove(this.#sender);
    this.#subscriptions.close();
    this.#attendant?.leave();
    ended(this);
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    this.#attendant?.seen();
    const since = performance.now();
    let message: ClientMessage | undefined;
    try {
      message = readMessage(data, isBinary, this.#parts.hybrid);
      this.#handle(message, since);
      this.#badInARow = 0;
    } catch (error) {
      this.#refuse(error, message ?? null, data);
    }
  }

  #handle(message: ClientMessage, since: number): void {
    if (message.type === 'fix') {
      this.#takeFix(message);
      this.#parts.meter.accepted(since);
      return;
    }
    switch (message.type) {
      case 'fixes':
        this.#takeFixes(message);
        break;
      case 'auth':
        this.#later(this.#auth(message.token, message.ref), message);
        break;
      case 'open':
        this.#later(this.#open(message), message);
        break;
      case 'subscribe':
        this.#signedIn();
        this.#later(this.#subscriptions.add(message), message);
        break;
      case 'unsubscribe':
        this.#subscriptions.remove(message.feed);
        this.say({ type: 'unsubscribed', feed: message.feed, ...refOf(message) });
        break;
      case 'message':
        this.#later(this.#write(message), message);
        break;
      case 'ping':
        this.say({ type: 'pong', ...refOf(message) });
        break;
      default:
        message satisfies never;
    }
  }

  #takeFix(message: FixMessage): void {
    const { driver, seq, base } = message;
    this.#parts.hub.ingest.live(this.#originOf(driver, base, seq !== undefined), { seq: seq ?? null, input: message });
  }

  /** Each fix of a backlog is looked at alone: a bad one is refused by its number, its neighbours count. */
  #takeFixes(message: FixesMessage): void {
    const { sent, refused } = readFixes(message.fixes);
    const numbered = message.fixes.some((one) => one?.seq !== undefined);
    const origin = this.#originOf(message.driver, message.base, numbered);
    if (sent.length > 0) this.#parts.hub.ingest.backlog(origin, sent satisfies SentFix[]);
    for (const { seq, field, text } of refused) {
      this.#parts.hub.ingest.refuse(origin, seq, 'invalid_fix', text);
      this.say({ type: 'error', code: 'invalid_fix', message: text, field, ...(seq !== null && { seq }), driver: origin.driverId });
    }
  }

  #originOf(driver: string | undefined, base: number | undefined, numbered: boolean): Origin {
    const who = this.#signedIn();
    const driverId = driver ?? (who.role === 'driver' ? who.sub : undefined);
    if (driverId === undefined) {
      if (who.role !== 'service' && who.role !== 'admin') throw new WaycastError('forbidden', `a ${who.role} does not send positions`);
      throw new WaycastError('bad_request', 'a service names the driver of each fix', { field: '/driver' });
    }
    const open = this.#streams.get(driverId);
    if (numbered && open === undefined)
      throw new WaycastError('stream_not_open', 'send open {stream} before numbered fixes', { field: '/seq' });
    return { who, driverId, stream: numbered && open ? open.stream : null, base: base ?? null, sender: this.#sender };
  }

  async #auth(token: string, ref: string | undefined): Promise<void> {
    const who = await this.#parts.verify(token);
    const isSame = () => this.#who === null || (this.#who.sub === who.sub && this.#who.role === who.role);
    if (!isSame()) throw new WaycastError('forbidden', 'a connection stays with its subject and role; open another one');
    const attendant = this.#attendant ?? (await this.#parts.arrive(who));
    // Two sign-ins may be on their way at once, or the connection has ended meanwhile.
    if (this.socket.ended || (this.#attendant !== null && this.#attendant !== attendant)) attendant.leave();
    if (this.socket.ended) return;
    if (!isSame()) throw new WaycastError('forbidden', 'a connection stays with its subject and role; open another one');
    this.signIn(who, this.#attendant ?? attendant, ref);
  }

  async #open({ stream, driver, ref }: OpenMessage): Promise<void> {
    const { who, driverId } = this.#originOf(driver, undefined, false);
    const { accepted, stored } = await this.#parts.hub.ingest.open(who, driverId, stream);
    if (this.socket.ended) return;
    const ack = this.#ackOf(driverId, stream);
    ack.accepted = Math.max(ack.accepted, accepted);
    ack.stored = Math.max(ack.stored, stored);
    this.#streams.set(driverId, ack);
    this.say({ type: 'opened', stream, driver: driverId, accepted: ack.accepted, stored: ack.stored, ...(ref !== undefined && { ref }) });
  }

  async #write({ trip, text, to, ref }: TextMessage): Promise<void> {
    const { id, at } = await this.#parts.hub.texts.write(this.#signedIn(), trip, text, to ?? null, 'stream');
    this.say({ type: 'sent', tripId: trip, id, at: isoTime(at), ...(ref !== undefined && { ref }) });
  }

  #signedIn(): Principal {
    if (this.#who === null) throw new WaycastError('unauthenticated', 'send auth {token} first');
    return this.#who;
  }

  #later(work: Promise<void>, message: ClientMessage): void {
    work.catch((error: unknown) => this.#refuse(error, message, null));
  }

  /** Names what is wrong; the connection stays, unless this was the fiftieth in a row [L5]. */
  #refuse(error: unknown, message: ClientMessage | null, data: Buffer | null): void {
    if (!(error instanceof WaycastError)) {
      this.#parts.broken(error);
      this.say({ type: 'error', code: 'internal', message: ERRORS.internal.title });
      return;
    }
    this.#parts.meter.refused(error.code);
    const { code, field, retryAfter } = error;
    const sent = message === null ? (data === null ? {} : numbersOf(data)) : namesOf(message);
    const { seq } = sent;
    const driver = sent.driver ?? (seq !== undefined && this.#who?.role === 'driver' ? this.#who.sub : undefined);
    this.say({
      type: 'error',
      code,
      message: error.message,
      ...(field !== undefined && { field }),
      ...(seq !== undefined && { seq }),
      ...(driver !== undefined && { driver }),
      ...(retryAfter !== undefined && { retryAfter }),
      ...refOf(sent),
    });
    if (code === 'unauthenticated' && this.#who === null) this.socket.close('unauthenticated');
    else if (code === 'token_expired' && this.#who === null) this.socket.close('token_expired');
    else if (code === 'keys_unavailable' && this.#who === null) this.socket.close(code, retryAfter === undefined ? {} : { retryAfter });
    else if (code === 'too_many_connections') this.socket.close('too_many_connections');
    else if (code === 'invalid_fix' && seq !== undefined && message?.type !== 'fixes') this.#settleRefused(sent.driver, seq, error);
    if (isRetryable(code) || this.socket.ended) return;
    if (++this.#badInARow >= STREAM_LIMITS.badMessages) this.socket.close('too_many_bad_messages');
  }

  /** A number whose fix can never be taken must not hold up the watermark. */
  #settleRefused(driver: string | undefined, seq: number, { message }: WaycastError): void {
    const driverId = driver ?? this.#who?.sub;
    const open = driverId === undefined ? undefined : this.#streams.get(driverId);
    if (open === undefined || this.#who === null) return;
    this.#parts.hub.ingest.refuse(
      { who: this.#who, driverId: open.driver, stream: open.stream, base: null, sender: this.#sender },
      seq,
      'invalid_fix',
      message,
    );
  }

  #ackOf(driverId: string, stream: string): Ack {
    const open = this.#streams.get(driverId);
    if (open?.stream === stream) return open;
    const key = `${driverId} ${stream}`;
    let ack = this.#acks.get(key);
    if (ack === undefined) {
      ack = new Ack(driverId, stream);
      this.#acks.set(key, ack);
    }
    return ack;
  }
}

/** Says why and closes with the code of the table. */
function farewell(code: ErrorCode, more: { readonly retryAfter?: number }): Farewell {
  const entry = ERRORS[code];
  return {
    message: { type: 'error', code, message: entry.title, ...more } satisfies ServerMessage,
    code: 'close' in entry ? entry.close : 1011,
    reason: code,
  };
}
