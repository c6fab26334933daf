import { createHmac, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KeyAlgorithm } from '../packages/server/src/auth/algorithms.ts';
import { readKeys } from '../packages/server/src/auth/fetch-keys.ts';
import { Tokens } from '../packages/server/src/auth/tokens.ts';
import { inSeconds, jwt, unsigned } from './support/jwt.ts';
import { type KeyPair, keyPair, keySet } from './support/key-pair.ts';

const SECRET = 'a-secret-of-at-least-32-characters';
const rsa = keyPair('RS256', 'rsa');
const ec = keyPair('ES256', 'ec');
const foreign = keyPair('RS256', 'rsa');
const DRIVER = { sub: 'car-a', role: 'driver' };
const BOTH: readonly KeyAlgorithm[] = ['RS256', 'ES256'];

/** Tokens by a set that never changes. */
function by(document: string, algorithms = BOTH, more: { issuer?: string[]; audience?: string[]; requireExp?: boolean } = {}): Tokens {
  const keyOf = readKeys(document);
  const keys = { current: async () => keyOf, laterThan: async () => undefined };
  return new Tokens({ secrets: [SECRET], requireExp: true, issuer: undefined, audience: undefined, ...more, byKey: { algorithms, keys } });
}
const tokens = by(keySet(rsa, ec));
const refused = (token: string, from = tokens, code = 'unauthenticated') => expect(from.verify(token)).rejects.toMatchObject({ code });
const taken = (token: string, from = tokens) => expect(from.verify(token)).resolves.toMatchObject({ sub: 'car-a', role: 'driver' });

/** A token that says any algorithm, signed by HS256 all the same. */
function disguised(alg: string, secret: Buffer | string, header: object = {}): string {
  return jwt(DRIVER, { header: { alg, ...header }, secret });
}

