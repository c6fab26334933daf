import { randomBytes } from 'node:crypto';
import type { Server as HttpServer } from 'node:http';
import type { Logger } from 'pino';
import { HttpDirectory } from './adapters/http-directory/http-directory.ts';
import { HttpSender } from './adapters/http-outbox/http-sender.ts';
import { systemClock } from './adapters/system-clock.ts';
import { type Archive, openArchive } from './archive/open-archive.ts';
import { placeOf } from './archive/place-of.ts';
import { tellOfKeeping } from './archive/tell-of-keeping.ts';
import type { Jwks } from './auth/jwks.ts';
import { openTokens } from './auth/open-tokens.ts';
import { sharedSecrets } from './auth/secret.ts';
import type { Tokens } from './auth/tokens.ts';
import type { Config } from './config.ts';
import { newLife } from './core/life.ts';
import { distributed } from './foundations/distributed.ts';
import { embedded } from './foundations/embedded.ts';
import type { Foundation, Ground } from './foundations/foundation.ts';
import { onPostgres } from './foundations/on-postgres.ts';
import { listenAll, listenAt, metricsListener, stopTaking, urlOf } from './http-servers.ts';
import type { CanaryMeter } from './hub/canary.ts';
import { type Hub, openHub } from './hub/hub.ts';
import { type OpenOutbox, openOutbox } from './hub/outbox/open-outbox.ts';
import { openLog } from './log.ts';
import { Metrics } from './metrics.ts';
import { openSurfaces, type Surfaces } from './open-surfaces.ts';
import { eventView, tripView } from './surfaces/views.ts';
import { spannedCanary, spannedMeter } from './telemetry/spanned-meters.ts';
import { openTelemetry, type Telemetry } from './telemetry/telemetry.ts';
import type { TellSpan } from './trace/span.ts';
import { traceField } from './trace/trace.ts';
import { VERSION } from './version.ts';
import { Neighbours } from './workers/neighbours.ts';
import { ownPlace } from './workers/place.ts';

const REPLY_TIMEOUT_MS = 5_000;
const BURST = 10;
const BACKLOG_RATE = { perSecond: 200, burst: 2_000 };

/** A running Waycast. */
export interface Waycast {
  /** Where it listens, one per port. */
  readonly urls: readonly string[];
  /** A fresh one-time address that signs in to the dashboard as admin. */
  signInUrl(): Promise<string>;
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
  const log = openLog(config);
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
  const tell: Telling = {
    info: (message) => log.info(message),
    warn: (message, err) => log.warn({ err }, message),
    error: (message, err) => log.error({ err }, message),
  };
  const foundation = await openFoundation(config, {
    ...tell,
    fatal,
    storeHealth: ({ ok, problem }) => {
      if (ok) log.info('the store writes again');
      else
        log.error(
          { problem },
          'the store cannot write: live delivery goes on, nothing is acknowledged as stored; mend the disk or the database',
        );
    },
  });
  const telemetry = await telemetryOf(config, log);
  try {
    return await compose(config, { log, tell, clock, tokens, keys, foundation, telemetry }, fatal);
  } catch (error) {
    keys?.close();
    await foundation.close();
    throw error;
  }
}

/** Tracking goes on without it: whoever set it finds out why nothing comes by one line. */
async function telemetryOf({ otlpEndpoint: endpoint, serviceName }: Config, log: Logger): Promise<Telemetry | null> {
  if (endpoint === undefined) return null;
  try {
    return await openTelemetry({ endpoint, serviceName, version: VERSION });
  } catch (error) {
    log.warn(`OTEL_EXPORTER_OTLP_ENDPOINT is set, but no spans are told: ${(error as Error).message}`);
    return null;
  }
}

/** By what is set: the embedded database, PostgreSQL alone, or PostgreSQL and Redis. */
async function openFoundation(config: Config, ground: Ground): Promise<Foundation> {
  const { databaseUrl, redisUrl } = config;
  if (databaseUrl === undefined) return embedded(config.dataDir, ground);
  if (redisUrl === undefined) return onPostgres({ ...config, databaseUrl }, ground);
  return distributed({ ...config, databaseUrl, redisUrl }, ground);
}

/** How the parts of the house reach the log. */
type Telling = Pick<Ground, 'info' | 'warn' | 'error'>;

interface House {
  readonly log: Logger;
  readonly tell: Telling;
  readonly clock: typeof systemClock;
  readonly tokens: Tokens;
  readonly keys: Jwks | undefined;
  readonly foundation: Foundation;
  readonly telemetry: Telemetry | null;
}

