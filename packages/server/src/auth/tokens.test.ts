import { createHmac, generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { type Role, roleOf } from '../hub/principal.ts';
import { type TokenOptions, Tokens } from './tokens.ts';

const SECRET = 'a-secret-of-at-least-32-characters';
const OTHER = 'another-secret-of-over-32-characters';
const OPTIONS: TokenOptions = { secrets: [SECRET], requireExp: true, issuer: undefined, audience: undefined };
const tokens = new Tokens(OPTIONS);
const soon = () => Math.floor(Date.now() / 1000) + 600;

/** A token as anybody could put it together: header, claims, signed with what is given. */
function forge(header: object, claims: object, secret: string | null = SECRET, hash = 'sha256'): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = `${part(header)}.${part(claims)}`;
  return `${body}.${secret === null ? '' : createHmac(hash, secret).update(body).digest('base64url')}`;
}
const good = (more: object = {}) => ({ sub: 'car-a', role: 'driver', exp: soon(), ...more });
const HS256 = { alg: 'HS256', typ: 'JWT' };
const refused = (token: string, code = 'unauthenticated', by = tokens) => expect(by.verify(token)).rejects.toMatchObject({ code });

describe('tokens [S7]', () => {
  it('come back as they were signed', async () => {
    const token = await tokens.sign({ sub: 'car-a', role: 'merchant', trips: ['t'], drivers: [], labels: ['x', 'y'], ttl: 60 });
    const who = await tokens.verify(token);
    expect(who).toMatchObject({ sub: 'car-a', role: 'merchant', trips: new Set(['t']), drivers: new Set(), labels: new Set(['x', 'y']) });
    expect(who.expiresAt).toBeGreaterThan(Date.now());
    expect(who.expiresAt).toBeLessThanOrEqual(Date.now() + 61_000);
  });

  it('made by others count when they are right', async () => {
    expect(await tokens.verify(forge(HS256, good()))).toMatchObject({ sub: 'car-a', role: 'driver', trips: undefined });
  });

  it.each([
    ['none', forge({ alg: 'none' }, good(), null)],
    ['NONE', forge({ alg: 'NONE' }, good(), null)],
    ['none, signed', forge({ alg: 'none' }, good())],
    ['HS384, with the right secret', forge({ alg: 'HS384' }, good(), SECRET, 'sha384')],
    ['HS512, with the right secret', forge({ alg: 'HS512' }, good(), SECRET, 'sha512')],
    ['missing', forge({ typ: 'JWT' }, good())],
  ])('with the algorithm %s are refused', async (_, token) => {
    await refused(token);
  });

  it('of a public key are refused: the algorithm is never taken from the token', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await refused(await new SignJWT(good()).setProtectedHeader({ alg: 'RS256' }).sign(privateKey));
  });

  it.each([
    ['of another secret', forge(HS256, good(), OTHER)],
    [
      'with its claims changed',
      forge(HS256, good()).replace(/\.[^.]+\./, `.${Buffer.from(JSON.stringify(good({ role: 'admin' }))).toString('base64url')}.`),
    ],
    ['without a signature', forge(HS256, good(), null)],
    ['cut short', forge(HS256, good()).slice(0, -3)],
    ['of three dots', '...'],
    ['empty', ''],
    ['of no JSON', 'abc.def.ghi'],
  ])('%s are refused', async (_, token) => {
    await refused(token);
  });

  it('that have ended are told apart, to the second', async () => {
    await refused(forge(HS256, good({ exp: soon() - 610 })), 'token_expired');
    await refused(forge(HS256, good({ exp: soon() - 601 })), 'token_expired');
  });

  it('without an end are refused unless that is allowed', async () => {
    const endless = forge(HS256, { sub: 'car-a', role: 'driver' });
    await refused(endless);
    expect(await new Tokens({ ...OPTIONS, requireExp: false }).verify(endless)).toMatchObject({ expiresAt: null });
    await refused(forge(HS256, good({ exp: soon() - 700 })), 'token_expired', new Tokens({ ...OPTIONS, requireExp: false }));
  });

  it('not yet valid, or with an end that is no number, are refused', async () => {
    await refused(forge(HS256, good({ nbf: soon() })));
    await refused(forge(HS256, good({ exp: '2099-01-01' })));
  });

  it('must name issuer and audience where they are configured', async () => {
    const strict = new Tokens({ ...OPTIONS, issuer: ['us'], audience: ['waycast'] });
    await refused(forge(HS256, good()), 'unauthenticated', strict);
    await refused(forge(HS256, good({ iss: 'them', aud: 'waycast' })), 'unauthenticated', strict);
    await refused(forge(HS256, good({ iss: 'us', aud: 'other' })), 'unauthenticated', strict);
    expect(await strict.verify(forge(HS256, good({ iss: 'us', aud: ['x', 'waycast'] })))).toMatchObject({ sub: 'car-a' });
    expect(await strict.verify(await strict.sign({ sub: 'car-a', role: 'driver', ttl: 60 }))).toMatchObject({ sub: 'car-a' });
  });

  it('of every listed secret count while keys rotate; the first signs', async () => {
    const rotating = new Tokens({ ...OPTIONS, secrets: [OTHER, SECRET] });
    expect(await rotating.verify(forge(HS256, good(), SECRET))).toMatchObject({ sub: 'car-a' });
    expect(await rotating.verify(forge(HS256, good(), OTHER))).toMatchObject({ sub: 'car-a' });
    await refused(forge(HS256, good(), 'a-third-secret-nobody-ever-listed'), 'unauthenticated', rotating);
    await refused(forge(HS256, good({ exp: soon() - 700 }), SECRET), 'token_expired', rotating);
    expect(
      await new Tokens({ ...OPTIONS, secrets: [OTHER] }).verify(await rotating.sign({ sub: 'x', role: 'admin', ttl: 9 })),
    ).toBeDefined();
  });

  it('are never repeated in what is said of them', async () => {
    const token = forge(HS256, good({ role: 'emperor' }));
    const said = await tokens.verify(token).catch((error: unknown) => String(error));
    expect(said).not.toContain(token.slice(0, 20));
    expect(said).not.toContain('emperor');
  });
});

