import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { StartupError } from './startup-error.ts';

/** What answers on every port. */
export interface Listener {
  request(request: IncomingMessage, response: ServerResponse): void;
  upgrade?(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/**
 * The same on each port; all of them or none.
 * @throws StartupError naming what to change
 */
export async function listenAll(host: string, ports: readonly number[], listener: Listener): Promise<Server[]> {
  const servers: Server[] = [];
  try {
    for (const port of ports) servers.push(await listen(host, port, listener));
    return servers;
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
}

function listen(host: string, port: number, { request, upgrade }: Listener): Promise<Server> {
  const server = createServer(request);
  if (upgrade !== undefined) server.on('upgrade', upgrade);
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new StartupError(whyNot(error, host, port), { cause: error })));
    // A storm of clients coming back at once must find room in the queue.
    server.listen({ host, port, backlog: 4096 }, () => resolve(server));
  });
}

/** The same on a socket of this machine, for other processes of it. */
export function listenAt(path: string, { request, upgrade }: Listener): Promise<Server> {
  const server = createServer(request);
  if (upgrade !== undefined) server.on('upgrade', upgrade);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Not the primary's to hand out: it is of this process alone.
    server.listen({ path, exclusive: true }, () => resolve(server));
  });
}

/** Takes no more, and resolves once those in hand are answered. */
export function stopTaking(servers: readonly Server[]): Promise<void>[] {
  return servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
}

/** The address people use on this machine. */
export function urlOf(host: string, server: Server): string {
  const { port } = server.address() as AddressInfo;
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}

/** Why a port cannot be had and what to do; `key` is the setting that names it. */
export function whyNot({ code, message }: NodeJS.ErrnoException, host: string, port: number, key = 'PORT'): string {
  if (code === 'EADDRINUSE') return `port ${port} on ${host} is taken: stop what listens there, or set ${key}`;
  if (code === 'EACCES') return `port ${port} may not be used by this user: choose one above 1023, or set ${key}`;
  if (code === 'EADDRNOTAVAIL') return `${host} is no address of this machine: set HOST`;
  return `cannot listen on ${host}:${port} (${message})`;
}

/** /metrics alone, for a port that only the operator's network reaches. */
export function metricsListener(metrics: { text(): Promise<string>; readonly contentType: string }): Listener {
  return {
    request: (request, response) => {
      if (request.url !== '/metrics') {
        response.writeHead(404).end();
        return;
      }
      metrics.text().then(
        (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
        (error: Error) => response.writeHead(503, { 'content-type': 'text/plain' }).end(`${error.message}\n`),
      );
    },
  };
}
