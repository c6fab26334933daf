import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { FixReceipt, Ticket, WebhookWithSecret } from '../packages/protocol/src/index.ts';
import { dialTracking } from './support/delivery.ts';
import { refusal } from './support/fleet-client.ts';
import { dial, refused } from './support/peer.ts';
import { CENTRE } from './support/places.ts';
import { caller } from './support/rest.ts';
import { oldToken, refusedRide, ridePath } from './support/rideshare.ts';
import { SECRET, startProcess, type TestServer } from './support/server-process.ts';
import { type PostgresServer, startPostgres } from './support/services/postgres.ts';
import { startRedis, type TestRedis } from './support/services/redis.ts';
import { until } from './support/until.ts';

const DATABASE_PASSWORD = 'password-of-the-database';
const REDIS_PASSWORD = 'password-of-redis';
const HOOK_SECRET = `whsec_${Buffer.from('a-secret-of-a-webhook-32-bytes-!').toString('base64')}`;
const HOOK_PATH = 'address-that-is-a-secret';

/** What a server says while everything happens to it that could make it say too much. */
it('no secret stands in any line of the log, at the level that tells most [U6]', async () => {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis({ args: ['--requirepass', REDIS_PASSWORD] })]);
  const database = new URL(postgres.url);
  database.password = DATABASE_PASSWORD;
  const server = await startProcess({
    env: {
      DATABASE_URL: database.href,
      REDIS_URL: redis.url,
      REDIS_PASSWORD,
      LOG_LEVEL: 'trace',
      CANARY_SECONDS: '0.5',
      WEBHOOK_ALLOW_PRIVATE: 'true',
      RIDE_SERVICE_URL: 'http://127.0.0.1:1',
      REST_RATE_LIMIT_PER_MINUTE: '1000000',
    },
  });
  try {
    const secrets = [SECRET, DATABASE_PASSWORD, REDIS_PASSWORD, HOOK_SECRET, HOOK_PATH, ...(await everythingWithTokens(server))];
    await everythingFails(server, postgres, redis);
    const lines = server
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'));
    for (const level of [30, 40, 50]) expect(lines.some((line) => line.includes(`"level":${level},`))).toBe(true);
    for (const what of ['ride service', 'the store cannot write', 'Redis', 'canary', 'wh_'])
      expect(
        lines.some((line) => line.includes(what)),
        what,
      ).toBe(true);
    expect(secrets.length).toBeGreaterThan(10);
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(12);
      expect(lines.filter((line) => line.includes(secret) || line.includes(encodeURIComponent(secret)))).toEqual([]);
    }
  } finally {
    await server.kill();
    await Promise.all([redis.stop(), postgres.remove()]);
  }
});

/** Every way in that takes a secret, well and badly; answers the secrets. */
async function everythingWithTokens(server: TestServer): Promise<string[]> {
  const admin = await server.token('admin');
  const boss = caller(server, admin);
  const [driver, bad, cut] = [await server.token('driver', 'dan'), `${admin}x`, admin.slice(0, -5)];
  const signIn = await until(
    () => /#signin=(\S+)\n/.exec(server.output())?.[1] ?? '',
    (code) => code !== '',
  );
  const { ticket } = (await boss.post('/v1/tickets')).as(Ticket, 201);
  (await caller(server, driver).post('/v1/drivers/dan/locations', CENTRE)).as(FixReceipt);
  for (const token of [bad, cut]) {
    await caller(server, token).get('/v1/trips');
    await refused(server, { authorization: `Bearer ${token}` });
    await refusal(server.url, { token });
    await refusedRide(server, ridePath('ride', 'driver', token));
    await (await dialTracking(server, 'TRK-1', token)).closed;
    await raw(server, `GET /v1/trips?token=${token} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer ${token}\r\nBad Header\r\n\r\n`);
  }
  await (await dial(server, { query: `?ticket=${ticket}` })).close();
  await refused(server, {}, `?ticket=${ticket}`);
  await refused(server, { origin: 'https://elsewhere.example', authorization: `Bearer ${admin}` }, `?token=${admin}`);
  await boss.post('/v1/session', { code: signIn });
  await boss.post('/v1/session', { code: `${signIn}-again` });
  const old = oldToken('dan');
  await refusedRide(server, ridePath('ride', 'driver', old));
  await boss
    .post('/v1/webhooks', { url: `http://127.0.0.1:1/${HOOK_PATH}`, secret: HOOK_SECRET })
    .then((made) => made.as(WebhookWithSecret, 201));
  await boss.call('POST', '/v1/webhooks', `{"secret":"${HOOK_SECRET}",`);
  await boss.post('/v1/webhooks', { url: 'https://example.org', secret: `${HOOK_SECRET}!` });
  // Ten tries that fail: its address is told by its id.
  for (let n = 0; n < 12; n++) await boss.post('/v1/trips', { kind: 'ride', stops: [] });
  await until(
    () => server.output(),
    (log) => log.includes('fails again and again'),
  );
  return [admin, driver, bad, cut, signIn, ticket, old];
}

/** Both services go, while requests with tokens come. */
async function everythingFails(server: TestServer, postgres: PostgresServer, redis: TestRedis): Promise<void> {
  const token = await server.token('service');
  const says = (what: string) =>
    until(
      () => server.output(),
      (log) => log.includes(what),
      30_000,
    );
  await redis.kill('SIGKILL');
  await says('Redis cannot be reached');
  await caller(server, token).post('/v1/tickets');
  await redis.start();
  await says('Redis is back');
  await postgres.stop('SIGKILL');
  await caller(server, token).post('/v1/drivers/dan/locations', CENTRE);
  await caller(server, token).get('/v1/trips');
  await says('the store cannot write');
  await says('the canary');
}

/** Bytes that are no good HTTP. */
function raw(server: TestServer, text: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write(text));
    socket.on('error', () => undefined);
    socket.on('data', () => socket.end());
    socket.once('close', () => resolve());
  });
}
