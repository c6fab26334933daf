import { Tokens } from '../../packages/server/src/auth/tokens.ts';
import type { Role } from '../../packages/server/src/hub/principal.ts';

/** A token as the service that knows the clients would hand it out; `ttl` in s. */
export type SignToken = (
  role: Role,
  sub?: string,
  more?: { trips?: string[]; drivers?: string[]; labels?: string[]; ttl?: number },
) => Promise<string>;

/** Signs by whatever secret counts when it is asked. */
export function signedBy(secret: () => string): SignToken {
  return (role, sub = role, { ttl = 3600, ...scopes } = {}) =>
    new Tokens({ secrets: [secret()], requireExp: true, issuer: undefined, audience: undefined }).sign({ sub, role, ttl, ...scopes });
}
