import { describe, expect, it } from 'vitest';
import { readClaims } from './session.ts';

function token(claims: object): string {
  const part = (value: object) => btoa(JSON.stringify(value)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  return `${part({ alg: 'HS256' })}.${part(claims)}.signature`;
}

describe('what a token says', () => {
  it('names subject, role and end', () => {
    expect(readClaims(token({ sub: 'ops', role: 'Admin', exp: 1_800_000_000 }))).toEqual({
      sub: 'ops',
      role: 'admin',
      expiresAt: '2027-01-15T08:00:00.000Z',
    });
  });

  it('knows the other names for them', () => {
    expect(readClaims(token({ user_id: 7, roles: ['dispatcher'] }))).toEqual({ sub: '7', role: 'dispatcher', expiresAt: null });
  });

  it('is nothing when it is no token', () => {
    for (const text of ['', 'abc', 'a.b.c', 'a.b']) expect(readClaims(text)).toBeNull();
  });
});
