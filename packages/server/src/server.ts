import { randomBytes } from 'node:crypto';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { type Logger, pino } from 'pino';
import { MemoryBus } from './adapters/memory-bus.ts';
import { MemoryHot } from './adapters/memory-hot.ts';
import { MemoryLog } from './adapters/memory-log.ts';
import { openSqliteStore, type SqliteStore } from './adapters/sqlite-store/store.ts';
import { systemClock } from './adapters/system-clock.ts';
import { OneTime } from './auth/one-time.ts';
import { installationSecret } from './auth/secret.ts';
import { Tokens } from './auth/tokens.ts';
import type { Config } from './config.ts';
import { type Hub, openHub } from './hub/hub.ts';
import { Limits } from './hub/limits.ts';
import type { Principal } from './hub/principal.ts';
import { Metrics } from './metrics.ts';
import { StartupError } from './startup-error.ts';
import { buildApp, mayConnect } from './surfaces/rest/app.ts';
import { driverRoutes } from './surfaces/rest/drivers.ts';
import { pages } from './surfaces/rest/pages.ts';
import { type SignIn, sessionRoutes } from './surfaces/rest/sessions.ts';
import { systemRoutes } from './surfaces/rest/system.ts';
import { tripRoutes } from './surfaces/rest/trips.ts';
import { STREAM_PATH, Stream } from './surfaces/stream/stream.ts';
import { VERSION } from './version.ts';

const DASHBOARD = fileURLToPath(new URL('../../dashboard/dist', import.meta.url));
const TICKET_MS = 30_000;
const SIGN_IN_MS = 900_000;
const REPLY_TIMEOUT_MS = 5_000;
const BURST = 10;
const BACKLOG_RATE = { perSecond: 200, burst: 2_000 };

/** A running Waycast. */
export interface Waycast {
  /** Where it listens, one per port. */
  readonly urls: readonly string[];
  /** A fresh one-time address that signs in to the dashboard as admin. */
  signInUrl(): string;
  /** Signs a token, as the CLI does. */
  readonly tokens: Tokens;
  readonly log: Logger;
  /** Says good-bye to clients, stores all there is, lets go of everything. Twice is safe. */
  close(): Promise<void>;
}

/**
 * The composition root: the only place that names concrete adapters.
 * @throws StartupError in one line that says what to do
 */
export async function startServer(config: Config, fatal: (error: unknown) => void): Promise<Waycast> {
  const log = pino({ name: config.serviceName, level: config.logLevel });
  const clock = systemClock;
  const tokens = new Tokens({ ...config, secrets: config.secrets ?? [installationSecret(config.dataDir)] });
  const store = await openSqliteStore({
    dataDir: config.dataDir,
    onHealth: ({ ok, problem }) => {
      if (ok) log.info('the store writes again');
      else
        log.error(
          { problem },
          'the store cannot write: live delivery goes on, nothing is acknowledged as stored; free the disk or mend the database',
        );
    },
  });
  try {
    return await compose(config, { log, clock, tokens, store }, fatal);
  } catch (error) {
    await store.close();
    throw error;
  }
}

interface Foundation {
  readonly log: Logger;
  readonly clock: typeof systemClock;
  readonly tokens: Tokens;
  readonly store: SqliteStore;
}

