import type { AddressInfo } from 'node:net';
import {
  CLIENT_MESSAGES,
  type ClientMessage,
  type ErrorCode,
  type ServerMessage,
  type SnapshotMessage,
  validator,
} from '@waycast/protocol';
import { type WebSocket, WebSocketServer } from 'ws';

const CHECKS = Object.fromEntries(Object.entries(CLIENT_MESSAGES).map(([type, schema]) => [type, validator(schema)]));

interface Feed {
  epoch: string;
  seq: number;
  ring: ServerMessage[];
}

/** One numbering as the fake server keeps it: what arrived, and up to where it is whole. */
interface Numbering {
  fixes: Map<number, object>;
  accepted: number;
  stored: number;
}

/** What is taken from a fix or batch: null takes and acknowledges it, a code refuses it, 'mute' takes it without a word. */
export type Judge = (seq: number, driver: string) => ErrorCode | 'mute' | null;

/** A small server of the native stream for tests: real sockets, every client message checked against its schema. */
export class FakeServer {
  readonly received: ClientMessage[] = [];
  readonly violations: string[] = [];
  readonly feeds = new Map<string, Feed>();
  readonly streams = new Map<string, Numbering>();
  readonly tokens: string[] = [];
  welcomes = 0;
  judge: Judge = () => null;
  /** what to do with a token: 'ok', or the code it is refused with */
  admit: (token: string) => 'ok' | ErrorCode = () => 'ok';
  /** whether what was accepted is stored right away */
  commits: () => boolean = () => true;
  /** ISO time put into `welcome` */
  expiresAt: string | null = null;
  /** answers to `subscribe` that must not come: true keeps quiet */
  deaf = false;
  #wss: WebSocketServer | undefined;
  #port = 0;
  readonly #open = new Map<WebSocket, Map<string, string>>();

