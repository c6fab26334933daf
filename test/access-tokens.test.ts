import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TripList } from '../packages/protocol/src/index.ts';
import { inSeconds, jwt, unsigned } from './support/jwt.ts';
import { dial, refused } from './support/peer.ts';
import { ride } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { SECRET, startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

const OLD = 'the-old-secret-that-is-rotated-out';
const PUBLIC_KEY = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }).toString();
const ADMIN = { sub: 'car-a', role: 'admin' };

let server: TestServer;
let strict: TestServer;
let lax: TestServer;

beforeAll(async () => {
  [server, strict, lax] = await Promise.all([
    startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOG_LEVEL: 'trace' } }),
    startServer({ env: { JWT_SECRET_KEY: `${SECRET},${OLD}`, JWT_ISSUER: 'https://id.example', JWT_AUDIENCE: 'waycast' } }),
    startServer({ env: { JWT_REQUIRE_EXP: 'false' } }),
  ]);
  const staff = caller(server, await server.token('dispatcher'));
  for (const id of ['t1', 't2']) await staff.post('/v1/trips', ride({ id, driverId: 'dan', labels: [`label-${id}`] }));
});

afterAll(() => Promise.all([server.stop(), strict.stop(), lax.stop()]));

const bearing = (token: string, to = server): Caller => caller(to, token);
const taken = async (token: string, to = server) => (await bearing(token, to).get('/v1/trips')).status;

describe('a token that is refused, by REST and by the stream alike [S7]', () => {
  const header = (alg: string, more: object = {}) => ({ header: { alg, ...more } });
  it.each<[string, string]>([
    ['alg none', unsigned(ADMIN, 'none')],
    ['alg None', unsigned(ADMIN, 'None')],
    ['alg nOnE', unsigned(ADMIN, 'nOnE')],
    ['no alg', unsigned(ADMIN, '')],
    ['a header of alg none over a good signature', jwt(ADMIN, header('none'))],
    ['another secret', jwt(ADMIN, { secret: 'another-secret-of-some-length' })],
    ['an empty secret', jwt(ADMIN, { secret: '' })],
    ['HS256 signed with a public key', jwt(ADMIN, { secret: PUBLIC_KEY })],
    ['a header that says RS256', jwt(ADMIN, header('RS256'))],
    ['RS256 over a public key as secret', jwt(ADMIN, { ...header('RS256'), secret: PUBLIC_KEY })],
    ['HS512 with the right secret', jwt(ADMIN, { ...header('HS512'), hash: 'sha512' })],
    [
      'a key of its own in jwk',
      jwt(ADMIN, { ...header('HS256', { jwk: { kty: 'oct', k: Buffer.from('mine').toString('base64url') } }), secret: 'mine' }),
    ],
    [
      'a key elsewhere, jku',
      jwt(ADMIN, { ...header('HS256', { jku: 'http://127.0.0.1:9/keys', x5u: 'http://127.0.0.1:9' }), secret: 'mine' }),
    ],
    ['a critical header nobody knows', jwt(ADMIN, header('HS256', { crit: ['unheard'], unheard: 1 }))],
    ['no exp', jwt({ ...ADMIN, exp: undefined })],
    ['exp as text', jwt({ ...ADMIN, exp: '9999999999' })],
    ['not before tomorrow', jwt({ ...ADMIN, nbf: inSeconds(86_400) })],
    ['no subject', jwt({ role: 'admin' })],
    ['an empty subject', jwt({ sub: '', role: 'admin' })],
    ['a subject that is an object', jwt({ sub: { id: 'car-a' }, role: 'admin' })],
    ['no role', jwt({ sub: 'car-a' })],
    ['a role nobody knows [S1]', jwt({ sub: 'car-a', role: 'root' })],
    ['a role of Object', jwt({ sub: 'car-a', role: 'constructor' })],
    ['a role __proto__', jwt({ sub: 'car-a', role: '__proto__' })],
    ['claims that are a list', jwt('[]')],
    ['claims that are no JSON', jwt('admin')],
    ['a tail cut off', jwt(ADMIN).slice(0, -1)],
    ['a part too many', `${jwt(ADMIN)}.x`],
    ['no token at all', 'x'],
    ['two bare dots', '..'],
  ])('%s', async (_what, token) => {
    (await bearing(token).get('/v1/trips')).problem('unauthenticated');
    expect(await refused(server, { authorization: `Bearer ${token}` })).toMatchObject({ status: 401 });
    const peer = await dial(server);
    peer.send({ type: 'auth', token });
    expect((await peer.next('error')).code).toBe('unauthenticated');
    expect((await peer.closed).code).toBe(4401);
  });

  it('an expired one, by its own name', async () => {
    (await bearing(jwt({ ...ADMIN, exp: inSeconds(-60) })).get('/v1/trips')).problem('token_expired');
    (await bearing(jwt({ ...ADMIN, exp: 0 })).get('/v1/trips')).problem('token_expired');
    (await bearing(jwt({ ...ADMIN, exp: inSeconds(-60) }), lax).get('/v1/trips')).problem('token_expired');
    const peer = await dial(server);
    peer.send({ type: 'auth', token: jwt({ ...ADMIN, exp: inSeconds(-60) }) });
    expect((await peer.next('error')).code).toBe('token_expired');
    expect((await peer.closed).code).toBe(4401);
  });

  it('another scheme, or a good token in the query', async () => {
    const good = jwt(ADMIN);
    for (const authorization of [good, `Basic ${good}`, `Bearer`, `Bearer  `, `Token ${good}`])
      (await caller(server).call('GET', '/v1/trips', undefined, { authorization })).problem('unauthenticated');
    (await caller(server).get(`/v1/trips?token=${good}`)).problem('unauthenticated');
    (await caller(server).get(`/v1/trips?access_token=${good}`)).problem('unauthenticated');
  });
});

