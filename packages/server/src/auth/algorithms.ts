import { StartupError } from '../startup-error.ts';

/** What a token may be signed with: a secret (HS256), or a key of the provider's (the others). */
export type Algorithm = 'HS256' | 'RS256' | 'ES256';
export type KeyAlgorithm = Exclude<Algorithm, 'HS256'>;

/** As configured; undefined is not configured. */
export interface AlgorithmSettings {
  readonly algorithms: readonly Algorithm[] | undefined;
  readonly jwksUrl: string | undefined;
}

/**
 * The algorithms in force [J2]: those that are listed; else HS256, and the others too once there are keys for them.
 * @throws StartupError when the list and JWT_JWKS_URL contradict each other
 */
export function algorithmsOf({ algorithms, jwksUrl }: AlgorithmSettings): readonly Algorithm[] {
  if (algorithms === undefined) return jwksUrl === undefined ? ['HS256'] : ['HS256', 'RS256', 'ES256'];
  const byKey = algorithms.filter((one) => one !== 'HS256');
  if (byKey.length > 0 && jwksUrl === undefined)
    throw new StartupError(`JWT_ALGORITHM lists ${byKey.join(' and ')}: set JWT_JWKS_URL to where the keys for it are published`);
  if (byKey.length === 0 && jwksUrl !== undefined)
    throw new StartupError('JWT_JWKS_URL is set but JWT_ALGORITHM lists HS256 alone: add RS256 or ES256, or leave JWT_ALGORITHM out');
  return algorithms;
}

/** Those of them that want a key of the provider's. */
export function keyAlgorithmsOf(settings: AlgorithmSettings): readonly KeyAlgorithm[] {
  return algorithmsOf(settings).filter((one) => one !== 'HS256');
}
