import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxAgeOf, readKeys } from './fetch-keys.ts';

const EC = { kty: 'EC', crv: 'P-256', kid: 'a', x: 'x', y: 'y' };
const RSA = { kty: 'RSA', kid: 'b', n: 'n', e: 'AQAB' };

describe('a document of keys [J7]', () => {
  it.each([[[EC]], [[RSA]], [[RSA, EC]], [[{ kty: 'oct', k: 'x' }, RSA]], [[{ kty: 'unheard' }, EC]]])('%j will do', (keys) => {
    expect(readKeys(JSON.stringify({ keys, more: 1 }))).toBeInstanceOf(Function);
  });

  it.each([
    ['no JSON', '<html>hunter2</html>', /^it sent no JSON$/],
    ['nothing', '', /no JSON/],
    ['null', 'null', /no list of keys/],
    ['a list', '[]', /no list of keys/],
    ['no keys', '{}', /no list of keys/],
    ['keys that are no list', '{"keys":{"0":1,"length":1}}', /no list of keys/],
    ['an empty list', '{"keys":[]}', /no key for RS256 or ES256/],
    ['secrets alone', '{"keys":[{"kty":"oct","k":"x"}]}', /no key for RS256 or ES256/],
    ['keys for encryption alone', JSON.stringify({ keys: [{ ...RSA, use: 'enc' }] }), /no key for RS256 or ES256/],
    ['private keys alone', JSON.stringify({ keys: [{ ...RSA, d: 'x' }] }), /no key for RS256 or ES256/],
    ['another curve alone', JSON.stringify({ keys: [{ ...EC, crv: 'P-521' }] }), /no key for RS256 or ES256/],
    ['more than anybody has', JSON.stringify({ keys: Array.from({ length: 101 }, () => RSA) }), /more than 100 keys/],
    ['what is no key among them', JSON.stringify({ keys: [RSA, null] }), /./],
  ])('of %s will not', (_, text, problem) => {
    expect(() => readKeys(text)).toThrow(problem);
  });

  it('of anything at all is taken or refused by an Error, and never changes what objects are', () => {
    const key = fc.dictionary(fc.constantFrom('kty', 'crv', 'use', 'alg', 'key_ops', 'kid', '__proto__', 'constructor'), fc.jsonValue());
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.array(fc.oneof(key, fc.jsonValue())).map((keys) => JSON.stringify({ keys })),
        ),
        (text) => {
          try {
            expect(readKeys(text)).toBeInstanceOf(Function);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
            expect((error as Error).message.length).toBeLessThan(80);
          }
          expect(({} as { kty?: unknown }).kty).toBeUndefined();
        },
      ),
    );
  });
});

describe('how long a provider says they hold [J5]', () => {
  it.each<[string, number | undefined]>([
    ['max-age=300', 300_000],
    ['public, max-age=300, must-revalidate', 300_000],
    ['MAX-AGE="60"', 60_000],
    ['max-age=0', 0],
    ['s-maxage=5', undefined],
    ['s-maxage=5,max-age=7', 7_000],
    ['no-cache', undefined],
    ['max-age=-5', undefined],
    ['max-age=1e9', undefined],
    ['max-age=99999999999999', undefined],
    ['max-age=', undefined],
    ['', undefined],
  ])('%j: %s ms', (said, ms) => {
    expect(maxAgeOf(said)).toBe(ms);
  });
});