  static async start(port = 0): Promise<FakeServer> {
    const server = new FakeServer();
    await server.listen(port);
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get connections(): number {
    return this.#open.size;
  }

  async listen(port = this.#port): Promise<void> {
    const wss = new WebSocketServer({ host: '127.0.0.1', port });
    this.#wss = wss;
    await new Promise((resolve) => wss.once('listening', resolve));
    this.#port = (wss.address() as AddressInfo).port;
    wss.on('connection', (socket, request) => this.#accept(socket, request.url ?? ''));
  }

  async stop(): Promise<void> {
    this.drop();
    const wss = this.#wss;
    this.#wss = undefined;
    if (wss !== undefined) await new Promise((resolve) => wss.close(resolve));
  }

  /** Cuts every connection, as a lost network does. */
  drop(): void {
    for (const socket of this.#open.keys()) socket.terminate();
    this.#open.clear();
  }

  /** What was accepted and not stored is lost, and so are the connections. */
  crash(): void {
    this.lose();
    this.drop();
  }

  /** What was accepted and not stored is lost. */
  lose(): void {
    for (const numbering of this.streams.values()) {
      for (const seq of numbering.fixes.keys()) if (seq > numbering.stored) numbering.fixes.delete(seq);
      numbering.accepted = numbering.stored;
    }
  }

  /** Closes every connection with a code. */
  close(code: number, reason: string): void {
    for (const socket of this.#open.keys()) socket.close(code, reason);
  }

  /** The connections there are now stay open and hear nothing any more; new ones are served. */
  mute(): void {
    for (const socket of this.#open.keys()) {
      socket.removeAllListeners('message');
      this.#open.delete(socket);
    }
  }

  say(message: ServerMessage | object): void {
    for (const socket of this.#open.keys()) socket.send(JSON.stringify(message));
  }

  feed(name: string): Feed {
    let feed = this.feeds.get(name);
    if (feed === undefined) {
      feed = { epoch: 'e1', seq: 0, ring: [] };
      this.feeds.set(name, feed);
    }
    return feed;
  }

  /** Publishes a location on a driver or trip feed; `quiet` keeps it from the sockets, as a lost message. */
  publish(name: string, quiet = false): void {
    const feed = this.feed(name);
    feed.seq += 1;
    const place = {
      lat: 1,
      lng: 2,
      speed: null,
      bearing: null,
      accuracy: null,
      altitude: null,
      timestamp: new Date(feed.seq).toISOString(),
    };
    const message: ServerMessage = { type: 'location', feed: name, epoch: feed.epoch, seq: feed.seq, driver: 'd1', ...place };
    feed.ring.push(message);
    if (!quiet) this.say(message);
  }

  /** A restart: the feed counts anew. */
  restart(name: string, epoch: string): void {
    this.feeds.set(name, { epoch, seq: 0, ring: [] });
  }

  /** How often a message of this type came. */
  count(type: ClientMessage['type']): number {
    return this.received.filter((message) => message.type === type).length;
  }

  #accept(socket: WebSocket, url: string): void {
    if (url !== '/v1/stream') this.violations.push(`path ${url}`);
    this.#open.set(socket, new Map());
    socket.on('close', () => this.#open.delete(socket));
    socket.on('message', (data) => {
      const text = String(data);
      if (text.length > 16_384) this.violations.push(`a message of ${text.length} bytes`);
      const message = JSON.parse(text) as ClientMessage;
      const check = CHECKS[message.type];
      if (check === undefined || !check.check(message)) this.violations.push(`${text} ${JSON.stringify(check?.failure(message))}`);
      this.received.push(message);
      this.#handle(socket, message);
    });
  }

  #handle(socket: WebSocket, message: ClientMessage): void {
    const reply = (answer: object) => socket.send(JSON.stringify(answer));
    switch (message.type) {
      case 'auth':
        this.#authenticate(socket, message.token);
        break;
      case 'ping':
        reply({ type: 'pong' });
        break;
      case 'subscribe':
        if (!this.deaf) this.#subscribe(socket, message.feed, message.since, message.ref);
        break;
      case 'unsubscribe':
        reply({ type: 'unsubscribed', feed: message.feed });
        break;
      case 'open': {
        const driver = message.driver ?? 'me';
        const numbering = this.#numbering(message.stream);
        if (this.commits()) numbering.stored = numbering.accepted;
        const { accepted, stored } = numbering;
        this.#open.get(socket)?.set(driver, message.stream);
        reply({ type: 'opened', stream: message.stream, driver, accepted, stored, ref: message.ref });
        break;
      }
      case 'fix': {
        const { type, driver, base, ...fix } = message;
        this.#take(socket, driver ?? 'me', base, [fix]);
        break;
      }
      case 'fixes':
        this.#take(socket, message.driver ?? 'me', message.base, message.fixes);
        break;
    }
  }

  #authenticate(socket: WebSocket, token: string): void {
    this.tokens.push(token);
    const verdict = this.admit(token);
    if (verdict !== 'ok') {
      socket.send(JSON.stringify({ type: 'error', code: verdict, message: `refused: ${verdict}` }));
      socket.close(4401, verdict);
      return;
    }
    this.welcomes += 1;
    socket.send(JSON.stringify({ type: 'welcome', sub: 'me', role: 'service', expiresAt: this.expiresAt, heartbeat: 15 }));
  }

  #subscribe(socket: WebSocket, name: string, since: { epoch: string; seq: number } | undefined, ref: string | undefined): void {
    const reply = (answer: object) => socket.send(JSON.stringify(answer));
    if (name === 'fleet') {
      reply({ type: 'subscribed', feed: name, resumed: false, ref });
      reply({ type: 'positions', feed: 'fleet', full: true, positions: [], gone: [] });
      return;
    }
    const feed = this.feed(name);
    const resumed = since !== undefined && since.epoch === feed.epoch;
    reply({ type: 'subscribed', feed: name, resumed, ref });
    if (resumed) for (const message of feed.ring.slice(since.seq)) reply(message);
    else {
      const snapshot: SnapshotMessage = { type: 'snapshot', feed: name, epoch: feed.epoch, seq: feed.seq, location: null, etas: [] };
      reply(snapshot);
    }
  }

  #numbering(stream: string): Numbering {
    let numbering = this.streams.get(stream);
    if (numbering === undefined) {
      numbering = { fixes: new Map(), accepted: 0, stored: 0 };
      this.streams.set(stream, numbering);
    }
    return numbering;
  }

  #take(socket: WebSocket, driver: string, base: number | undefined, fixes: { seq?: number }[]): void {
    const stream = this.#open.get(socket)?.get(driver);
    if (stream === undefined) {
      socket.send(JSON.stringify({ type: 'error', code: 'stream_not_open', message: 'open first', driver }));
      return;
    }
    const numbering = this.#numbering(stream);
    let mute = false;
    for (const { seq = 0, ...fix } of fixes) {
      const verdict = this.judge(seq, driver);
      if (verdict !== null && verdict !== 'mute') {
        socket.send(JSON.stringify({ type: 'error', code: verdict, message: 'refused', seq, driver, retryAfter: 0.005 }));
        continue;
      }
      numbering.fixes.set(seq, fix);
      mute ||= verdict === 'mute';
    }
    if (base !== undefined) numbering.accepted = Math.max(numbering.accepted, base - 1);
    while (numbering.fixes.has(numbering.accepted + 1)) numbering.accepted += 1;
    if (this.commits()) numbering.stored = numbering.accepted;
    if (mute) return;
    const { accepted, stored } = numbering;
    socket.send(JSON.stringify({ type: 'ack', driver, stream, accepted, stored }));
  }
}