describe('tokens by key [J2, J3]', () => {
  it('count by RS256 and by ES256, beside those by secret', async () => {
    for (const token of [rsa.sign(DRIVER), ec.sign(DRIVER), jwt(DRIVER, { secret: SECRET })]) await taken(token);
  });

  it('count only by an algorithm that is listed', async () => {
    const [rs, es] = [by(keySet(rsa, ec), ['RS256']), by(keySet(rsa, ec), ['ES256'])];
    await taken(rsa.sign(DRIVER), rs);
    await refused(ec.sign(DRIVER), rs);
    await taken(ec.sign(DRIVER), es);
    await refused(rsa.sign(DRIVER), es);
  });

  it.each(['none', 'None', 'NONE', 'nOnE', 'none ', ''])(
    'of algorithm %j are refused, with a kid that is there and without',
    async (alg) => {
      await refused(unsigned(DRIVER, alg));
      for (const key of [rsa, ec]) {
        await refused(key.sign(DRIVER, { alg }));
        await refused(key.sign(DRIVER, { alg }).replace(/[^.]+$/, ''));
      }
    },
  );

  it.each(['RS384', 'RS512', 'PS256', 'ES384', 'ES512', 'EdDSA', 'HS384', 'rs256', 'RS256 ', '__proto__', 'constructor'])(
    'of algorithm %s are refused',
    async (alg) => {
      for (const key of [rsa, ec]) await refused(key.sign(DRIVER, { alg }));
    },
  );

  it.each<[string, (key: KeyObject) => Buffer | string]>([
    ['PEM', (key) => key.export({ type: 'spki', format: 'pem' })],
    ['PEM without its last line break', (key) => key.export({ type: 'spki', format: 'pem' }).toString().trim()],
    ['DER', (key) => key.export({ type: 'spki', format: 'der' })],
    ['JWK', (key) => JSON.stringify(key.export({ format: 'jwk' }))],
    [
      'its number or point',
      (key) => Buffer.from((key.export({ format: 'jwk' }).n ?? key.export({ format: 'jwk' }).x) as string, 'base64url'),
    ],
  ])('signed by HS256 with the public key as %s are refused, whatever they call it', async (_, encoded) => {
    for (const key of [rsa, ec])
      for (const alg of ['HS256', 'RS256', 'ES256'])
        for (const kid of [undefined, key.jwk.kid]) await refused(disguised(alg, encoded(key.publicKey), { kid }));
  });

  it('signed by HS256 with a secret from the published set are refused: the set serves RS256 and ES256 alone', async () => {
    const oct = { kty: 'oct', kid: 'shared', k: Buffer.from('published-by-mistake-for-everybody').toString('base64url'), alg: 'HS256' };
    const token = disguised('HS256', 'published-by-mistake-for-everybody', { kid: 'shared' });
    await refused(token, by(keySet(rsa, oct)));
  });

  it('signed by one kind under the name of the other are refused', async () => {
    await refused(rsa.sign(DRIVER, { alg: 'ES256' }));
    await refused(rsa.sign(DRIVER, { alg: 'ES256', kid: 'ec' }));
    await refused(ec.sign(DRIVER, { alg: 'RS256' }));
    await refused(ec.sign(DRIVER, { alg: 'RS256', kid: 'rsa' }));
    await refused(ec.sign(DRIVER).replace(/[^.]+$/, Buffer.alloc(64).toString('base64url')));
  });

  it('by a key nobody published are refused, also under the name of one that is', async () => {
    await refused(foreign.sign(DRIVER));
    await refused(foreign.sign(DRIVER, { kid: undefined }));
    await refused(foreign.sign(DRIVER, { kid: 'other' }));
  });

  it('that bring a key along, or say where one is, are measured by ours alone', async () => {
    const lure = {
      jwk: foreign.jwk,
      jku: 'http://127.0.0.1:9/keys',
      x5u: 'http://127.0.0.1:9/cert',
      x5c: [foreign.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')],
    };
    await refused(foreign.sign(DRIVER, lure));
    await refused(foreign.sign(DRIVER, { ...lure, kid: undefined }));
    await taken(rsa.sign(DRIVER, lure));
  });

  it('with a critical header, or an unencoded payload, are refused', async () => {
    for (const header of [{ crit: ['exp'] }, { crit: [] }, { crit: ['unheard'], unheard: 1 }, { crit: ['b64'], b64: false }, { crit: 'x' }])
      await refused(rsa.sign(DRIVER, header));
  });

  it.each<[unknown]>([
    ['../../etc/passwd'],
    ['/dev/null'],
    ["rsa' OR 1=1"],
    ['rsa\u0000'],
    ['RSA'],
    [''],
    ['__proto__'],
    ['x'.repeat(5_000)],
  ])('of kid %j are refused', async (kid) => {
    await refused(rsa.sign(DRIVER, { kid }));
  });

  it.each<[unknown]>([[{ rsa: 1 }], [['rsa']], [null], [0], [true], [{ toString: 'rsa' }]])(
    'of kid %j, no text, are refused',
    async (kid) => {
      await refused(rsa.sign(DRIVER, { kid }));
    },
  );
});

describe('times and claims hold for tokens by key as for others [S7, J9]', () => {
  it.each<[string, object, string]>([
    ['no end', { exp: undefined }, 'unauthenticated'],
    ['an end as text', { exp: '9999999999' }, 'unauthenticated'],
    ['an end long ago', { exp: inSeconds(-60) }, 'token_expired'],
    ['a beginning tomorrow', { nbf: inSeconds(86_400) }, 'unauthenticated'],
    ['a beginning that is no number', { nbf: 'tomorrow' }, 'unauthenticated'],
    ['no subject', { sub: undefined }, 'unauthenticated'],
    ['no role', { role: undefined }, 'unauthenticated'],
  ])('%s', async (_, claims, code) => {
    for (const key of [rsa, ec]) await refused(key.sign({ ...DRIVER, ...claims }), tokens, code);
  });

  it('may begin 5 s ahead of our clock, but end by it', async () => {
    await refused(rsa.sign({ ...DRIVER, exp: inSeconds(-2) }), tokens, 'token_expired');
    await taken(rsa.sign({ ...DRIVER, nbf: inSeconds(3) }));
  });

  it('without an end only where that is allowed', async () => {
    await taken(rsa.sign({ ...DRIVER, exp: undefined }), by(keySet(rsa), BOTH, { requireExp: false }));
  });

  it('of several issuers and audiences one is enough, and none is not', async () => {
    const strict = by(keySet(rsa), BOTH, { issuer: ['https://a.example', 'https://b.example'], audience: ['waycast', 'fleet'] });
    await taken(rsa.sign({ ...DRIVER, iss: 'https://b.example', aud: 'waycast' }), strict);
    await taken(rsa.sign({ ...DRIVER, iss: 'https://a.example', aud: ['other', 'fleet'] }), strict);
    await taken(await strict.sign({ ...DRIVER, role: 'driver', ttl: 60 }), strict);
    for (const wrong of [{ iss: 'https://c.example' }, { iss: undefined }, { iss: ['https://a.example'] }, { aud: 'x' }, { aud: [] }])
      await refused(rsa.sign({ ...DRIVER, iss: 'https://a.example', aud: 'waycast', ...wrong }), strict);
  });
});

describe('a published set [J3]', () => {
  it.each<[string, object]>([
    ['for encryption', { use: 'enc' }],
    ['for another algorithm', { alg: 'RS512' }],
    ['for signing only', { key_ops: ['sign'] }],
    ['for deriving', { key_ops: ['deriveKey'] }],
    ['for nothing anybody knows', { use: 'unheard' }],
  ])('has a key %s: it checks no token', async (_, marks) => {
    await refused(rsa.sign(DRIVER), by(keySet({ ...rsa.jwk, ...marks }, ec)));
  });

  it('has a key marked for just this: it does', async () => {
    await taken(rsa.sign(DRIVER), by(keySet({ ...rsa.jwk, use: 'sig', alg: 'RS256', key_ops: ['verify'] })));
  });

  it('has keys of one kid: the one that signed counts', async () => {
    const twin = keyPair('RS256', 'rsa');
    for (const order of [
      [rsa, twin],
      [twin, rsa],
    ] as [KeyPair, KeyPair][]) {
      await taken(rsa.sign(DRIVER), by(keySet(...order)));
      await taken(twin.sign(DRIVER), by(keySet(...order)));
      await refused(foreign.sign(DRIVER), by(keySet(...order)));
      await refused(rsa.sign({ ...DRIVER, exp: inSeconds(-60) }), by(keySet(...order)), 'token_expired');
    }
  });

  it('has keys of no name: each of them counts', async () => {
    const [one, two] = [keyPair('RS256'), keyPair('RS256')];
    for (const key of [one, two, rsa]) await taken(key.sign(DRIVER, { kid: undefined }), by(keySet(one, two, rsa)));
    await refused(foreign.sign(DRIVER, { kid: undefined }), by(keySet(one, two, rsa)));
  });

  it('has weak, private and broken keys beside a good one: only the good one counts', async () => {
    const weak = keyPair('RS256', 'weak', { bits: 1_024 });
    const leaked = { ...foreign.privateKey.export({ format: 'jwk' }), kid: 'leaked' };
    const set = by(keySet(weak, leaked, { kty: 'RSA', kid: 'broken', n: '!', e: 7 }, { kty: 'EC', crv: 'P-256', kid: 'bare' }, {}, rsa));
    await taken(rsa.sign(DRIVER), set);
    await taken(rsa.sign(DRIVER, { kid: undefined }), set);
    await refused(weak.sign(DRIVER), set);
    await refused(foreign.sign(DRIVER, { kid: 'leaked' }), set);
    for (const kid of ['broken', 'bare']) await refused(foreign.sign(DRIVER, { kid }), set);
  });

  it('has a key of another curve: ES256 is P-256', async () => {
    const wide = keyPair('ES256', 'wide', { curve: 'P-384' });
    await refused(wide.sign(DRIVER), by(keySet(wide, ec)));
  });
});

describe('a token with anything changed', () => {
  const bytes = (part: string) => Buffer.from(part, 'base64url');
  const ALPHABET = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ {}'];
  const edit = fc.record({
    kind: fc.constantFrom('put', 'add', 'drop', 'cut', 'swap', 'double'),
    part: fc.nat(2),
    at: fc.nat(),
    letter: fc.constantFrom(...ALPHABET),
  });

  it('is refused, wherever that is and however it is signed', { timeout: 60_000 }, async () => {
    const sources = [rsa.sign(DRIVER), ec.sign(DRIVER), jwt(DRIVER, { secret: SECRET })];
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.array(edit, { minLength: 1, maxLength: 3 }), async (source, edits) => {
        const good = sources[source] as string;
        const parts = good.split('.');
        for (const { kind, part, at, letter } of edits) parts[part] = changed(parts[part] ?? '', kind, at, letter);
        const token = parts.join('.');
        const [head, body, signature = ''] = token.split('.');
        // The last letter of a signature has bits that mean nothing: the same bytes are the same signature.
        const isSame = good.startsWith(`${head}.${body}.`) && bytes(signature).equals(bytes(good.split('.')[2] ?? ''));
        fc.pre(!isSame);
        await refused(token);
      }),
      { numRuns: 1_500 },
    );
  });

  function changed(text: string, kind: string, at: number, letter: string): string {
    const i = at % Math.max(1, text.length);
    if (kind === 'put') return text.slice(0, i) + letter + text.slice(i + 1);
    if (kind === 'add') return text.slice(0, i) + letter + text.slice(i);
    if (kind === 'drop') return text.slice(0, i) + text.slice(i + 1);
    if (kind === 'cut') return text.slice(0, i);
    if (kind === 'swap') return text.slice(i) + text.slice(0, i);
    return text + text;
  }

  it('is refused when parts of two good ones are put together', async () => {
    const [a, b] = [rsa.sign(DRIVER).split('.'), rsa.sign({ ...DRIVER, role: 'admin' }).split('.')];
    await refused([a[0], b[1], a[2]].join('.'));
    await refused([ec.sign(DRIVER).split('.')[0], a[1], a[2]].join('.'));
    const hs = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${a[1]}`;
    await refused(`${hs}.${createHmac('sha256', '').update(hs).digest('base64url')}`);
  });
});