describe('a token that is taken [S7]', () => {
  it('by sub or by user_id, a number too', async () => {
    for (const claims of [{ sub: 'car-a' }, { user_id: 'car-a' }, { user_id: 7 }])
      expect(await taken(jwt({ ...claims, role: 'admin' })), JSON.stringify(claims)).toBe(200);
    const peer = await dial(server);
    peer.send({ type: 'auth', token: jwt({ user_id: 'dan', role: 'driver' }) });
    expect(await peer.next('welcome')).toMatchObject({ sub: 'dan', role: 'driver' });
    await peer.close();
  });

  it.each([
    ['ADMIN', 'admin'],
    ['Superadmin', 'admin'],
    ['Customer', 'passenger'],
    ['rider', 'passenger'],
    ['Driver', 'driver'],
    ['MERCHANT', 'merchant'],
    ['dispatcher', 'dispatcher'],
    ['Service', 'service'],
  ])('of role %s, whatever its case, as %s [S1]', async (role, known) => {
    for (const claims of [{ role }, { roles: [role] }]) {
      const peer = await dial(server);
      peer.send({ type: 'auth', token: jwt({ sub: 'x', ...claims }), ref: 'r' });
      expect(await peer.next('welcome')).toMatchObject({ sub: 'x', role: known, heartbeat: 15, ref: 'r' });
      await peer.close();
    }
  });

  it('with the role it knows out of several in `roles`', async () => {
    expect(await taken(jwt({ sub: 'x', roles: ['offline_access', 'admin'] }))).toBe(200);
  });

  it('with scopes that narrow; a scope that is no list allows nothing [S4]', async () => {
    const trips = async (scopes: object) =>
      (await bearing(jwt({ sub: 'x', role: 'dispatcher', ...scopes })).get('/v1/trips'))
        .as(TripList)
        .trips.map(({ id }) => id)
        .toSorted();
    expect(await trips({})).toEqual(['t1', 't2']);
    expect(await trips({ trips: ['t2', 'unheard'] })).toEqual(['t2']);
    expect(await trips({ labels: ['label-t1'] })).toEqual(['t1']);
    for (const scope of ['t1', '*', null, {}, 7, true, ['*'], [['t1']]])
      expect(await trips({ trips: scope }), JSON.stringify(scope)).toEqual([]);
  });

  it('that names issuer and audience where they are configured, and no other', async () => {
    const good = { ...ADMIN, iss: 'https://id.example', aud: 'waycast' };
    expect(await taken(jwt(good), strict)).toBe(200);
    expect(await taken(jwt({ ...good, aud: ['other', 'waycast'] }), strict)).toBe(200);
    for (const wrong of [
      { iss: 'https://evil.example' },
      { iss: undefined },
      { aud: 'other' },
      { aud: undefined },
      { aud: [] },
      { iss: 'https://id.example/' },
    ])
      (await bearing(jwt({ ...good, ...wrong }), strict).get('/v1/trips')).problem('unauthenticated');
  });

  it('signed with the second secret while keys rotate', async () => {
    const claims = { ...ADMIN, iss: 'https://id.example', aud: 'waycast' };
    expect(await taken(jwt(claims, { secret: OLD }), strict)).toBe(200);
    (await bearing(jwt({ ...claims, exp: inSeconds(-60) }, { secret: OLD }), strict).get('/v1/trips')).problem('token_expired');
    (await bearing(jwt(claims, { secret: `${SECRET},${OLD}` }), strict).get('/v1/trips')).problem('unauthenticated');
    (await bearing(jwt(ADMIN, { secret: OLD })).get('/v1/trips')).problem('unauthenticated');
  });

  it('without an end only where JWT_REQUIRE_EXP=false', async () => {
    const endless = jwt({ ...ADMIN, exp: undefined });
    expect(await taken(endless, lax)).toBe(200);
    const peer = await dial(lax);
    peer.send({ type: 'auth', token: endless });
    expect((await peer.next('welcome')).expiresAt).toBeNull();
    await peer.close();
  });
});

