import { describe, expect, it } from 'vitest';
import { asRole, type Identity, principalOf } from './principal.ts';

function identity(more: Partial<Identity> = {}): Identity {
  const none = { trips: undefined, drivers: undefined, labels: undefined };
  return { sub: 'u-1', userId: null, email: null, roles: [], ...none, expiresAt: 7, ...more };
}

describe('who a token stands for [J1]', () => {
  it('is told by the first role that is known, with its scopes and its end', () => {
    const trips = new Set(['t']);
    const who = principalOf(identity({ roles: ['offline_access', 'rider', 'admin'], trips }));
    expect(who).toEqual({ sub: 'u-1', role: 'passenger', trips, drivers: undefined, labels: undefined, expiresAt: 7 });
  });

  it('is nobody without a role that is known, or without a subject', () => {
    for (const nobody of [identity(), identity({ roles: ['emperor', '__proto__'] }), identity({ sub: null, roles: ['admin'] })])
      expect(() => principalOf(nobody)).toThrow(expect.objectContaining({ code: 'unauthenticated' }));
  });

  it('may be told by something else than its own words, and is then nothing more', () => {
    const scopes = { trips: new Set(['t']), drivers: new Set<string>(), labels: undefined };
    expect(asRole(identity({ roles: ['admin'], ...scopes }), 'driver')).toEqual({ sub: 'u-1', role: 'driver', ...scopes, expiresAt: 7 });
    expect(asRole(identity({ email: 'd@example.com' }), 'passenger')).toMatchObject({ sub: 'u-1', role: 'passenger' });
    expect(() => asRole(identity({ sub: null }), 'driver')).toThrow(expect.objectContaining({ code: 'unauthenticated' }));
  });
});
