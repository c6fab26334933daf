import { randomBytes } from 'node:crypto';
import type { Server as HttpServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { type Logger, pino } from 'pino';
import { HttpDirectory } from './adapters/http-directory/http-directory.ts';
import { HttpSender } from './adapters/http-outbox/http-sender.ts';
import { MemoryBus } from './adapters/memory-bus.ts';
import { MemoryHot } from './adapters/memory-hot.ts';
import { MemoryLog } from './adapters/memory-log.ts';
import { MemoryPresence } from './adapters/memory-presence.ts';
import { openSqliteStore, type SqliteStore } from './adapters/sqlite-store/store.ts';
import { systemClock } from './adapters/system-clock.ts';
import type { Jwks } from './auth/jwks.ts';
import { OneTime } from './auth/one-time.ts';
import { openTokens } from './auth/open-tokens.ts';
import { sharedSecrets } from './auth/secret.ts';
import type { Tokens } from './auth/tokens.ts';
import type { Config } from './config.ts';
import { type Listener, listenAll, stopTaking, urlOf } from './http-servers.ts';
import { type Hub, openHub } from './hub/hub.ts';
import { Limits } from './hub/limits.ts';
import { type OpenOutbox, openOutbox } from './hub/outbox/open-outbox.ts';
import type { Principal } from './hub/principal.ts';
import { Metrics } from './metrics.ts';
import { DELIVERY_CHANNEL } from './surfaces/delivery/channel.ts';
import { deliveryRoutes } from './surfaces/delivery/routes.ts';
import { Tracking } from './surfaces/delivery/tracking.ts';
import { placeAliases } from './surfaces/rest/aliases.ts';
import { buildApp, mayConnect } from './surfaces/rest/app.ts';
import { connectionRoutes } from './surfaces/rest/connections.ts';
import { driverRoutes } from './surfaces/rest/drivers.ts';
import { pages } from './surfaces/rest/pages.ts';
import type { Channel } from './surfaces/rest/reference/channel.ts';
import { NATIVE_CHANNEL } from './surfaces/rest/reference/native-channel.ts';
import { reference } from './surfaces/rest/reference/reference.ts';
import { type SignIn, sessionRoutes } from './surfaces/rest/sessions.ts';
import { systemRoutes } from './surfaces/rest/system.ts';
import { textRoutes } from './surfaces/rest/texts.ts';
import { tripRoutes } from './surfaces/rest/trips.ts';
import { webhookRoutes } from './surfaces/rest/webhooks.ts';
import { RIDESHARE_CHANNELS } from './surfaces/rideshare/channels.ts';
import { Rideshare } from './surfaces/rideshare/rideshare.ts';
import { rideRoutes } from './surfaces/rideshare/routes.ts';
import { FLEET_CHANNEL } from './surfaces/socketio/channel.ts';
import { SocketIo } from './surfaces/socketio/socket-io.ts';
import { Stream } from './surfaces/stream/stream.ts';
import { eventView, tripView } from './surfaces/views.ts';
import { Sockets } from './surfaces/websocket/sockets.ts';
import { Upgrades } from './surfaces/websocket/upgrades.ts';
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
  const { tokens, keys } = openTokens(config, {
    clock,
    onHealth: ({ ok, problem }) => {
      if (ok) log.info('the keys at JWT_JWKS_URL can be had again');
      else log.warn({ problem }, 'the keys at JWT_JWKS_URL cannot be had: those at hand go on; tokens by others have to wait');
    },
  });
  if (config.secrets !== undefined && sharedSecrets(config) === undefined)
    log.warn('JWT_SECRET_KEY counts for nothing, since JWT_ALGORITHM leaves HS256 out');
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
    return await compose(config, { log, clock, tokens, keys, store }, fatal);
  } catch (error) {
    keys?.close();
    await store.close();
    throw error;
  }
}

interface Foundation {
  readonly log: Logger;
  readonly clock: typeof systemClock;
  readonly tokens: Tokens;
  readonly keys: Jwks | undefined;
  readonly store: SqliteStore;
}