describe('the subject [S7]', () => {
  it.each([
    [{ sub: 'car-a' }, 'car-a'],
    [{ sub: undefined, user_id: 'car-b' }, 'car-b'],
    [{ sub: 'car-a', user_id: 'car-b' }, 'car-a'],
    [{ sub: undefined, user_id: 42 }, '42'],
    [{ sub: '', user_id: 'car-b' }, 'car-b'],
  ])('of %j is %s', async (claims, sub) => {
    expect(await tokens.verify(forge(HS256, good(claims)))).toMatchObject({ sub });
  });

  it.each([
    { sub: undefined },
    { sub: '' },
    { sub: 'x'.repeat(257) },
    { sub: undefined, user_id: 1.5 },
    { sub: undefined, user_id: { a: 1 } },
  ])('of %j is none: refused', async (claims) => {
    await refused(forge(HS256, good(claims)));
  });
});

describe('roles [S1]', () => {
  it.each<[string, Role | undefined]>([
    ['driver', 'driver'],
    ['passenger', 'passenger'],
    ['customer', 'passenger'],
    ['rider', 'passenger'],
    ['merchant', 'merchant'],
    ['dispatcher', 'dispatcher'],
    ['admin', 'admin'],
    ['superadmin', 'admin'],
    ['service', 'service'],
    ['Driver', 'driver'],
    ['SUPERADMIN', 'admin'],
    ['emperor', undefined],
    ['', undefined],
    ['constructor', undefined],
    ['__proto__', undefined],
    ['toString', undefined],
  ])('%s is %s', (name, role) => {
    expect(roleOf(name)).toBe(role);
  });

  it('that are not known may do nothing', async () => {
    for (const claims of [
      { role: 'emperor' },
      { role: undefined },
      { role: 7 },
      { role: undefined, roles: [] },
      { role: undefined, roles: 'admin' },
    ])
      await refused(forge(HS256, good(claims)));
  });

  it('are also taken from a list', async () => {
    expect(await tokens.verify(forge(HS256, good({ role: undefined, roles: ['dispatcher'] })))).toMatchObject({ role: 'dispatcher' });
  });
});

describe('scopes [S3, S4]', () => {
  it.each(['trips', 'drivers', 'labels'] as const)('%s that are no list allow nothing, never everything', async (scope) => {
    for (const value of [null, '*', 'x', 7, true, {}, { 0: 'x', length: 1 }]) {
      const who = await tokens.verify(forge(HS256, good({ [scope]: value })));
      expect(who[scope], JSON.stringify(value)).toEqual(new Set());
    }
  });

  it('keep what is text, and are undefined only where there are none', async () => {
    const who = await tokens.verify(forge(HS256, good({ trips: ['a', 7, null, 'b'], drivers: [] })));
    expect(who).toMatchObject({ trips: new Set(['a', 'b']), drivers: new Set(), labels: undefined });
  });
});

describe('what a token says [J1]', () => {
  it('is read without deciding what its bearer is', async () => {
    const claims = { sub: undefined, user_id: 7, email: 'd@example.com', role: undefined };
    expect(await tokens.identify(forge(HS256, good(claims)))).toMatchObject({ sub: '7', userId: '7', email: 'd@example.com', roles: [] });
    await refused(forge(HS256, good(claims)));
    const both = await tokens.identify(forge(HS256, good({ user_id: 'u-1', role: 'RIDER', roles: ['Offline_Access', 7, null, 'Admin'] })));
    expect(both).toMatchObject({ sub: 'car-a', userId: 'u-1', email: null, roles: ['rider', 'offline_access', 'admin'] });
  });

  it.each([{ email: '' }, { email: 7 }, { email: ['d@example.com'] }, { email: 'x'.repeat(257) }, { email: undefined }])(
    'of %j is no email',
    async (claims) => {
      expect(await tokens.identify(forge(HS256, good(claims)))).toMatchObject({ email: null });
    },
  );

  it('may lack a subject; times and signature may not', async () => {
    expect(await tokens.identify(forge(HS256, good({ sub: undefined })))).toMatchObject({ sub: null, userId: null });
    await expect(tokens.identify(forge(HS256, good(), OTHER))).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(tokens.identify(forge(HS256, good({ exp: soon() - 700 })))).rejects.toMatchObject({ code: 'token_expired' });
  });
});
