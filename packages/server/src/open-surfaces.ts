import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { Archive } from './archive/open-archive.ts';
import type { Tokens } from './auth/tokens.ts';
import type { Config } from './config.ts';
import type { Foundation } from './foundations/foundation.ts';
import type { Listener } from './http-servers.ts';
import type { Hub } from './hub/hub.ts';
import { Limits } from './hub/limits.ts';
import type { OpenOutbox } from './hub/outbox/open-outbox.ts';
import type { Clock } from './hub/ports.ts';
import type { Principal } from './hub/principal.ts';
import type { Metrics } from './metrics.ts';
import { DELIVERY_CHANNEL } from './surfaces/delivery/channel.ts';
import { deliveryRoutes } from './surfaces/delivery/routes.ts';
import { Tracking } from './surfaces/delivery/tracking.ts';
import { placeAliases } from './surfaces/rest/aliases.ts';
import { buildApp, mayConnect } from './surfaces/rest/app.ts';
import { archiveRoutes } from './surfaces/rest/archive.ts';
import { connectionRoutes } from './surfaces/rest/connections.ts';
import { driverRoutes } from './surfaces/rest/drivers.ts';
import { pages } from './surfaces/rest/pages.ts';
import { NATIVE_CHANNEL } from './surfaces/rest/reference/native-channel.ts';
import { reference } from './surfaces/rest/reference/reference.ts';
import { sessionRoutes } from './surfaces/rest/sessions.ts';
import { systemRoutes } from './surfaces/rest/system.ts';
import { textRoutes } from './surfaces/rest/texts.ts';
import { trackSearchRoute } from './surfaces/rest/track-search.ts';
import { tripRoutes } from './surfaces/rest/trips.ts';
import { webhookRoutes } from './surfaces/rest/webhooks.ts';
import { RIDESHARE_CHANNELS } from './surfaces/rideshare/channels.ts';
import { Rideshare } from './surfaces/rideshare/rideshare.ts';
import { rideRoutes } from './surfaces/rideshare/routes.ts';
import { FLEET_CHANNEL } from './surfaces/socketio/channel.ts';
import { type Neighbours, SocketIo } from './surfaces/socketio/socket-io.ts';
import { Stream } from './surfaces/stream/stream.ts';
import { Sockets } from './surfaces/websocket/sockets.ts';
import { Upgrades } from './surfaces/websocket/upgrades.ts';
import type { TellSpan } from './trace/span.ts';
import { traceField, traceOf, within } from './trace/trace.ts';
import { VERSION } from './version.ts';

const DASHBOARD = fileURLToPath(new URL('../../dashboard/dist', import.meta.url));

export interface SurfacesParts {
  readonly config: Config;
  readonly hub: Hub;
  readonly outbox: OpenOutbox;
  readonly archive: Archive;
  /** Other workers on the same ports. */
  readonly neighbours?: Neighbours | undefined;
  readonly foundation: Pick<Foundation, 'tickets' | 'signIns' | 'redis'>;
  readonly tokens: Tokens;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
  /** Who hears of every REST request; absent: nobody. */
  readonly tellSpan: TellSpan | undefined;
}