async function compose(config: Config, { log, clock, tokens, keys, store }: Foundation, fatal: (error: unknown) => void): Promise<Waycast> {
  const memoryLog = new MemoryLog();
  const hot = new MemoryHot(clock);
  const sockets = new Sockets(clock);
  let socketIo: SocketIo | undefined;
  const connections = () => sockets.size + (socketIo?.size ?? 0);
  const metrics = new Metrics({
    connections,
    backlog: () => memoryLog.backlog(),
    storeOk: () => store.health().ok,
    outbox: () => outbox.dispatcher.counts,
  });
  const outbox = await openOutbox({
    outbox: store.outbox,
    sender: new HttpSender({ allowPrivate: config.webhookAllowPrivate, userAgent: `waycast/${VERSION}` }),
    clock,
    services: config,
    attempted: (outcome) => metrics.attempted(outcome),
    warn: (message, error) => log.error({ err: error }, message),
    publicUrl: config.publicUrl,
    show: (event, trip) => ({ event: eventView(event), trip: trip === null ? null : tripView(trip) }),
  });
  const directory = new HttpDirectory({ ...config, warn: (message) => log.warn(message), info: (message) => log.info(message) });
  const hub = await openHub({
    log: memoryLog,
    hot,
    bus: new MemoryBus(),
    store,
    records: store,
    presence: new MemoryPresence(),
    sessions: store,
    directory,
    clock,
    meter: metrics,
    outgoing: outbox.outgoing,
    rules: { maxPlausibleSpeedKmh: config.maxPlausibleSpeed, deliveriesMayJump: !config.deliveryStrictStatus },
    liveRate: { perSecond: config.secondsPerFix === 0 ? Number.POSITIVE_INFINITY : 1 / config.secondsPerFix, burst: BURST },
    backlogRate: config.secondsPerFix === 0 ? { perSecond: Number.POSITIVE_INFINITY, burst: BACKLOG_RATE.burst } : BACKLOG_RATE,
    replyTimeoutMs: REPLY_TIMEOUT_MS,
    newEpoch: () => randomBytes(6).toString('base64url'),
    fatal,
    warn: (message, error) => log.error({ err: error }, message),
  });
  const tickets = new OneTime<Principal>(clock, TICKET_MS);
  const signIns = new OneTime<SignIn>(clock, SIGN_IN_MS);
  const broken = (error: unknown) => log.error({ err: error }, 'a message failed for a fault of ours');
  const stream = new Stream({
    hub,
    clock,
    meter: metrics,
    sockets,
    verify: (token) => tokens.verify(token),
    redeemTicket: (ticket) => tickets.redeem(ticket),
    wholeFleet: () => hub.drivers.wholeFleet(),
    maxConnectionsPerDriver: config.maxConnectionsPerDriver,
    hybrid: config.dialects.includes('hybrid'),
    broken,
  });
  const mayEnter = (origin: string, host: string | undefined) => mayConnect(origin, host, config.corsOrigins);
  const rideshare = config.dialects.includes('rideshare')
    ? new Rideshare({
        hub,
        clock,
        meter: metrics,
        sockets,
        identify: (token) => tokens.identify(token),
        maxConnectionsPerDriver: config.maxConnectionsPerDriver,
        broken,
      })
    : undefined;
  const tracking = config.dialects.includes('delivery')
    ? new Tracking({ hub, clock, meter: metrics, sockets, identify: (token) => tokens.identify(token), broken })
    : undefined;
  const entrances = [stream, ...(rideshare?.entrances ?? []), ...(tracking === undefined ? [] : [tracking])];
  const upgrades = new Upgrades({ entrances, mayConnect: mayEnter, broken });
  if (config.dialects.includes('fleet') || config.dialects.includes('hybrid')) {
    socketIo = new SocketIo({
      hub,
      clock,
      meter: metrics,
      verify: (token) => tokens.verify(token),
      mayConnect: mayEnter,
      maxConnectionsPerDriver: config.maxConnectionsPerDriver,
      hybrid: config.dialects.includes('hybrid'),
      broken,
    });
  }
  const limits = new Limits({ perSecond: config.restPerMinute / 60, burst: config.restPerMinute }, clock);
  let draining = false;
  const app = await buildApp({
    logger: log,
    version: VERSION,
    identify: (token) => tokens.identify(token),
    limits,
    trustProxy: config.trustProxy,
    corsOrigins: config.corsOrigins,
  });
  if (config.dialects.includes('fleet')) placeAliases(app);
  tripRoutes(app, hub);
  textRoutes(app, hub);
  driverRoutes(app, hub);
  connectionRoutes(app, hub);
  if (rideshare !== undefined) rideRoutes(app, { hub, clock, isPublic: config.ridesharePublicStatus });
  if (tracking !== undefined) deliveryRoutes(app, hub);
  webhookRoutes(app, outbox.webhooks);
  sessionRoutes(app, { tickets, signIns, tokens, clock });
  systemRoutes(app, {
    hub,
    metrics,
    connections,
    isDraining: () => draining,
    servesMetrics: config.metricsPort === undefined,
  });
  const channels: Channel[] = [NATIVE_CHANNEL];
  if (rideshare !== undefined) channels.push(...RIDESHARE_CHANNELS);
  if (tracking !== undefined) channels.push(DELIVERY_CHANNEL);
  if (socketIo !== undefined) channels.push(FLEET_CHANNEL);
  await reference(app, { version: VERSION, channels });
  await pages(app, { root: DASHBOARD, basemapStyleUrl: config.basemapStyleUrl, serviceName: config.serviceName, version: VERSION });
  await app.ready();
  outbox.dispatcher.start();

  // In the background: a provider that is down holds up no start.
  keys?.start();
  const listener: Listener = {
    request: (request, response) => (socketIo?.isFor(request.url) ? socketIo.request(request, response) : app.routing(request, response)),
    upgrade: (request, socket, head) =>
      socketIo?.isFor(request.url) ? socketIo.upgrade(request, socket, head) : void upgrades.take(request, socket, head),
  };
  const servers = await listenAll(config.host, config.ports, listener);
  const urls = servers.map((server) => urlOf(config.host, server));
  if (config.metricsPort !== undefined) servers.push(...(await listenAll(config.host, [config.metricsPort], metricsListener(metrics))));
  let closing: Promise<void> | undefined;
  return {
    urls,
    tokens,
    log,
    signInUrl: () =>
      `${(config.publicUrl ?? urls[0] ?? '').replace(/\/$/, '')}/#signin=${signIns.issue({ sub: 'admin', role: 'admin' }).code}`,
    close: () => {
      draining = true;
      closing ??= shutDown({
        app,
        upgrades,
        sockets,
        socketIo,
        stream,
        rideshare,
        tracking,
        directory,
        hub,
        outbox,
        hot,
        store,
        keys,
        limits,
        servers,
      });
      return closing;
    },
  };
}

