import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Session } from '../packages/protocol/src/index.ts';
import { type JwksProvider, startJwksProvider } from './support/jwks-provider.ts';
import { inSeconds, jwt, unsigned } from './support/jwt.ts';
import { keyPair, keySet } from './support/key-pair.ts';
import { dial, refused } from './support/peer.ts';
import { type Caller, caller } from './support/rest.ts';
import { SECRET, startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';
import { waycast } from './support/waycast.ts';

const ADMIN = { sub: 'planted-subject', role: 'admin' };
const CLAIMS = { ...ADMIN, iss: 'https://b.example', aud: 'waycast' };
const old = keyPair('RS256', 'old');
const fresh = keyPair('ES256', 'fresh');
const stranger = keyPair('RS256', 'nobody-published-this');
const PEM = old.publicKey.export({ type: 'spki', format: 'pem' }).toString();

let provider: JwksProvider;
/** By secret and by key; its provider was down when it started. */
let server: TestServer;
/** By RS256 alone, though a secret is set; its provider is up. */
let strict: TestServer;

const STRICT = { JWT_ALGORITHM: 'rs256', JWT_ISSUER: 'https://a.example, https://b.example', JWT_AUDIENCE: 'fleet,waycast' };
const later: JwksProvider[] = [];

beforeAll(async () => {
  provider = await startJwksProvider({ body: keySet(old) });
  const down = await startJwksProvider();
  await down.kill();
  later.push(down);
  [server, strict] = await Promise.all([
    startServer({ env: { JWT_JWKS_URL: down.url, REST_RATE_LIMIT_PER_MINUTE: '1000000', LOG_LEVEL: 'trace' } }),
    startServer({ env: { ...STRICT, JWT_JWKS_URL: provider.url } }),
  ]);
});
afterAll(() => Promise.all([server.stop(), strict.stop(), provider.kill(), ...later.map((one) => one.kill())]));

const bearing = (token: string, to = server): Caller => caller(to, token);
const taken = async (token: string, to = server) => (await bearing(token, to).get('/v1/trips')).status;
const told: string[] = [];
/** A token that must never be seen in the log. */
const planted = (token: string): string => {
  told.push(token);
  return token;
};

describe('a provider that is down when the server starts [J8]', () => {
  it('holds up nobody with a secret; tokens by key are told to come back, by REST and by the stream', async () => {
    const token = planted(old.sign(ADMIN));
    expect(await taken(jwt(ADMIN))).toBe(200);
    const answer = await bearing(token).get('/v1/trips');
    expect(answer.problem('keys_unavailable').retryAfter).toBeGreaterThanOrEqual(1);
    expect(Number(answer.headers.get('retry-after'))).toBeLessThanOrEqual(30);
    expect(await refused(server, { authorization: `Bearer ${token}` })).toMatchObject({ status: 503 });
    const peer = await dial(server);
    peer.send({ type: 'auth', token });
    expect(await peer.next('error')).toMatchObject({ code: 'keys_unavailable', retryAfter: expect.any(Number) });
    expect((await peer.closed).code).toBe(1013);
    await until(
      () => server.output(),
      (log) => /"level":40.*ECONNREFUSED.*JWT_JWKS_URL/.test(log),
    );
  });

  it('is used as soon as it is up', async () => {
    const [down] = later as [JwksProvider];
    await down.revive();
    await down.answer({ body: keySet(old) });
    const token = planted(old.sign(ADMIN));
    await until(
      () => taken(token),
      (status) => status === 200,
      40_000,
    );
    const peer = await dial(server, { token: planted(old.sign({ sub: 'dan', role: 'driver' })) });
    expect(peer.all('welcome')[0] ?? peer.messages[0]).toMatchObject({ sub: 'dan', role: 'driver' });
    await peer.close();
  });
});

describe('a token by key that is refused, by REST and by the stream alike [J3]', () => {
  it.each<[string, string, string]>([
    ['alg none', unsigned({ ...ADMIN }, 'none'), 'unauthenticated'],
    ['alg nOnE over a good signature', old.sign(ADMIN, { alg: 'nOnE' }), 'unauthenticated'],
    ['HS256 by the public key', jwt(ADMIN, { secret: PEM, header: { kid: 'old' } }), 'unauthenticated'],
    ['RS256 by the secret', jwt(ADMIN, { header: { alg: 'RS256', kid: 'old' } }), 'unauthenticated'],
    ['a key that is not published', stranger.sign(ADMIN), 'unauthenticated'],
    ['a key under the name of another', stranger.sign(ADMIN, { kid: 'old' }), 'unauthenticated'],
    ['a key brought along', stranger.sign(ADMIN, { jwk: stranger.jwk, jku: 'http://127.0.0.1:9/keys' }), 'unauthenticated'],
    ['a kid that is a path', stranger.sign(ADMIN, { kid: '../../../../etc/passwd' }), 'unauthenticated'],
    ['a kid that is an object', old.sign(ADMIN, { kid: { old: 1 } }), 'unauthenticated'],
    ['a critical header', old.sign(ADMIN, { crit: ['unheard'], unheard: 1 }), 'unauthenticated'],
    ['no end', old.sign({ ...ADMIN, exp: undefined }), 'unauthenticated'],
    ['a past end', old.sign({ ...ADMIN, exp: inSeconds(-60) }), 'token_expired'],
    ['a beginning tomorrow', old.sign({ ...ADMIN, nbf: inSeconds(86_400) }), 'unauthenticated'],
  ])('%s', async (_what, token, code) => {
    const body = JSON.parse((await bearing(planted(token)).get('/v1/trips')).text) as object;
    expect(body).toMatchObject({ code, status: 401 });
    expect(await refused(server, { authorization: `Bearer ${token}` })).toMatchObject({ status: 401 });
    const peer = await dial(server);
    peer.send({ type: 'auth', token });
    expect((await peer.next('error')).code).toBe(code);
    expect((await peer.closed).code).toBe(4401);
  });
});

describe('where HS256 is not listed [J4]', () => {
  it('JWT_SECRET_KEY is good for nothing, and tokens by key for everything', async () => {
    expect(await taken(old.sign(CLAIMS), strict)).toBe(200);
    for (const token of [jwt(CLAIMS), jwt(CLAIMS, { header: { kid: 'old' } }), jwt(CLAIMS, { secret: PEM }), fresh.sign(CLAIMS)])
      (await bearing(token, strict).get('/v1/trips')).problem('unauthenticated');
    expect(strict.output()).toMatch(/"level":40.*JWT_SECRET_KEY counts for nothing/);
  });

  it('issuer and audience hold, each one of a list [J9]', async () => {
    expect(await taken(old.sign({ ...CLAIMS, iss: 'https://a.example', aud: ['other', 'fleet'] }), strict)).toBe(200);
    for (const wrong of [{ iss: 'https://c.example' }, { iss: undefined }, { aud: 'other' }, { aud: undefined }])
      (await bearing(old.sign({ ...CLAIMS, ...wrong }), strict).get('/v1/trips')).problem('unauthenticated');
  });

  it('the dashboard still signs in, and the command line still signs, by the secret of the installation', async () => {
    const code = /#signin=([\w-]+)/.exec(strict.output())?.[1];
    const session = (await caller(strict).post('/v1/session', { code })).as(Session, 201);
    expect(await taken(session.token, strict)).toBe(200);
    const args = ['token', '--role', 'admin', '--data-dir', strict.dataDir];
    const { out, err } = await waycast(args, { ...STRICT, JWT_JWKS_URL: provider.url, JWT_SECRET_KEY: SECRET });
    expect(err).toBe('');
    expect(await taken(out.trim(), strict)).toBe(200);
  });
});

describe('settings that contradict each other stop the start, in one line that names them [J2]', () => {
  it.each([
    [{ JWT_ALGORITHM: 'HS256,RS256' }, ['JWT_ALGORITHM', 'RS256', 'JWT_JWKS_URL']],
    [{ ALGORITHM: 'HS256', JWT_JWKS_URL: 'http://127.0.0.1:9/keys' }, ['JWT_ALGORITHM', 'JWT_JWKS_URL']],
    [{ JWT_ALGORITHM: 'none' }, ['JWT_ALGORITHM', 'none', 'ES256']],
  ])('%j', async (env, named) => {
    const args = ['serve', '--port', '0', '--data-dir', strict.dataDir];
    const { code, err } = await waycast(args, { ...(env as Record<string, string>), JWT_SECRET_KEY: SECRET });
    expect(err.trim().split('\n'), err).toHaveLength(1);
    for (const name of named) expect(err).toContain(name);
    expect(code).toBe(1);
  });
});

describe('keys that come and go', () => {
  it('a thousand tokens of unknown keys ask at most once in 30 s; a new key counts within them [J5, J6]', async () => {
    const [source] = later as [JwksProvider];
    const from = performance.now();
    const before = (await source.asked()).length;
    const peer = await dial(server, { token: planted(old.sign({ sub: 'dan', role: 'driver' })) });
    await source.answer({ body: keySet(old, fresh) });
    const flood = Array.from({ length: 1_000 }, (_, i) => stranger.sign(ADMIN, { kid: `kid-${i}` }));
    for (let i = 0; i < flood.length; i += 50)
      for (const answer of await Promise.all(flood.slice(i, i + 50).map((token) => bearing(token).get('/v1/trips'))))
        answer.problem('unauthenticated');
    const rotated = planted(fresh.sign(ADMIN));
    await until(
      () => taken(rotated),
      (status) => status === 200,
      40_000,
    );
    expect(await taken(old.sign(ADMIN))).toBe(200);
    const asked = (await source.asked()).length - before;
    expect(asked).toBeLessThanOrEqual(1 + Math.floor((performance.now() - from) / 30_000));
    peer.send({ type: 'auth', token: planted(fresh.sign({ sub: 'dan', role: 'driver', exp: inSeconds(7_200) })), ref: 'again' });
    await peer.next('welcome', ({ ref }) => ref === 'again');
    await peer.close();
  });

  it('an outage takes no valid token away, and closes nobody whose new token has to wait [J7]', async () => {
    const [source] = later as [JwksProvider];
    const peer = await dial(server, { token: planted(fresh.sign({ sub: 'dan', role: 'driver' })) });
    await source.kill();
    for (const token of [old.sign(ADMIN), fresh.sign(ADMIN)]) expect(await taken(planted(token))).toBe(200);
    peer.send({ type: 'auth', token: planted(old.sign({ sub: 'dan', role: 'driver' })), ref: 'again' });
    await peer.next('welcome', ({ ref }) => ref === 'again');
    peer.send({ type: 'ping', ref: 'here' });
    await peer.next('pong');
    await peer.close();
  });
});

describe('the log', () => {
  it('never shows a token, at its loudest', async () => {
    expect(told.length).toBeGreaterThan(20);
    expect(server.output()).toContain('"level":40');
    for (const token of told) {
      const [, claims = '', signature = ''] = token.split('.');
      for (const part of [token, claims, signature].filter((one) => one.length > 20)) expect(server.output()).not.toContain(part);
    }
    expect(server.output()).not.toContain(SECRET);
  });
});