/** Everything clients talk to, on every port alike. */
export interface Surfaces {
  readonly listener: Listener;
  /** How many sockets are open. */
  connections(): number;
  /** A fresh one-time code that signs in to the dashboard as admin. */
  signInCode(): Promise<string>;
  /** Lets nobody in any more and says good-bye to those who are here. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** Puts the surfaces over the hub: the native ones, and those of the dialects that are served. */
export async function openSurfaces(parts: SurfacesParts): Promise<Surfaces> {
  const { config, hub, outbox, archive, foundation, tokens, metrics, clock, log } = parts;
  const { tickets, signIns } = foundation;
  const limits = new Limits({ perSecond: config.restPerMinute / 60, burst: config.restPerMinute }, clock);
  const sockets = openSockets(parts, (ticket) => tickets.redeem(ticket));
  const { stream, rideshare, tracking, socketIo, webSockets, upgrades } = sockets;
  const connections = () => webSockets.size + (socketIo?.size ?? 0);
  let draining = false;
  const app = await buildApp({
    logger: log,
    version: VERSION,
    identify: (token) => tokens.identify(token),
    limits,
    trustProxy: config.trustProxy,
    corsOrigins: config.corsOrigins,
    tellSpan: parts.tellSpan,
    refused: (code) => metrics.refused(code),
  });
  if (config.dialects.includes('fleet')) placeAliases(app);
  tripRoutes(app, hub);
  textRoutes(app, hub);
  driverRoutes(app, hub);
  trackSearchRoute(app, hub);
  connectionRoutes(app, hub);
  if (rideshare !== undefined) rideRoutes(app, { hub, clock, isPublic: config.ridesharePublicStatus });
  if (tracking !== undefined) deliveryRoutes(app, hub);
  webhookRoutes(app, outbox.webhooks);
  archiveRoutes(app, { keeper: archive.keeper, url: config.archiveUrl, retentionDays: config.retentionDays });
  sessionRoutes(app, { tickets, signIns, tokens, clock });
  systemRoutes(app, {
    hub,
    metrics,
    redis: () => foundation.redis(),
    connections,
    isDraining: () => draining,
    servesMetrics: config.metricsPort === undefined,
  });
  const channels = [
    NATIVE_CHANNEL,
    ...(rideshare === undefined ? [] : RIDESHARE_CHANNELS),
    ...(tracking === undefined ? [] : [DELIVERY_CHANNEL]),
    ...(socketIo === undefined ? [] : [FLEET_CHANNEL]),
  ];
  await reference(app, { version: VERSION, channels });
  await pages(app, { root: DASHBOARD, basemapStyleUrl: config.basemapStyleUrl, serviceName: config.serviceName, version: VERSION });
  await app.ready();
  return {
    listener: {
      request: (request, response) =>
        within(traceOf(request.headers), () =>
          socketIo?.isFor(request.url) ? socketIo.request(request, response) : app.routing(request, response),
        ),
      upgrade: (request, socket, head) =>
        within(traceOf(request.headers), () =>
          socketIo?.isFor(request.url) ? socketIo.upgrade(request, socket, head) : void upgrades.take(request, socket, head),
        ),
    },
    connections,
    signInCode: async () => (await signIns.issue({ sub: 'admin', role: 'admin' })).code,
    drain: async () => {
      draining = true;
      upgrades.drain();
      await Promise.all([webSockets.drain(), socketIo?.drain()]);
    },
    close: async () => {
      stream.close();
      tracking?.close();
      webSockets.close();
      socketIo?.close();
      await app.close();
      limits.close();
    },
  };
}

/** The sockets of the native stream and of the dialects. */
function openSockets(
  { config, neighbours, hub, tokens, metrics, clock, log }: SurfacesParts,
  redeemTicket: (ticket: string) => Promise<Principal | undefined>,
) {
  const { dialects, maxConnectionsPerDriver } = config;
  const webSockets = new Sockets(clock);
  const hybrid = dialects.includes('hybrid');
  const brokenOn = (surface: string) => (error: unknown) =>
    log.error({ err: error, surface, ...traceField() }, 'a message failed for a fault of ours: please report this line');
  const enter = (origin: string, host: string | undefined) => mayConnect(origin, host, config.corsOrigins);
  const verify = (token: string) => tokens.verify(token);
  const identify = (token: string) => tokens.identify(token);
  const shared = { hub, clock, meter: metrics, sockets: webSockets };
  const stream = new Stream({
    ...shared,
    broken: brokenOn('stream'),
    verify,
    redeemTicket,
    maxConnectionsPerDriver,
    hybrid,
  });
  const rideshare = dialects.includes('rideshare') ? new Rideshare({ ...shared, broken: brokenOn('rideshare'), identify }) : undefined;
  const tracking = dialects.includes('delivery') ? new Tracking({ ...shared, broken: brokenOn('delivery'), identify }) : undefined;
  const socketIo =
    dialects.includes('fleet') || hybrid
      ? new SocketIo({
          hub,
          clock,
          meter: metrics,
          neighbours,
          broken: brokenOn('socketio'),
          verify,
          mayConnect: enter,
          maxConnectionsPerDriver,
          hybrid,
        })
      : undefined;
  const entrances = [stream, ...(rideshare?.entrances ?? []), ...(tracking === undefined ? [] : [tracking])];
  return {
    stream,
    rideshare,
    tracking,
    socketIo,
    webSockets,
    upgrades: new Upgrades({ entrances, mayConnect: enter, broken: brokenOn('upgrade') }),
  };
}
