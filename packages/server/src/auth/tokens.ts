import { asText, WaycastError } from '@waycast/protocol';
import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify, SignJWT } from 'jose';
import { type Identity, type Principal, principalOf, type Role } from '../hub/principal.ts';
import type { Algorithm, KeyAlgorithm } from './algorithms.ts';
import type { KeyOf } from './fetch-keys.ts';
import type { KeySource } from './jwks.ts';

const CLOCK_TOLERANCE_S = 5;
/** Tokens that were found good are remembered, these last ones and as many before. */
const REMEMBERED = 5_000;

export interface TokenOptions {
  /** For HS256, and for nothing else. The first one signs; all of them verify, so that they can be rotated. */
  readonly secrets: readonly string[];
  readonly requireExp: boolean;
  /** A token must name one of these; undefined: any or none. */
  readonly issuer: readonly string[] | undefined;
  readonly audience: readonly string[] | undefined;
  /** For RS256 and ES256, as far as they are listed. */
  readonly byKey?: { readonly algorithms: readonly KeyAlgorithm[]; readonly keys: KeySource } | undefined;
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

/** Tokens. Each algorithm has keys of its own, and only those that are configured count: a token chooses nothing [S7, J2, J3]. */
export class Tokens {
  readonly #options: TokenOptions;
  readonly #secrets: readonly Uint8Array[];
  /** What tokens say whose signature by a secret of ours was right: it stays right, and who asks often brings the same one. */
  #good = new Map<string, JWTPayload>();
  #goodBefore = new Map<string, JWTPayload>();

  constructor(options: TokenOptions) {
    this.#options = options;
    this.#secrets = options.secrets.map((secret) => new TextEncoder().encode(secret));
  }

  async sign({ sub, role, trips, drivers, labels, ttl }: NewToken): Promise<string> {
    const { issuer, audience } = this.#options;
    const claims: JWTPayload = { sub, role, ...(trips && { trips }), ...(drivers && { drivers }), ...(labels && { labels }) };
    const token = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).setIssuedAt().setExpirationTime(`${ttl}s`);
    if (issuer !== undefined) token.setIssuer(issuer[0] as string);
    if (audience !== undefined) token.setAudience(audience[0] as string);
    return token.sign(this.#secrets[0] as Uint8Array);
  }

  /** @throws WaycastError `token_expired`, `unauthenticated` or `keys_unavailable`, saying why but never the token */
  async verify(token: string): Promise<Principal> {
    return principalOf(await this.identify(token));
  }

  /**
   * What a token says, once its signature and its times hold; who its bearer is here is for the caller to decide [J1].
   * @throws WaycastError `token_expired`, `unauthenticated` or `keys_unavailable`, saying why but never the token
   */
  async identify(token: string): Promise<Identity> {
    try {
      const claims = await this.#claims(token);
      // The tolerance is for beginnings: an end counts by this clock, to the second.
      if (claims.exp !== undefined && claims.exp * 1000 <= Date.now()) throw new WaycastError('token_expired');
      return identityOf(claims);
    } catch (error) {
      throw refusal(error);
    }
  }

  async #claims(token: string): Promise<JWTPayload> {
    const known = this.#good.get(token) ?? this.#goodBefore.get(token);
    if (known !== undefined) return known;
    const { alg, kid } = decodeProtectedHeader(token);
    if (alg === 'HS256') {
      const claims = await this.#bySecrets(token);
      this.#remember(token, claims);
      return claims;
    }
    const algorithm = this.#options.byKey?.algorithms.find((one) => one === alg);
    if (algorithm === undefined || !(kid === undefined || typeof kid === 'string')) throw new errors.JWSInvalid();
    return this.#byKeys(token, algorithm, kid);
  }

  #remember(token: string, claims: JWTPayload): void {
    if (this.#good.size >= REMEMBERED) {
      this.#goodBefore = this.#good;
      this.#good = new Map();
    }
    this.#good.set(token, claims);
  }

  async #bySecrets(token: string): Promise<JWTPayload> {
    let failure: unknown;
    for (const secret of this.#secrets) {
      try {
        return (await jwtVerify(token, secret, this.#checks('HS256'))).payload;
      } catch (error) {
        failure = error;
        // Only a wrong signature may be right by another secret.
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) break;
      }
    }
    throw failure;
  }

  async #byKeys(token: string, algorithm: KeyAlgorithm, kid: string | undefined): Promise<JWTPayload> {
    const { keys } = this.#options.byKey as { keys: KeySource };
    for (let known: KeyOf = await keys.current(); ; ) {
      try {
        return await byKeySet(token, known, this.#checks(algorithm));
      } catch (error) {
        // A key not heard of yet. Where keys have no name, a signature that fits none of them is one.
        const isUnheard =
          error instanceof errors.JWKSNoMatchingKey || (kid === undefined && error instanceof errors.JWSSignatureVerificationFailed);
        const later = isUnheard ? await keys.laterThan(known) : undefined;
        if (later === undefined) throw error;
        known = later;
      }
    }
  }

  #checks(algorithm: Algorithm): JWTVerifyOptions {
    const { requireExp, issuer, audience } = this.#options;
    return {
      algorithms: [algorithm],
      clockTolerance: CLOCK_TOLERANCE_S,
      requiredClaims: requireExp ? ['exp'] : [],
      ...(issuer !== undefined && { issuer: [...issuer] }),
      ...(audience !== undefined && { audience: [...audience] }),
    };
  }
}

async function byKeySet(token: string, keys: KeyOf, checks: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, checks)).payload;
  } catch (several) {
    if (!(several instanceof errors.JWKSMultipleMatchingKeys)) throw several;
    for await (const key of several) {
      try {
        return (await jwtVerify(token, key, checks)).payload;
      } catch (error) {
        // A TypeError is about the key: one that is too weak must not hide the next one.
        if (!(error instanceof errors.JWSSignatureVerificationFailed || error instanceof TypeError)) throw error;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

function refusal(error: unknown): WaycastError {
  if (error instanceof WaycastError) return error;
  if (error instanceof errors.JWTExpired) return new WaycastError('token_expired');
  const reason = error instanceof errors.JWTClaimValidationFailed ? `claim ${error.claim}: ${error.reason}` : 'not a token of this server';
  return new WaycastError('unauthenticated', reason);
}

function identityOf(claims: JWTPayload): Identity {
  // Identity providers list roles of their own beside ours.
  const named: unknown[] = [claims.role, ...(Array.isArray(claims.roles) ? claims.roles : [])];
  const userId = text(claims.user_id);
  return {
    sub: text(claims.sub) ?? userId ?? null,
    userId: userId ?? null,
    email: typeof claims.email === 'string' ? (text(claims.email) ?? null) : null,
    roles: named.filter((name) => typeof name === 'string').map((name) => name.toLowerCase()),
    trips: scope(claims, 'trips'),
    drivers: scope(claims, 'drivers'),
    labels: scope(claims, 'labels'),
    expiresAt: claims.exp === undefined ? null : claims.exp * 1000,
  };
}

function text(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value.length > 0 && value.length <= 256 ? asText(value) : undefined;
}

/** A scope that is there but is no list of strings allows nothing: never everything. */
function scope(claims: JWTPayload, name: string): ReadonlySet<string> | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  return new Set(Array.isArray(value) ? value.filter((one) => typeof one === 'string').map(asText) : []);
}
