import { existsSync, readFileSync } from 'node:fs';
import {
  type ALGORITHMS,
  algorithms,
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

/** Where a value came from: what `--help` and error lines say. */
interface Key<T> {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly fallback: T;
  readonly help: string;
  /** @throws Error saying what would be right */
  readonly parse: (text: string) => T;
}

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
  trustProxy: key('TRUST_PROXY', false, flag, 'take client addresses from X-Forwarded-For'),
  drainSeconds: key('DRAIN_SECONDS', 20, number(0, 3600), 'time to say good-bye on SIGTERM'),
  corsOrigins: key<string[]>('CORS_ORIGINS', [], origins, 'other origins whose pages may connect; * for all'),
  logLevel: key(
    'LOG_LEVEL',
    'info' as const,
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent') as (value: string) => 'info',
    'how much the log tells',
  ),
  serviceName: key('SERVICE_NAME', 'waycast', text, 'the name in log lines and on the page'),
  basemapStyleUrl: key<string | undefined>(
    'BASEMAP_STYLE_URL',
    'https://tiles.openfreemap.org/styles/liberty',
    url,
    'MapLibre style of the map; empty: the plain bundled one',
  ),
} as const;

export type Config = { -readonly [K in keyof typeof KEYS]: (typeof KEYS)[K] extends Key<infer T> ? T : never };

/** Variables of the commands that call a server; settings of none. */
const CALLERS = new Set(['WAYCAST_URL', 'WAYCAST_TOKEN']);

/** Variables Kubernetes puts into every container for services named waycast: not ours, and no mistake. */
const INJECTED = /^WAYCAST_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT|PORT_\d+_.*)$/;

export interface ConfigSources {
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** By setting name, `PORT` say. */
  readonly flags: Readonly<Record<string, string | undefined>>;
}

/**
 * The settings in force: defaults, then the file, the environment, the flags; the later wins.
 * @throws StartupError naming the first key that is unknown or holds nothing usable
 */
export function readConfig({ file, env, flags }: ConfigSources): Config {
  const names = new Map<string, string>();
  for (const { name, aliases } of Object.values(KEYS) as Key<unknown>[]) for (const one of [name, ...(aliases ?? [])]) names.set(one, name);
  const given = new Map<string, { value: string; from: string }>();
  for (const [name, value] of Object.entries(file === undefined ? {} : readFile(file))) {
    const known = names.get(name);
    if (known === undefined) throw new StartupError(`${file}: unknown setting ${name}${guess(name, names)}`);
    given.set(known, { value, from: `${name} in ${file}` });
  }
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith('WAYCAST_') || CALLERS.has(variable) || isInjected(variable, env[variable])) continue;
    const name = variable.slice('WAYCAST_'.length);
    if (!names.has(name)) throw new StartupError(`unknown environment variable ${variable}${guess(name, names)}`);
  }
  for (const { name, aliases = [] } of Object.values(KEYS) as Key<unknown>[]) {
    // The prefixed form is the more deliberate one: PORT may be somebody else's. A name of our own goes before an alias.
    const variables = [`WAYCAST_${name}`, ...aliases.map((alias) => `WAYCAST_${alias}`), name, ...aliases];
    const variable = variables.find((one) => env[one] !== undefined && !isInjected(one, env[one]));
    if (variable !== undefined) given.set(name, { value: env[variable] as string, from: variable });
  }
  for (const [name, value] of Object.entries(flags)) if (value !== undefined) given.set(name, { value, from: flagOf(name) });
  return consistent(parseAll(given));
}

/** What one setting asks of another. */
function consistent(config: Config): Config {
  if (config.redisUrl !== undefined && config.databaseUrl === undefined)
    throw new StartupError('REDIS_URL needs DATABASE_URL: several processes share one PostgreSQL');
  if (config.databaseReadUrl !== undefined && config.databaseUrl === undefined)
    throw new StartupError('DATABASE_READ_URL needs DATABASE_URL: it is a replica of that');
  if (config.workers > 1 && config.redisUrl === undefined)
    throw new StartupError('WORKERS needs REDIS_URL and DATABASE_URL: processes share a fleet through them');
  return config;
}

/** `--data-dir` for `DATA_DIR`. */
export function flagOf(name: string): string {
  return `--${name.toLowerCase().replaceAll('_', '-')}`;
}

function parseAll(given: ReadonlyMap<string, { value: string; from: string }>): Config {
  const config: Record<string, unknown> = {};
  for (const [field, { name, fallback, parse }] of Object.entries(KEYS) as [string, Key<unknown>][]) {
    const found = given.get(name);
    if (found === undefined) {
      config[field] = fallback;
      continue;
    }
    try {
      config[field] = parse(found.value);
    } catch (error) {
      const secret = /SECRET|PASSWORD/.test(name) || /\/\/[^/]*@/.test(found.value);
      throw new StartupError(
        `${found.from}: ${secret ? 'the value' : JSON.stringify(found.value)} will not do; it takes ${(error as Error).message}`,
      );
    }
  }
  return config as Config;
}

function isInjected(variable: string, value: string | undefined): boolean {
  if (!INJECTED.test(variable)) return false;
  return variable !== 'WAYCAST_PORT' || (value ?? '').includes('://');
}

function readFile(path: string): Record<string, string> {
  if (!existsSync(path)) throw new StartupError(`the configuration file ${path} is not there`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    // Only where: the message of the parser quotes what stands there, and that may be a secret.
    const place = /line \d+ column \d+/.exec((cause as Error).message)?.[0];
    throw new StartupError(`the configuration file ${path} is not JSON${place === undefined ? '' : `: look at ${place}`}`);
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed))
    throw new StartupError(`the configuration file ${path} must hold one object of settings`);
  return Object.fromEntries(Object.entries(parsed).map(([name, value]: [string, unknown]) => [name, fileValue(path, name, value)]));
}

function fileValue(path: string, name: string, value: unknown): string {
  const values = Array.isArray(value) ? value : [value];
  if (!values.every((one) => ['string', 'number', 'boolean'].includes(typeof one))) {
    throw new StartupError(
      `${name} in ${path}: ${JSON.stringify(value)} will not do; it takes a text, a number, true or false, or a list of them`,
    );
  }
  return values.join(',');
}

/** The setting that was probably meant. */
function guess(name: string, names: ReadonlyMap<string, string>): string {
  const near = [...names.keys()].find((known) => known.startsWith(name.slice(0, 4)) || distance(known, name) <= 2);
  return near === undefined ? '' : ` (did you mean ${near}?)`;
}

/** How many letters to change, add or leave out. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
