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
  type SubscribeMessage,
  WaycastError,
} from '@waycast/protocol';
import type { WebSocket } from 'ws';
import type { Remark } from '../../core/effects.ts';
import type { Delivery } from '../../hub/delivery.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Origin, SentFix } from '../../hub/ingest.ts';
import type { Meter } from '../../hub/meter.ts';
import type { Principal } from '../../hub/principal.ts';
import type { Sender } from '../../hub/senders.ts';
import type { Watcher } from '../../hub/watchers.ts';
import { Ack } from './acks.ts';
import { readFixes } from './backlog.ts';
import { Outflow } from './outflow.ts';
import { namesOf, numbersOf, readMessage, refOf } from './read-message.ts';

export interface ConnectionParts {
  readonly hub: Hub;
  readonly meter: Meter;
  readonly verify: (token: string) => Promise<Principal>;
  /** Lets a subject in or refuses, and hears when it leaves [L4]. */
  readonly admit: (who: Principal) => void;
  readonly leave: (who: Principal) => void;
  /** This connection has watermarks to say. */
  readonly toAck: (connection: Connection, ack: Ack) => void;
  readonly wholeFleet: () => Delivery;
  readonly closed: (connection: Connection) => void;
  /** A fault of ours, for the log. */
  readonly broken: (error: unknown) => void;
  readonly now: () => number;
}

/** One client on the native stream: reads its messages one by one, asks the hub, says what became of them. */
export class Connection implements Watcher, Sender {
  readonly #socket: WebSocket;
  readonly #parts: ConnectionParts;
  readonly #out: Outflow;
  readonly #sender: number;
  readonly #acks = new Map<string, Ack>();
  /** The numbering open for each driver this connection sends for. */
  readonly #streams = new Map<string, Ack>();
  readonly #feeds = new Map<string, { epoch: string; seq: number }>();
  readonly openedAt: number;
  heardAt: number;
  pinged = false;
  #who: Principal | null = null;
  #badInARow = 0;
  #closed = false;

