import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Asked, Behaviour, ServiceName } from './outside-services.ts';

/**
 * Plays the ride, booking, order and notification services in a process of its own: `node THIS PORT LOGFILE`. What
 * they know and how they behave is told over HTTP under /steer; whatever else it is asked goes into the log, a line each.
 */

const [port = '0', log = ''] = process.argv.slice(2);
const rides = new Map<string, unknown>();
const bookings = new Map<string, unknown>();
const behaviours = new Map<ServiceName, Behaviour>();
const HUGE = ' '.repeat(2 * 1_048_576);

const server = createServer((request, response) => {
  take(request, response).catch((error: unknown) => {
    console.error(error);
    response.writeHead(500).end(String(error));
  });
});
server.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${(server.address() as AddressInfo).port}`));

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://here');
  const body = await textOf(request);
  if (url.pathname.startsWith('/steer/')) {
    steer(url.pathname.split('/').slice(2).map(decodeURIComponent), JSON.parse(body));
    response.writeHead(204).end();
    return;
  }
  const service = serviceAt(url.pathname);
  const asked: Asked = { at: Date.now(), service, method: request.method ?? '', url: request.url ?? '', body };
  appendFileSync(log, `${JSON.stringify(asked)}\n`);
  const behaviour: Behaviour = (service === 'none' ? undefined : behaviours.get(service)) ?? { kind: 'well' };
  switch (behaviour.kind) {
    case 'well':
      return answerWell(request, response, url);
    case 'slow':
      setTimeout(() => answerWell(request, response, url), behaviour.ms);
      return;
    case 'status':
      if (behaviour.times !== undefined)
        behaveNext(service, behaviour.times > 1 ? { ...behaviour, times: behaviour.times - 1 } : { kind: 'well' });
      response.writeHead(behaviour.status, behaviour.headers).end(behaviour.body ?? '');
      return;
    case 'hang':
      return;
    case 'huge':
      response.writeHead(200, { 'content-type': 'application/json' }).end(HUGE);
      return;
    case 'bomb':
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(gzipSync(HUGE));
      return;
    case 'trickle':
      trickle(response);
      return;
    case 'cut':
      request.socket.resetAndDestroy();
      return;
    default:
      behaviour satisfies never;
  }
}

function behaveNext(service: Asked['service'], behaviour: Behaviour): void {
  if (service !== 'none') behaviours.set(service, behaviour);
}

function answerWell(request: IncomingMessage, response: ServerResponse, url: URL): void {
  const known = wellKnown(request.method ?? '', url);
  if (known === undefined) response.writeHead(404).end('{"detail":"Not found"}');
  else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(known));
}

function wellKnown(method: string, url: URL): unknown {
  if (method !== 'GET') return { ok: true };
  const ride = /^\/api\/v1\/rides\/([^/]+)$/.exec(url.pathname)?.[1];
  if (ride !== undefined) return rides.get(decodeURIComponent(ride));
  if (url.pathname === '/api/v1/bookings') return bookings.get(url.searchParams.get('ride_id') ?? '') ?? [];
  return undefined;
}

/** One byte now and then: it never ends, and is never silent. */
function trickle(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const timer = setInterval(() => response.write(' '), 50);
  response.on('close', () => clearInterval(timer));
}

function steer([what, id = '']: string[], value: unknown): void {
  if (what === 'behave') behaviours.set(id as ServiceName, value as Behaviour);
  else if (value === null) (what === 'ride' ? rides : bookings).delete(id);
  else (what === 'ride' ? rides : bookings).set(id, value);
}

function serviceAt(path: string): Asked['service'] {
  if (path.startsWith('/api/v1/rides')) return 'ride';
  if (path.startsWith('/api/v1/bookings')) return 'booking';
  if (path.startsWith('/api/v1/orders')) return 'order';
  if (path.startsWith('/api/v1/notifications')) return 'notification';
  return 'none';
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
