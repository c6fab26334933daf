import { describe, expect, it } from 'vitest';
import { StartupError } from '../startup-error.ts';
import { type Algorithm, algorithmsOf, keyAlgorithmsOf } from './algorithms.ts';

const URL = 'https://id.example/keys';

describe('the algorithms in force [J2]', () => {
  it.each<[Algorithm[] | undefined, string | undefined, Algorithm[]]>([
    [undefined, undefined, ['HS256']],
    [undefined, URL, ['HS256', 'RS256', 'ES256']],
    [['HS256'], undefined, ['HS256']],
    [['RS256'], URL, ['RS256']],
    [['ES256', 'HS256'], URL, ['ES256', 'HS256']],
  ])('of JWT_ALGORITHM %s and JWT_JWKS_URL %s are %s', (algorithms, jwksUrl, inForce) => {
    expect(algorithmsOf({ algorithms, jwksUrl })).toEqual(inForce);
    expect(keyAlgorithmsOf({ algorithms, jwksUrl })).toEqual(inForce.filter((one) => one !== 'HS256'));
  });

  it.each<[Algorithm[], string | undefined, RegExp]>([
    [['RS256'], undefined, /JWT_ALGORITHM.*RS256.*JWT_JWKS_URL/],
    [['HS256', 'RS256', 'ES256'], undefined, /JWT_ALGORITHM.*RS256 and ES256.*JWT_JWKS_URL/],
    [['HS256'], URL, /JWT_JWKS_URL.*JWT_ALGORITHM/],
  ])('of JWT_ALGORITHM %s and JWT_JWKS_URL %s are none: no start, and both are named', (algorithms, jwksUrl, named) => {
    expect(() => algorithmsOf({ algorithms, jwksUrl })).toThrow(named);
    expect(() => algorithmsOf({ algorithms, jwksUrl })).toThrow(StartupError);
  });
});
