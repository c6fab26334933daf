import { type ConfigSources, type Key, readSettings, type Setting } from './config-reading.ts';
import {
  type ALGORITHMS,
  algorithms,
  archiveUrl,
  DIALECT_NAMES,
  type Dialect,
  databaseUrl,
  dialects,
  flag,
  number,
  oneOf,
  origins,
  ports,
  redisUrl,
  secrets,
  serviceUrl,
  someOf,
  text,
  url,
  urlWithoutUser,
  whole,
} from './config-values.ts';
import { StartupError } from './startup-error.ts';

function key<T>(name: string, fallback: T, parse: (text: string) => T, help: string, aliases?: readonly string[]): Key<T> {
  return { name, fallback, parse, help, ...(aliases && { aliases }) };
}

/** Every setting there is. Flags, environment, file, help and docs all come from here. */
export const KEYS = {
  host: key('HOST', '127.0.0.1', text, 'address to listen on'),
  ports: key('PORT', [8080], ports, 'port to listen on; several, separated by commas, serve the same'),
  dataDir: key('DATA_DIR', './data', text, 'the embedded database and the generated secret'),
  databaseUrl: key<string | undefined>(
    'DATABASE_URL',
    undefined,
    databaseUrl,
    'PostgreSQL 15 or later with PostGIS, postgresql://user:password@host:5432/database; unset: the embedded database in DATA_DIR',
  ),
  databaseReadUrl: key<string | undefined>(
    'DATABASE_READ_URL',
    undefined,
    databaseUrl,
    'a read replica of DATABASE_URL, for history and lists',
  ),
  dbPoolMax: key('DB_POOL_MAX', 20, whole(1, 1_000), 'connections to the database for reading, of each process'),
  dbPoolIdleMs: key('DB_POOL_IDLE_MS', 30_000, whole(0, 3_600_000), 'those idle for so long are closed, ms'),
  dbConnectTimeoutMs: key('DB_CONNECT_TIMEOUT_MS', 2_000, whole(100, 600_000), 'the database has to answer within this, ms'),
  redisUrl: key<string | undefined>(
    'REDIS_URL',
    undefined,
    redisUrl,
    'Redis 7 or later, redis://host:6379, or the nodes of a Redis Cluster separated by commas: then several processes serve one fleet',
  ),
  workers: key(
    'WORKERS',
    1,
    whole(1, 256),
    'processes that serve together on this machine; more than one needs REDIS_URL and DATABASE_URL',
  ),
  redisPassword: key<string | undefined>('REDIS_PASSWORD', undefined, text, 'of Redis, when it is not part of REDIS_URL'),
  retentionDays: key(
    'HISTORY_RETENTION_DAYS',
    30,
    whole(1, 36_500),
    'whole days of history that stay in the database once ARCHIVE_URL says where older ones go',
  ),
  archiveUrl: key<string | undefined>(
    'ARCHIVE_URL',
    undefined,
    archiveUrl,
    'where history past HISTORY_RETENTION_DAYS goes: file:///folder or s3://bucket/prefix; none: it is deleted for good; unset: everything stays',
  ),
  archiveEndpoint: key<string | undefined>(
    'ARCHIVE_ENDPOINT',
    undefined,
    urlWithoutUser,
    'the address of a store that speaks S3 and is not Amazon, https://minio.example:9000',
    ['AWS_ENDPOINT_URL_S3'],
  ),
  archiveRegion: key<string | undefined>('ARCHIVE_REGION', undefined, text, 'the region of the bucket', ['AWS_REGION']),
  archiveAccessKey: key<string | undefined>(
    'ARCHIVE_ACCESS_KEY',
    undefined,
    text,
    "who asks for the bucket; unset: as AWS programs find it, the machine's role for one",
    ['AWS_ACCESS_KEY_ID'],
  ),
  archiveSecretKey: key<string | undefined>('ARCHIVE_SECRET_KEY', undefined, text, 'the secret of ARCHIVE_ACCESS_KEY', [
    'AWS_SECRET_ACCESS_KEY',
  ]),
  metricsPort: key<number | undefined>(
    'METRICS_PORT',
    undefined,
    whole(0, 65_535),
    'a port of its own for /metrics; unset: on PORT, for admins',
  ),
  secrets: key<string[] | undefined>(
    'JWT_SECRET_KEY',
    undefined,
    secrets,
    'HS256 secret; a second one, after a comma, is accepted while keys rotate; unset: generated into DATA_DIR',
    ['SECRET_KEY'],
  ),
  requireExp: key('JWT_REQUIRE_EXP', true, flag, 'refuse tokens without an end'),
  algorithms: key<(typeof ALGORITHMS)[number][] | undefined>(
    'JWT_ALGORITHM',
    undefined,
    algorithms,
    'how tokens may be signed: some of HS256, RS256, ES256, separated by commas; unset: HS256, and all of them with JWT_JWKS_URL',
    ['ALGORITHM'],
  ),
  jwksUrl: key<string | undefined>(
    'JWT_JWKS_URL',
    undefined,
    urlWithoutUser,
    'where the public keys for RS256 and ES256 are published (JWKS)',
  ),
  issuer: key<string[] | undefined>('JWT_ISSUER', undefined, someOf, 'the issuer tokens must name; of several, separated by commas, one'),
  audience: key<string[] | undefined>(
    'JWT_AUDIENCE',
    undefined,
    someOf,
    'the audience tokens must name; of several, separated by commas, one',
  ),
  secondsPerFix: key(
    'LOCATION_UPDATE_RATE_LIMIT',
    1,
    number(0, 3600),
    "seconds between a driver's live fixes, sustained (burst 10); 0: no limit",
  ),
  maxPlausibleSpeed: key('MAX_PLAUSIBLE_SPEED_KMH', 300, number(0, 1_000_000), 'faster than this is a teleport; 0: never'),
  dialects: key<readonly Dialect[]>(
    'DIALECTS',
    DIALECT_NAMES,
    dialects,
    'which old contracts are served, separated by commas; none: only the native one',
  ),
  ridesharePublicStatus: key('RIDESHARE_PUBLIC_STATUS', false, flag, "a ride's status and history need no token, as in the old service"),
  deliveryStrictStatus: key('DELIVERY_STRICT_STATUS', true, flag, 'a delivery moves one step at a time; false: steps may be left out'),
  maxConnectionsPerDriver: key('MAX_CONNECTIONS_PER_DRIVER', 3, whole(1, 1_000_000), 'sockets one driver may have'),
  restPerMinute: key('REST_RATE_LIMIT_PER_MINUTE', 600, whole(1, 1_000_000_000), 'REST calls per identity, per address without one'),
  rideServiceUrl: key<string | undefined>(
    'RIDE_SERVICE_URL',
    undefined,
    serviceUrl,
    'the service that has the rides (/api/v1/rides/ID); unset: rides are trips of this server',
  ),
  bookingServiceUrl: key<string | undefined>(
    'BOOKING_SERVICE_URL',
    undefined,
    serviceUrl,
    'the service that has the bookings (/api/v1/bookings?ride_id=ID); unset: bookings are stops of the trips here',
  ),
  notificationServiceUrl: key<string | undefined>(
    'NOTIFICATION_SERVICE_URL',
    undefined,
    serviceUrl,
    'where notifications go; unset: they wait in the outbox',
  ),
  orderServiceUrl: key<string | undefined>(
    'ORDER_SERVICE_URL',
    undefined,
    serviceUrl,
    'where a delivered order is told of; unset: that waits in the outbox',
  ),
  webhookAllowPrivate: key('WEBHOOK_ALLOW_PRIVATE', false, flag, 'webhooks may go to http and to private addresses'),
  publicUrl: key<string | undefined>('PUBLIC_URL', undefined, url, 'the address people reach this server by, for printed links'),
  trustProxy: key('TRUST_PROXY', false, flag, 'a proxy is in front: the address of a client is the last one in X-Forwarded-For'),
  drainSeconds: key('DRAIN_SECONDS', 20, number(0, 3600), 'time to say good-bye on SIGTERM'),
  corsOrigins: key<string[]>('CORS_ORIGINS', [], origins, 'other origins whose pages may connect; * for all'),
  canarySeconds: key(
    'CANARY_SECONDS',
    10,
    number(0, 3600),
    "seconds between the fixes of the server's own hidden driver, which measure the road; 0: none",
  ),
  logLevel: key(
    'LOG_LEVEL',
    'info' as const,
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent') as (value: string) => 'info',
    'how much the log tells',
  ),
  otlpEndpoint: key<string | undefined>(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    undefined,
    urlWithoutUser,
    'where spans go by OpenTelemetry (OTLP over HTTP), http://collector:4318; its packages have to be installed; unset: nowhere',
  ),
  serviceName: key('SERVICE_NAME', 'waycast', text, 'the name in log lines, on the page and in spans', ['OTEL_SERVICE_NAME']),
  basemapStyleUrl: key<string | undefined>(
    'BASEMAP_STYLE_URL',
    'https://tiles.openfreemap.org/styles/liberty',
    url,
    'MapLibre style of the map; empty: the plain bundled one',
  ),
} as const;

