import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Place } from './place.ts';

/** Nothing from a neighbour for so long: it is gone, ms. Longer than a long poll. */
const SILENT_MS = 60_000;

/**
 * The other workers of this machine. A client that polls comes to any of them with each request; the one that has its
 * session gets it passed on, so that clients need no sticky balancer in front of the workers.
 */
export class Neighbours {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  /** Names this worker in the id of a session. */
  mark(id: string): string {
    return `${id}.${this.#place.name}`;
  }

  /** Whose session this is; null when it is ours, or nobody's in particular. */
  ownerOf(session: string | null): string | null {
    const name = /\.(w\d{1,9})$/.exec(session ?? '')?.[1] ?? null;
    return name === this.#place.name ? null : name;
  }

  passOn(name: string, request: IncomingMessage, response: ServerResponse): void {
    const { method, url } = request;
    // A connection of its own: one that is kept may be closed at the other end while a request is on its way. And it is for
    // this end to close it: the other one would before our last write, which on such a socket is an error that hides the answer.
    const headers = { ...withoutHops(request.headers), connection: 'keep-alive' };
    const passed = httpRequest({ socketPath: this.#place.pathOf(name), method, path: url, headers, timeout: SILENT_MS, agent: false });
    passed.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, withoutHops(answer.headers));
      answer.pipe(response);
    });
    passed.on('timeout', () => passed.destroy());
    // The worker has gone, and the session with it: as a server says that does not know the session.
    passed.on('error', () => {
      if (response.headersSent) response.destroy();
      else response.writeHead(400, { 'content-type': 'application/json' }).end('{"code":1,"message":"Session ID unknown"}');
    });
    response.on('close', () => {
      if (!response.writableFinished) passed.destroy();
    });
    request.pipe(passed);
  }

  passOnUpgrade(name: string, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { method, url, rawHeaders } = request;
    const other = connect(this.#place.pathOf(name));
    const lines = [`${method} ${url} HTTP/1.1`];
    for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
    const end = (): void => {
      other.destroy();
      socket.destroy();
    };
    for (const one of [socket, other]) one.on('error', end).on('close', end);
    other.on('connect', () => {
      other.write(`${lines.join('\r\n')}\r\n\r\n`);
      other.write(head);
      socket.pipe(other).pipe(socket);
    });
  }
}

/** What two ends of one connection say to each other, and not to those behind them. */
const HOPS: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding']);

function withoutHops(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOPS.has(name)));
}