describe('the log', () => {
  it('never shows a token, a ticket, a code or the secret, at its loudest', async () => {
    const good = jwt({ ...ADMIN, sub: 'planted-subject' });
    const bad = jwt(ADMIN, { secret: 'x' });
    const { ticket } = (await bearing(good).post('/v1/tickets')).json() as { ticket: string };
    await bearing(good).get(`/v1/trips?token=${good}`);
    await bearing(good).get(`/v1/${good}`);
    await bearing(bad).get('/v1/trips');
    await caller(server).post('/v1/session', { code: 'PLANTED-CODE' });
    await caller(server).post('/v1/session', `{"code":"PLANTED-CODE`);
    await refused(server, {}, `?token=${bad}&ticket=PLANTED-TICKET`);
    await refused(server, { authorization: `Bearer ${bad}` });
    const first = await dial(server, { query: `?ticket=${ticket}` });
    await first.next('welcome');
    first.raw(`{"type":"auth","token":"${bad}`);
    first.send({ type: 'auth', token: bad });
    await first.next('error', (error) => error.code !== 'bad_json');
    await first.close();
    const last = await dial(server, { token: good });
    last.raw(`{"type":"fix","token":"PLANTED-MEMBER"}`);
    await last.next('error');
    await last.close();
    await until(
      () => server.output(),
      (text) => text.includes('serving'),
    );
    for (const secret of [SECRET, good, bad, good.split('.')[2] ?? '', bad.split('.')[2] ?? '', ticket, 'PLANTED-'])
      expect(server.output().includes(secret), secret.slice(0, 20)).toBe(false);
  });

  it('escapes what users write: one event stays one line', async () => {
    await bearing(jwt({ sub: 'evil\n{"level":60,"msg":"forged"}', role: 'admin' })).get('/v1/trips');
    await caller(server).call('GET', '/v1/trips', undefined, { 'user-agent': 'x {"msg":"forged"}' });
    expect(
      server
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{"level":60')),
    ).toEqual([]);
  });
});
