import { asRole, type Identity, type Principal, type Role, roleOf } from '../../hub/principal.ts';

/** Who comes to a session. */
export interface Visitor {
  /** Whether they brought a valid token. */
  readonly isKnown: boolean;
  /** As what; null for public watchers, and for tokens of no role. */
  readonly who: Principal | null;
  /** Of the token, epoch ms; null: never. */
  readonly expiresAt: number | null;
}

export const PUBLIC: Visitor = { isKnown: false, who: null, expiresAt: null };

export function visitorOf(identity: Identity): Visitor {
  return { isKnown: true, who: identity.sub === null ? null : courierOrOther(identity), expiresAt: identity.expiresAt };
}

/**
 * Who a token stands for on the delivery paths, where `rider` is the courier, and so a driver [Y3]; of several roles the
 * first that is known counts. Null when none is.
 * @throws WaycastError `unauthenticated` when the token names no subject
 */
export function courierOrOther(identity: Identity): Principal | null {
  const role = identity.roles.map(roleHere).find((known) => known !== undefined);
  return role === undefined ? null : asRole(identity, role);
}

function roleHere(name: string): Role | undefined {
  return name === 'rider' ? 'driver' : roleOf(name);
}