async function compose(config: Config, { log, clock, tokens, store }: Foundation, fatal: (error: unknown) => void): Promise<Waycast> {
  const memoryLog = new MemoryLog();
  const hot = new MemoryHot(clock);
  let stream: Stream | undefined;
  const metrics = new Metrics({
    connections: () => stream?.size ?? 0,
    backlog: () => memoryLog.backlog(),
    storeOk: () => store.health().ok,
  });
  const hub = await openHub({
    log: memoryLog,
    hot,
    bus: new MemoryBus(),
    store,
    records: store,
    clock,
    meter: metrics,
    rules: { maxPlausibleSpeedKmh: config.maxPlausibleSpeed },
    liveRate: { perSecond: config.secondsPerFix === 0 ? Number.POSITIVE_INFINITY : 1 / config.secondsPerFix, burst: BURST },
    backlogRate: config.secondsPerFix === 0 ? { perSecond: Number.POSITIVE_INFINITY, burst: BACKLOG_RATE.burst } : BACKLOG_RATE,
    replyTimeoutMs: REPLY_TIMEOUT_MS,
    newEpoch: () => randomBytes(6).toString('base64url'),
    fatal,
    warn: (message, error) => log.error({ err: error }, message),
  });
  const tickets = new OneTime<Principal>(clock, TICKET_MS);
  const signIns = new OneTime<SignIn>(clock, SIGN_IN_MS);
  stream = new Stream({
    hub,
    clock,
    meter: metrics,
    verify: (token) => tokens.verify(token),
    redeemTicket: (ticket) => tickets.redeem(ticket),
    mayConnect: (origin, host) => mayConnect(origin, host, config.corsOrigins),
    wholeFleet: () => hub.drivers.wholeFleet(),
    maxConnectionsPerDriver: config.maxConnectionsPerDriver,
    broken: (error) => log.error({ err: error }, 'a message failed for a fault of ours'),
  });
  const limits = new Limits({ perSecond: config.restPerMinute / 60, burst: config.restPerMinute }, clock);
  let draining = false;
  const app = await buildApp({
    logger: log,
    version: VERSION,
    verify: (token) => tokens.verify(token),
    limits,
    trustProxy: config.trustProxy,
    corsOrigins: config.corsOrigins,
  });
  tripRoutes(app, hub);
  driverRoutes(app, hub);
  sessionRoutes(app, { tickets, signIns, tokens, clock });
  systemRoutes(app, {
    hub,
    metrics,
    connections: () => stream.size,
    isDraining: () => draining,
    servesMetrics: config.metricsPort === undefined,
  });
  await pages(app, { root: DASHBOARD, basemapStyleUrl: config.basemapStyleUrl, serviceName: config.serviceName, version: VERSION });
  await app.ready();

  const servers = await listenAll(config, app, stream, log);
  if (config.metricsPort !== undefined) servers.push(await listen(metricsServer(metrics), config.host, config.metricsPort));
  const urls = servers.slice(0, config.ports.length).map((server) => urlOf(config.host, server));
  let closing: Promise<void> | undefined;
  return {
    urls,
    tokens,
    log,
    signInUrl: () =>
      `${(config.publicUrl ?? urls[0] ?? '').replace(/\/$/, '')}/#signin=${signIns.issue({ sub: 'admin', role: 'admin' }).code}`,
    close: () => {
      draining = true;
      closing ??= shutDown({ app, stream, hub, hot, store, limits, servers });
      return closing;
    },
  };
}

interface Running {
  readonly app: FastifyInstance;
  readonly stream: Stream;
  readonly hub: Hub;
  readonly hot: MemoryHot;
  readonly store: SqliteStore;
  readonly limits: Limits;
  readonly servers: readonly HttpServer[];
}

/** In the order of DESIGN's drain: no new ones, good-bye to those here, store, let go. */
async function shutDown({ app, stream, hub, hot, store, limits, servers }: Running): Promise<void> {
  const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
  await stream.drain();
  await hub.close();
  stream.close();
  for (const server of servers) server.closeAllConnections();
  await Promise.all(closed);
  await app.close();
  limits.close();
  hot.close();
  await store.close();
}

async function listenAll(config: Config, app: FastifyInstance, stream: Stream, log: Logger): Promise<HttpServer[]> {
  const servers: HttpServer[] = [];
  try {
    for (const port of config.ports) {
      const server = createServer((request, response) => app.routing(request, response));
      server.on('upgrade', (request, socket, head) => {
        if (new URL(request.url ?? '/', 'http://here').pathname === STREAM_PATH) {
          stream
            .upgrade(request, socket, head)
            .catch((error: unknown) => log.error({ err: error }, 'an upgrade failed for a fault of ours'));
        } else {
          socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
        }
      });
      servers.push(await listen(server, config.host, port));
    }
    return servers;
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
}

function listen(server: HttpServer, host: string, port: number): Promise<HttpServer> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new StartupError(whyNot(error, host, port), { cause: error })));
    // A storm of clients coming back at once must find room in the queue.
    server.listen({ host, port, backlog: 4096 }, () => resolve(server));
  });
}

function whyNot({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  if (code === 'EADDRINUSE') return `port ${port} on ${host} is taken: stop what listens there, or set PORT`;
  if (code === 'EACCES') return `port ${port} may not be used by this user: choose one above 1023, or set PORT`;
  if (code === 'EADDRNOTAVAIL') return `${host} is no address of this machine: set HOST`;
  return `cannot listen on ${host}:${port} (${message})`;
}

function urlOf(host: string, server: HttpServer): string {
  const { port } = server.address() as AddressInfo;
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}

function metricsServer(metrics: Metrics): HttpServer {
  return createServer(async (request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': metrics.contentType }).end(await metrics.text());
  });
}
