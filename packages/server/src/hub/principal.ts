import { WaycastError } from '@waycast/protocol';

/** What somebody is, by their token [S1]. */
export const ROLES = ['driver', 'passenger', 'merchant', 'dispatcher', 'admin', 'service'] as const;
export type Role = (typeof ROLES)[number];

/** Old and other names of the roles [S1]. */
const ROLE_NAMES: Readonly<Record<string, Role>> = {
  driver: 'driver',
  passenger: 'passenger',
  customer: 'passenger',
  rider: 'passenger',
  merchant: 'merchant',
  dispatcher: 'dispatcher',
  admin: 'admin',
  superadmin: 'admin',
  service: 'service',
};

interface Bounds {
  /** Scopes are undefined when the token names none. */
  readonly trips: ReadonlySet<string> | undefined;
  readonly drivers: ReadonlySet<string> | undefined;
  readonly labels: ReadonlySet<string> | undefined;
  /** Epoch ms; null for a token without an end. */
  readonly expiresAt: number | null;
}

/** Who is asking, and as what. */
export interface Principal extends Bounds {
  readonly sub: string;
  readonly role: Role;
}

/** What a verified token says, before anybody decides what its bearer is here [J1]. */
export interface Identity extends Bounds {
  /** The claim `sub`, else `user_id`. */
  readonly sub: string | null;
  /** The claim `user_id` alone: old rideshare clients must have it. */
  readonly userId: string | null;
  readonly email: string | null;
  /** As written in `role`, then in `roles`, in lower case; names this server does not know included. */
  readonly roles: readonly string[];
}

/** The role a name stands for, in any case; undefined for one that is not known. */
export function roleOf(name: string): Role | undefined {
  return Object.hasOwn(ROLE_NAMES, name.toLowerCase()) ? ROLE_NAMES[name.toLowerCase()] : undefined;
}

/** The first of the roles a token names that is known [S7]. */
export function namedRole({ roles }: Identity): Role | undefined {
  return roles.map(roleOf).find((known) => known !== undefined);
}

/**
 * Who a token stands for by its own words: the first role that is known counts [S7].
 * @throws WaycastError `unauthenticated` when it names no subject or no such role
 */
export function principalOf(identity: Identity): Principal {
  const role = namedRole(identity);
  if (role === undefined) throw new WaycastError('unauthenticated', 'the token names no role this server knows');
  return asRole(identity, role);
}

/**
 * The same person in a role that follows from something else than the token's own words: from owning a ride, say.
 * @throws WaycastError `unauthenticated` when the token names no subject
 */
export function asRole({ sub, trips, drivers, labels, expiresAt }: Identity, role: Role): Principal {
  if (sub === null) throw new WaycastError('unauthenticated', 'the token names no subject (sub or user_id)');
  return { sub, role, trips, drivers, labels, expiresAt };
}

/** Who a printed sign-in code lets in. */
export interface SignIn {
  readonly sub: string;
  readonly role: Role;
}
