import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type ConfigSources, flagOf, KEYS, readConfig } from './config.ts';
import { StartupError } from './startup-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'waycast-config-'));
let files = 0;
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: unknown): string {
  const path = join(folder, `${files++}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}
function read(sources: Partial<ConfigSources> = {}) {
  return readConfig({ env: {}, flags: {}, ...sources });
}
const A = 'a-secret-of-16-characters';
const B = 'b-secret-of-16-characters';

describe('settings', () => {
  it('have defaults', () => {
    expect(read()).toEqual({
      host: '127.0.0.1',
      ports: [8080],
      dataDir: './data',
      databaseUrl: undefined,
      databaseReadUrl: undefined,
      dbPoolMax: 20,
      dbPoolIdleMs: 30_000,
      dbConnectTimeoutMs: 2_000,
      redisUrl: undefined,
      redisPassword: undefined,
      workers: 1,
      retentionDays: 30,
      archiveUrl: undefined,
      archiveEndpoint: undefined,
      archiveRegion: undefined,
      archiveAccessKey: undefined,
      archiveSecretKey: undefined,
      metricsPort: undefined,
      secrets: undefined,
      requireExp: true,
      algorithms: undefined,
      jwksUrl: undefined,
      issuer: undefined,
      audience: undefined,
      secondsPerFix: 1,
      maxPlausibleSpeed: 300,
      dialects: ['rideshare', 'delivery', 'fleet', 'hybrid'],
      ridesharePublicStatus: false,
      deliveryStrictStatus: true,
      maxConnectionsPerDriver: 3,
      restPerMinute: 600,
      rideServiceUrl: undefined,
      bookingServiceUrl: undefined,
      notificationServiceUrl: undefined,
      orderServiceUrl: undefined,
      webhookAllowPrivate: false,
      publicUrl: undefined,
      trustProxy: false,
      drainSeconds: 20,
      corsOrigins: [],
      canarySeconds: 10,
      logLevel: 'info',
      otlpEndpoint: undefined,
      serviceName: 'waycast',
      basemapStyleUrl: 'https://tiles.openfreemap.org/styles/liberty',
    });
  });

  it('come from the file, then the environment, then flags: the later wins', () => {
    const path = file({ PORT: 1, HOST: 'file', DATA_DIR: 'file' });
    expect(read({ file: path })).toMatchObject({ ports: [1], host: 'file', dataDir: 'file' });
    expect(read({ file: path, env: { PORT: '2', HOST: 'env' } })).toMatchObject({ ports: [2], host: 'env', dataDir: 'file' });
    expect(read({ file: path, env: { PORT: '2', HOST: 'env' }, flags: { PORT: '3', HOST: undefined } })).toMatchObject({
      ports: [3],
      host: 'env',
    });
  });

  it('with the prefix win over those without, in whatever order they stand', () => {
    expect(read({ env: { WAYCAST_PORT: '1', PORT: '2' } }).ports).toEqual([1]);
    expect(read({ env: { PORT: '2', WAYCAST_PORT: '1' } }).ports).toEqual([1]);
  });

  it('with the prefix win also by their other name', () => {
    expect(read({ env: { SECRET_KEY: B, WAYCAST_SECRET_KEY: A } }).secrets).toEqual([A]);
    expect(read({ env: { WAYCAST_SECRET_KEY: A, SECRET_KEY: B } }).secrets).toEqual([A]);
    expect(read({ env: { WAYCAST_SECRET_KEY: A, JWT_SECRET_KEY: B } }).secrets).toEqual([A]);
  });

  it('by their own name win over their other one, in whatever order they stand', () => {
    expect(read({ env: { SECRET_KEY: B, JWT_SECRET_KEY: A } }).secrets).toEqual([A]);
    expect(read({ env: { JWT_SECRET_KEY: A, SECRET_KEY: B } }).secrets).toEqual([A]);
  });

  it.each([
    ['PORT', '8005, 8500,8096', 'ports', [8005, 8500, 8096]],
    ['METRICS_PORT', '0', 'metricsPort', 0],
    ['JWT_SECRET_KEY', `${A}, ${B}`, 'secrets', [A, B]],
    ['SECRET_KEY', A, 'secrets', [A]],
    ['JWT_REQUIRE_EXP', 'off', 'requireExp', false],
    ['TRUST_PROXY', 'YES', 'trustProxy', true],
    ['LOCATION_UPDATE_RATE_LIMIT', '0.5', 'secondsPerFix', 0.5],
    ['CORS_ORIGINS', 'https://a.example, ,https://b.example', 'corsOrigins', ['https://a.example', 'https://b.example']],
    ['LOG_LEVEL', 'WARN', 'logLevel', 'warn'],
    ['BASEMAP_STYLE_URL', '', 'basemapStyleUrl', undefined],
    ['JWT_ISSUER', 'us', 'issuer', ['us']],
    ['JWT_ISSUER', ' https://a.example , https://b.example,', 'issuer', ['https://a.example', 'https://b.example']],
    ['JWT_AUDIENCE', '', 'audience', undefined],
    ['JWT_ALGORITHM', 'rs256, HS256,RS256', 'algorithms', ['RS256', 'HS256']],
    ['ALGORITHM', 'HS256', 'algorithms', ['HS256']],
    ['JWT_JWKS_URL', 'https://id.example/keys', 'jwksUrl', 'https://id.example/keys'],
    ['JWT_JWKS_URL', '', 'jwksUrl', undefined],
    ['RIDE_SERVICE_URL', 'http://rides:8001/base//', 'rideServiceUrl', 'http://rides:8001/base'],
    ['RIDE_SERVICE_URL', '', 'rideServiceUrl', undefined],
    ['ARCHIVE_URL', 'file:///var/lib/archive', 'archiveUrl', 'file:///var/lib/archive'],
    ['ARCHIVE_URL', 's3://bucket/fleet', 'archiveUrl', 's3://bucket/fleet'],
    ['ARCHIVE_URL', 'None', 'archiveUrl', 'none'],
    ['ARCHIVE_URL', '', 'archiveUrl', undefined],
    ['HISTORY_RETENTION_DAYS', '7', 'retentionDays', 7],
    ['AWS_REGION', 'eu-central-1', 'archiveRegion', 'eu-central-1'],
    ['BOOKING_SERVICE_URL', 'https://bookings.example', 'bookingServiceUrl', 'https://bookings.example'],
  ] as const)('%s=%s', (name, value, field, parsed) => {
    expect(read({ env: { [name]: value } })[field]).toEqual(parsed);
    expect(read({ env: { [`WAYCAST_${name}`]: value } })[field]).toEqual(parsed);
    expect(read({ file: file({ [name]: value }) })[field]).toEqual(parsed);
  });

  it('in a file may be numbers, flags and lists', () => {
    expect(read({ file: file({ PORT: [1, 2], TRUST_PROXY: true, DRAIN_SECONDS: 5 }) })).toMatchObject({
      ports: [1, 2],
      trustProxy: true,
      drainSeconds: 5,
    });
  });

  it('as flags are spelt with dashes', () => {
    expect(flagOf('DATA_DIR')).toBe('--data-dir');
  });
});

describe('a setting that will not do stops the start, and is named', () => {
  it.each([
    [{ env: { PORT: 'eighty' } }, /^PORT: "eighty" will not do; it takes a number from 0 to 65535$/],
    [{ env: { WAYCAST_PORT: '70000' } }, /^WAYCAST_PORT: "70000" will not do/],
    [{ env: { PORT: '80.5' } }, /^PORT: "80.5" will not do/],
    [{ env: { PORT: '' } }, /^PORT: "" will not do/],
    [{ env: { TRUST_PROXY: 'maybe' } }, /^TRUST_PROXY: "maybe" .* true or false$/],
    [{ env: { LOG_LEVEL: 'loud' } }, /^LOG_LEVEL: .*one of trace, debug/],
    [{ env: { MAX_PLAUSIBLE_SPEED_KMH: '-1' } }, /^MAX_PLAUSIBLE_SPEED_KMH/],
    [{ env: { MAX_PLAUSIBLE_SPEED_KMH: 'Infinity' } }, /^MAX_PLAUSIBLE_SPEED_KMH/],
    [{ env: { MAX_CONNECTIONS_PER_DRIVER: '0' } }, /^MAX_CONNECTIONS_PER_DRIVER/],
    [{ env: { RIDE_SERVICE_URL: 'http://rides?x=1' } }, /^RIDE_SERVICE_URL: .* an address without a query$/],
    [{ env: { BOOKING_SERVICE_URL: 'http://us:hunter2@bookings' } }, /^BOOKING_SERVICE_URL: the value .* without a user and a password$/],
    [{ env: { ARCHIVE_URL: 'file://host/x' } }, /^ARCHIVE_URL: .* file:\/\/\/folder, s3:\/\/bucket\/prefix, or none$/],
    [{ env: { ARCHIVE_URL: 's3://key:secret@bucket' } }, /^ARCHIVE_URL: the value .* s3:\/\/bucket\/prefix, or none$/],
    [{ env: { HISTORY_RETENTION_DAYS: '0' } }, /^HISTORY_RETENTION_DAYS: .* from 1 to/],
    [{ env: { ARCHIVE_ACCESS_KEY: 'x' } }, /^ARCHIVE_ACCESS_KEY and ARCHIVE_SECRET_KEY go together$/],
    [{ env: { PORT: '8080,9096', METRICS_PORT: '9096' } }, /^METRICS_PORT and PORT are both 9096: metrics .* a port of their own$/],
    [{ flags: { DRAIN_SECONDS: 'x' } }, /^--drain-seconds: "x" will not do/],
  ])('%j', (sources, message) => {
    expect(() => read(sources)).toThrow(StartupError);
    expect(() => read(sources)).toThrow(message);
  });

  it('in a file is named with the file', () => {
    const path = file({ PORT: 'x' });
    expect(() => read({ file: path })).toThrow(`PORT in ${path}: "x" will not do`);
  });

  it.each([
    [{ env: { WAYCAST_PROT: '1' } }, /^unknown environment variable WAYCAST_PROT \(did you mean PORT\?\)$/],
    [{ env: { WAYCAST_DATADIR: '1' } }, /WAYCAST_DATADIR \(did you mean DATA_DIR\?\)/],
    [{ env: { WAYCAST_ZZZZZZ: '1' } }, /^unknown environment variable WAYCAST_ZZZZZZ$/],
    [{ file: file({ PROT: 1 }) }, /unknown setting PROT \(did you mean PORT\?\)/],
    [{ file: file({ WAYCAST_PORT: 1 }) }, /unknown setting WAYCAST_PORT/],
    [{ file: file({ constructor: 1 }) }, /unknown setting constructor/],
    [{ file: '/nowhere/at/all.json' }, /\/nowhere\/at\/all.json is not there/],
    [{ file: file('{"PORT": ') }, /is not JSON/],
    [{ file: file('[1]') }, /must hold one object/],
    [{ file: file('null') }, /must hold one object/],
  ])('also when it is unknown: %j', (sources, message) => {
    expect(() => read(sources)).toThrow(StartupError);
    expect(() => read(sources)).toThrow(message);
  });

  it('but variables of others are theirs', () => {
    expect(() => read({ env: { PATH: '/bin', HOME: '/root', PROT: '1' } })).not.toThrow();
    expect(() => read({ env: { WAYCAST_URL: 'http://x', WAYCAST_TOKEN: 'x' } })).not.toThrow();
  });
});

describe('in Kubernetes', () => {
  const injected = {
    WAYCAST_SERVICE_HOST: '10.0.0.1',
    WAYCAST_SERVICE_PORT: '8080',
    WAYCAST_SERVICE_PORT_HTTP: '8080',
    WAYCAST_PORT: 'tcp://10.0.0.1:8080',
    WAYCAST_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
    WAYCAST_PORT_8080_TCP_PROTO: 'tcp',
    WAYCAST_PORT_8080_TCP_PORT: '8080',
    WAYCAST_PORT_8080_TCP_ADDR: '10.0.0.1',
  };

  it('the variables of a service named waycast are ignored', () => {
    expect(read({ env: injected })).toEqual(read());
  });

  it('and do not hide what was set on purpose', () => {
    expect(read({ env: { ...injected, PORT: '9000' } }).ports).toEqual([9000]);
    expect(read({ env: { PORT: '9000', ...injected } }).ports).toEqual([9000]);
  });

  it('a prefixed port that is one counts', () => {
    expect(read({ env: { WAYCAST_PORT: '9000' } }).ports).toEqual([9000]);
  });
});

describe('what several processes share', () => {
  const DATABASE_URL = 'postgresql://waycast:hunter2@db/waycast';
  const REDIS_URL = 'redis://cache:6379';

  it('is named by addresses, those of Python programs and of a cluster too', () => {
    const url = 'postgresql+asyncpg://waycast@db:5432/waycast';
    expect(read({ env: { DATABASE_URL: url, REDIS_URL: 'a:6379, b:6379', WORKERS: '4' } })).toMatchObject({
      databaseUrl: url,
      redisUrl: 'a:6379, b:6379',
      workers: 4,
    });
    expect(read({ env: { DATABASE_URL: '', REDIS_URL: '' } })).toMatchObject({ databaseUrl: undefined, redisUrl: undefined });
  });

  it.each([
    [{ REDIS_URL }, /REDIS_URL needs DATABASE_URL/],
    [{ DATABASE_READ_URL: DATABASE_URL }, /DATABASE_READ_URL needs DATABASE_URL/],
    [{ WORKERS: '2' }, /WORKERS needs REDIS_URL and DATABASE_URL/],
    [{ WORKERS: '2', DATABASE_URL }, /WORKERS needs REDIS_URL/],
    [{ DATABASE_URL: 'mysql://hunter2@db/waycast' }, /DATABASE_URL: the value will not do; it takes an address like postgresql:/],
    [{ DATABASE_URL, REDIS_URL: 'http://us:hunter2@cache' }, /REDIS_URL: the value will not do; it takes an address like redis:/],
    [{ DB_POOL_MAX: '0' }, /DB_POOL_MAX.*a whole number from 1 to 1000|DB_POOL_MAX.*a number from 1 to 1000/],
  ])('%j is refused', (env, said) => {
    expect(() => read({ env })).toThrow(said);
    expect(() => read({ env })).not.toThrow(/hunter2/);
  });
});

describe('secrets are never echoed', () => {
  it.each([
    { env: { JWT_SECRET_KEY: 'hunter2' } },
    { env: { SECRET_KEY: 'hunter2' } },
    { env: { WAYCAST_SECRET_KEY: `${A},hunter2` } },
    { flags: { JWT_SECRET_KEY: 'hunter2' } },
    { file: file({ JWT_SECRET_KEY: 'hunter2' }) },
    { env: { JWT_JWKS_URL: 'https://us:hunter2@id.example/keys' } },
    { env: { JWT_JWKS_URL: 'ftp://us:hunter2@id.example/keys' } },
  ])('when they will not do: %j', (sources) => {
    expect(() => read(sources)).toThrow(/SECRET_KEY.*|--jwt-secret-key.*|JWT_JWKS_URL: the value will not do/i);
    expect(() => read(sources)).not.toThrow(/hunter2/);
  });

  it.each([
    '{"JWT_SECRET_KEY": hunter2hunter2hunter2}',
    '{"JWT_SECRET_KEY": "hunter2hunter2hunter2}',
    'JWT_SECRET_KEY=hunter2hunter2hunter2',
  ])('when the file they stand in is no JSON: %s', (text) => {
    expect(() => read({ file: file(text) })).toThrow(/is not JSON/);
    expect(() => read({ file: file(text) })).not.toThrow(/hunter/);
  });
});

it('every setting has a name, help, and a default that is what it says', () => {
  for (const { name, help } of Object.values(KEYS)) {
    expect(name).toMatch(/^[A-Z][A-Z_]+$/);
    expect(help.length).toBeGreaterThan(10);
  }
});