interface Running {
  readonly app: FastifyInstance;
  readonly upgrades: Upgrades;
  readonly sockets: Sockets;
  readonly socketIo: SocketIo | undefined;
  readonly stream: Stream;
  readonly rideshare: Rideshare | undefined;
  readonly tracking: Tracking | undefined;
  readonly hub: Hub;
  readonly outbox: OpenOutbox;
  readonly hot: MemoryHot;
  readonly store: SqliteStore;
  readonly directory: HttpDirectory;
  readonly keys: Jwks | undefined;
  readonly limits: Limits;
  readonly servers: readonly HttpServer[];
}

/** In the order of DESIGN's drain: no new ones, good-bye to those here, store, let go. */
async function shutDown({
  app,
  upgrades,
  sockets,
  socketIo,
  stream,
  rideshare,
  tracking,
  directory,
  hub,
  outbox,
  hot,
  store,
  keys,
  limits,
  servers,
}: Running): Promise<void> {
  upgrades.drain();
  // Whoever polls is told by the answer to a request: there must still be a door for it.
  await Promise.all([sockets.drain(), socketIo?.drain()]);
  const closed = stopTaking(servers);
  rideshare?.close();
  directory.close();
  await hub.close();
  await outbox.dispatcher.close();
  stream.close();
  tracking?.close();
  sockets.close();
  socketIo?.close();
  for (const server of servers) server.closeAllConnections();
  await Promise.all(closed);
  await app.close();
  keys?.close();
  limits.close();
  hot.close();
  await store.close();
}

/** /metrics alone, for a port that only the operator's network reaches. */
function metricsListener(metrics: Metrics): Listener {
  return {
    request: (request, response) => {
      if (request.url !== '/metrics') {
        response.writeHead(404).end();
        return;
      }
      void metrics.text().then((text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text));
    },
  };
}