export type Config = { -readonly [K in keyof typeof KEYS]: (typeof KEYS)[K] extends Key<infer T> ? T : never };

export type { ConfigSources, Setting } from './config-reading.ts';

/** All that can be said of a configuration, also of one that cannot be served by. */
export interface Survey {
  /** With the default wherever nothing usable was given. */
  readonly config: Config;
  readonly settings: readonly Setting[];
  /** What keeps a server from starting, in the order it would be named. */
  readonly problems: readonly StartupError[];
}

/**
 * The settings in force: defaults, then the file, the environment, the flags; the later wins.
 * @throws StartupError naming the first key that is unknown or holds nothing usable
 */
export function readConfig(sources: ConfigSources): Config {
  const { config, problems } = surveyConfig(sources);
  const [first] = problems;
  if (first !== undefined) throw first;
  return config;
}

/** The same, with where each came from; what is wrong is told, and does not end it. */
export function surveyConfig(sources: ConfigSources): Survey {
  const { values, settings, problems } = readSettings(KEYS as Readonly<Record<string, Key<unknown>>>, sources, flagOf);
  const config = values as Config;
  return { config, settings, problems: [...problems, ...inconsistencies(config)] };
}

/** What one setting asks of another. */
function inconsistencies(config: Config): StartupError[] {
  const wrong: string[] = [];
  if (config.redisUrl !== undefined && config.databaseUrl === undefined)
    wrong.push('REDIS_URL needs DATABASE_URL: several processes share one PostgreSQL');
  if (config.databaseReadUrl !== undefined && config.databaseUrl === undefined)
    wrong.push('DATABASE_READ_URL needs DATABASE_URL: it is a replica of that');
  if (config.workers > 1 && config.redisUrl === undefined)
    wrong.push('WORKERS needs REDIS_URL and DATABASE_URL: processes share a fleet through them');
  if ((config.archiveAccessKey === undefined) !== (config.archiveSecretKey === undefined))
    wrong.push('ARCHIVE_ACCESS_KEY and ARCHIVE_SECRET_KEY go together');
  if (config.metricsPort !== undefined && config.metricsPort !== 0 && config.ports.includes(config.metricsPort))
    wrong.push(`METRICS_PORT and PORT are both ${config.metricsPort}: metrics without a token need a port of their own`);
  return wrong.map((message) => new StartupError(message));
}

/** `--data-dir` for `DATA_DIR`. */
export function flagOf(name: string): string {
  return `--${name.toLowerCase().replaceAll('_', '-')}`;
}