  constructor(socket: WebSocket, raw: Duplex, parts: ConnectionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#out = new Outflow(raw, { giveUp: () => this.close('slow_consumer'), wholeFleet: parts.wholeFleet });
    this.#sender = parts.hub.senders.add(this);
    this.openedAt = parts.now();
    this.heardAt = this.openedAt;
    socket.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary));
    socket.on('pong', () => this.#alive());
    socket.on('ping', () => this.#alive());
    // What is wrong with a frame (size, encoding, reserved bits) closes it with the code RFC 6455 has for it.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#letGo();
      parts.closed(this);
    });
  }

  get who(): Principal | null {
    return this.#who;
  }

  get isClosing(): boolean {
    return this.#closed;
  }

  get slow(): boolean {
    return this.#out.slow;
  }

  /** Somebody is there: by header, by ticket, or by the first message. */
  signIn(who: Principal, ref?: string): void {
    if (this.#who === null) this.#parts.admit(who);
    this.#who = who;
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
    if (!this.#closed) this.#out.send(message);
  }

  deliver(delivery: Delivery): void {
    if (this.#closed) return;
    if ('seq' in delivery) {
      const position = this.#feeds.get(delivery.feed);
      if (position !== undefined) {
        position.epoch = delivery.epoch;
        position.seq = delivery.seq;
      }
    }
    this.#out.deliver(delivery);
  }

  accepted(driverId: string, stream: string, upTo: number): void {
    const ack = this.#ackOf(driverId, stream);
    ack.accepted = upTo;
    this.#parts.toAck(this, ack);
  }

  stored(driverId: string, stream: string, upTo: number): void {
    const ack = this.#ackOf(driverId, stream);
    ack.stored = upTo;
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
    if (this.#feeds.size === 0 || this.#out.slow || this.#closed) return;
    const feeds = [...this.#feeds].map(([feed, { epoch, seq }]) => ({ feed, epoch, seq }));
    const at = isoTime(this.#parts.now());
    for (let i = 0; i < feeds.length; i += 100) this.say({ type: 'heartbeat', at, feeds: feeds.slice(i, i + 100) });
  }

  ping(): void {
    this.pinged = true;
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  /** Says why and closes with the code of the table; who does not even take that is cut off. */
  close(code: ErrorCode, more: { retryAfter?: number } = {}): void {
    if (this.#closed) return;
    const { title } = ERRORS[code];
    this.say({ type: 'error', code, message: title, ...more });
    this.#out.flush();
    const entry = ERRORS[code];
    if (code === 'slow_consumer') this.#socket.terminate();
    else this.#socket.close('close' in entry ? entry.close : 1011, code);
    this.#letGo();
  }

  /** Nobody is there any more. */
  cut(): void {
    this.#socket.terminate();
    this.#letGo();
  }

  #alive(): void {
    this.heardAt = this.#parts.now();
    this.pinged = false;
  }

  /** Nothing comes or goes any more; the socket itself may still be saying good-bye. */
  #letGo(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { hub, leave } = this.#parts;
    hub.senders.remove(this.#sender);
    for (const feed of this.#feeds.keys()) hub.watching.unsubscribe(feed, this);
    this.#feeds.clear();
    if (this.#who !== null) leave(this.#who);
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (this.#closed) return;
    this.#alive();
    const since = performance.now();
    let message: ClientMessage | undefined;
    try {
      message = readMessage(data, isBinary);
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
        this.#later(this.#subscribe(message), message);
        break;
      case 'unsubscribe':
        this.#feeds.delete(message.feed);
        this.#parts.hub.watching.unsubscribe(message.feed, this);
        this.say({ type: 'unsubscribed', feed: message.feed, ...refOf(message) });
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
    if (driverId === undefined) throw new WaycastError('bad_request', 'a service names the driver of each fix', { field: '/driver' });
    const open = this.#streams.get(driverId);
    if (numbered && open === undefined)
      throw new WaycastError('stream_not_open', 'send open {stream} before numbered fixes', { field: '/seq' });
    return { who, driverId, stream: numbered && open ? open.stream : null, base: base ?? null, sender: this.#sender };
  }

  async #auth(token: string, ref: string | undefined): Promise<void> {
    const who = await this.#parts.verify(token);
    if (this.#closed) return;
    if (this.#who !== null && (this.#who.sub !== who.sub || this.#who.role !== who.role)) {
      throw new WaycastError('forbidden', 'a connection stays with its subject and role; open another one');
    }
    this.signIn(who, ref);
  }

  async #open({ stream, driver, ref }: OpenMessage): Promise<void> {
    const { who, driverId } = this.#originOf(driver, undefined, false);
    const { accepted, stored } = await this.#parts.hub.ingest.open(who, driverId, stream);
    if (this.#closed) return;
    const ack = this.#ackOf(driverId, stream);
    ack.accepted = Math.max(ack.accepted, accepted);
    ack.stored = Math.max(ack.stored, stored);
    this.#streams.set(driverId, ack);
    this.say({ type: 'opened', stream, driver: driverId, accepted: ack.accepted, stored: ack.stored, ...(ref !== undefined && { ref }) });
  }

  async #subscribe(message: SubscribeMessage): Promise<void> {
    const { feed, since } = message;
    const who = this.#signedIn();
    if (!this.#feeds.has(feed) && this.#feeds.size >= STREAM_LIMITS.subscriptions) throw new WaycastError('too_many_subscriptions');
    const { watching } = this.#parts.hub;
    await watching.subscribe(who, feed, since ?? null, this, (resumed, first) => {
      if (this.#closed) {
        watching.unsubscribe(feed, this);
        return;
      }
      this.#feeds.set(feed, { epoch: since?.epoch ?? '', seq: since?.seq ?? 0 });
      this.say({ type: 'subscribed', feed, resumed, ...refOf(message) });
      for (const delivery of first) this.deliver(delivery);
      if (feed === 'fleet') this.#feeds.delete(feed);
    });
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
    if (code === 'unauthenticated' && this.#who === null) this.close('unauthenticated');
    else if (code === 'token_expired' && this.#who === null) this.close('token_expired');
    else if (code === 'too_many_connections') this.close('too_many_connections');
    else if (code === 'invalid_fix' && seq !== undefined && message?.type !== 'fixes') this.#settleRefused(sent.driver, seq, error);
    if (isRetryable(code) || this.#closed) return;
    if (++this.#badInARow >= STREAM_LIMITS.badMessages) this.close('too_many_bad_messages');
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