async function compose(
  config: Config,
  { log, tell, clock, tokens, keys, foundation, telemetry }: House,
  fatal: (error: unknown) => void,
): Promise<Waycast> {
  const { store } = foundation;
  const tellSpan = telemetry?.tell;
  let surfaces: Surfaces | undefined;
  let hub: Hub | undefined;
  const metrics = new Metrics({
    connections: () => surfaces?.connections() ?? 0,
    backlog: () => foundation.log.backlog(),
    storeOk: () => store.health().ok,
    redisOk: () => foundation.redis() !== 'unreachable',
    partitions: () => hub?.partitions() ?? 0,
    outbox: () => outbox.dispatcher.counts,
  });
  const outbox = await openOutbox({
    outbox: foundation.outbox,
    sender: new HttpSender({ allowPrivate: config.webhookAllowPrivate, userAgent: `waycast/${VERSION}`, tellSpan }),
    clock,
    services: config,
    attempted: (outcome) => metrics.attempted(outcome),
    ...tell,
    publicUrl: config.publicUrl,
    show: (event, trip) => ({ event: eventView(event), trip: trip === null ? null : tripView(trip) }),
  });
  const archive = openArchive({
    records: store,
    place: placeOf(config),
    hot: foundation.history,
    drops: foundation.drops,
    erased: () => foundation.eraser.pending(),
    retentionDays: config.retentionDays,
    now: () => clock.now(),
    ended: (outcome) => tellOfKeeping(log, metrics, outcome),
    warn: (message, error) => log.warn({ err: error }, message),
  });
  const directory = new HttpDirectory({
    ...config,
    warn: (message) => log.warn(traceField(), message),
    info: (message) => log.info(message),
  });
  hub = await openHub({
    ...foundation,
    records: archive.records,
    sessions: store,
    directory,
    clock,
    meter: tellSpan === undefined ? metrics : spannedMeter(metrics, tellSpan),
    outgoing: outbox.outgoing,
    rules: { maxPlausibleSpeedKmh: config.maxPlausibleSpeed, deliveriesMayJump: !config.deliveryStrictStatus },
    liveRate: { perSecond: config.secondsPerFix === 0 ? Number.POSITIVE_INFINITY : 1 / config.secondsPerFix, burst: BURST },
    backlogRate: config.secondsPerFix === 0 ? { perSecond: Number.POSITIVE_INFINITY, burst: BACKLOG_RATE.burst } : BACKLOG_RATE,
    replyTimeoutMs: REPLY_TIMEOUT_MS,
    canary: config.canarySeconds === 0 ? null : { everyMs: config.canarySeconds * 1_000, meter: canaryMeter(metrics, tellSpan) },
    newEpoch: () => newLife(clock.now(), randomBytes(2).toString('hex')),
    eraseArchived: archive.erase,
    erased: (report) => log.info(report, 'driver data was erased'),
    fatal,
    ...tell,
  });
  const place = ownPlace();
  const neighbours = place && new Neighbours(place);
  surfaces = await openSurfaces({ config, hub, outbox, archive, neighbours, foundation, tokens, metrics, clock, log, tellSpan });
  outbox.dispatcher.start();
  archive.keeper?.start();

  // In the background: a provider that is down holds up no start.
  keys?.start();
  // First where neighbours find it: whoever comes in by the shared port may come to them next.
  const beside = place === undefined ? [] : [await listenAt(place.pathOf(place.name), surfaces.listener)];
  const servers = await listenAll(config.host, config.ports, surfaces.listener);
  const urls = servers.map((server) => urlOf(config.host, server));
  servers.push(...beside);
  // Of several workers the primary has it, for all of them.
  if (place !== undefined) metrics.answerPrimary();
  else if (config.metricsPort !== undefined)
    servers.push(...(await listenAll(config.host, [config.metricsPort], metricsListener(metrics))));
  const running = surfaces;
  let closing: Promise<void> | undefined;
  return {
    urls,
    tokens,
    log,
    signInUrl: async () => `${(config.publicUrl ?? urls[0] ?? '').replace(/\/$/, '')}/#signin=${await running.signInCode()}`,
    close: () => {
      closing ??= shutDown({ surfaces: running, directory, hub, outbox, archive, foundation, keys, telemetry, servers });
      return closing;
    },
  };
}

function canaryMeter(metrics: Metrics, tellSpan: TellSpan | undefined): CanaryMeter {
  const meter = metrics.openCanary();
  return tellSpan === undefined ? meter : spannedCanary(meter, tellSpan);
}

interface Running {
  readonly surfaces: Surfaces;
  readonly hub: Hub;
  readonly outbox: OpenOutbox;
  readonly archive: Archive;
  readonly foundation: Foundation;
  readonly directory: HttpDirectory;
  readonly keys: Jwks | undefined;
  readonly telemetry: Telemetry | null;
  readonly servers: readonly HttpServer[];
}

/** In the order of DESIGN's drain: no new ones, good-bye to those here, store, let go. */
async function shutDown({ surfaces, directory, hub, outbox, archive, foundation, keys, telemetry, servers }: Running): Promise<void> {
  // Whoever polls is told by the answer to a request: there must still be a door for it. Newcomers are refused at it.
  await surfaces.drain();
  const closed = stopTaking(servers);
  directory.close();
  // First: as soon as this process is none of the fleet any more, others send what waits.
  await outbox.dispatcher.close();
  // Its threads end when they have a processor again, for which nobody who drains waits.
  const archived = archive.close();
  await hub.close();
  for (const server of servers) server.closeAllConnections();
  await Promise.all(closed);
  await surfaces.close();
  keys?.close();
  await archived;
  await foundation.close();
  await telemetry?.close();
}
