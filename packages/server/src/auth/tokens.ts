import { WaycastError } from '@waycast/protocol';
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import type { Principal, Role } from '../hub/principal.ts';

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

const CLOCK_TOLERANCE_S = 5;

export interface TokenOptions {
  /** The first one signs; all of them verify, so that keys can be rotated. */
  readonly secrets: readonly string[];
  readonly requireExp: boolean;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
}

export interface NewToken {
  readonly sub: string;
  readonly role: Role;
  readonly trips?: readonly string[] | undefined;
  readonly drivers?: readonly string[] | undefined;
  readonly labels?: readonly string[] | undefined;
  /** s */
  readonly ttl: number;
}

/** Tokens: HS256, the algorithm fixed here and never taken from the token [S7]. */
export class Tokens {
  readonly #options: TokenOptions;
  readonly #keys: readonly Uint8Array[];

  constructor(options: TokenOptions) {
    this.#options = options;
    this.#keys = options.secrets.map((secret) => new TextEncoder().encode(secret));
  }

  async sign({ sub, role, trips, drivers, labels, ttl }: NewToken): Promise<string> {
    const { issuer, audience } = this.#options;
    const claims: JWTPayload = { sub, role, ...(trips && { trips }), ...(drivers && { drivers }), ...(labels && { labels }) };
    const token = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).setIssuedAt().setExpirationTime(`${ttl}s`);
    if (issuer !== undefined) token.setIssuer(issuer);
    if (audience !== undefined) token.setAudience(audience);
    return token.sign(this.#keys[0] as Uint8Array);
  }

  /** @throws WaycastError `token_expired` or `unauthenticated`, saying why but never the token */
  async verify(token: string): Promise<Principal> {
    return principalOf(await this.#payload(token));
  }

  async #payload(token: string): Promise<JWTPayload> {
    const { requireExp, issuer, audience } = this.#options;
    let failure: unknown;
    for (const key of this.#keys) {
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms: ['HS256'],
          clockTolerance: CLOCK_TOLERANCE_S,
          requiredClaims: requireExp ? ['exp'] : [],
          ...(issuer !== undefined && { issuer }),
          ...(audience !== undefined && { audience }),
        });
        return payload;
      } catch (error) {
        failure = error;
        // Only a wrong signature may be right by another key.
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) break;
      }
    }
    if (failure instanceof errors.JWTExpired) throw new WaycastError('token_expired');
    const reason =
      failure instanceof errors.JWTClaimValidationFailed ? `claim ${failure.claim}: ${failure.reason}` : 'not a token of this server';
    throw new WaycastError('unauthenticated', reason);
  }
}

function principalOf(claims: JWTPayload): Principal {
  const sub = text(claims.sub) ?? text(claims.user_id);
  if (sub === undefined) throw new WaycastError('unauthenticated', 'the token names no subject (sub or user_id)');
  // Identity providers list roles of their own beside ours.
  const named: unknown[] = [claims.role, ...(Array.isArray(claims.roles) ? claims.roles : [])];
  const role = named.map((name) => (typeof name === 'string' ? roleOf(name) : undefined)).find((known) => known !== undefined);
  if (role === undefined) throw new WaycastError('unauthenticated', 'the token names no role this server knows');
  return {
    sub,
    role,
    trips: scope(claims, 'trips'),
    drivers: scope(claims, 'drivers'),
    labels: scope(claims, 'labels'),
    expiresAt: claims.exp === undefined ? null : claims.exp * 1000,
  };
}

export function roleOf(name: string): Role | undefined {
  return Object.hasOwn(ROLE_NAMES, name.toLowerCase()) ? ROLE_NAMES[name.toLowerCase()] : undefined;
}

function text(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value.length > 0 && value.length <= 256 ? value : undefined;
}

/** A scope that is there but is no list of strings allows nothing: never everything. */
function scope(claims: JWTPayload, name: string): ReadonlySet<string> | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  return new Set(Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []);
}
