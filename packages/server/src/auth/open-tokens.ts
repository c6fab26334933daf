import { keyAlgorithmsOf } from './algorithms.ts';
import { Jwks, type JwksParts } from './jwks.ts';
import { type SecretSettings, secretsOf } from './secret.ts';
import { type TokenOptions, Tokens } from './tokens.ts';

export interface TokenSettings extends SecretSettings, Pick<TokenOptions, 'requireExp' | 'issuer' | 'audience'> {}

/**
 * Tokens by the settings, and the keys they need, where they need any: to be started and closed by whoever asked.
 * @throws StartupError when no secret can be had, or the settings contradict each other
 */
export function openTokens(
  settings: TokenSettings,
  around: Omit<JwksParts, 'url' | 'timeoutMs'>,
): { tokens: Tokens; keys: Jwks | undefined } {
  const { requireExp, issuer, audience, jwksUrl } = settings;
  const algorithms = keyAlgorithmsOf(settings);
  const keys = jwksUrl === undefined ? undefined : new Jwks({ ...around, url: jwksUrl });
  const byKey = keys && { algorithms, keys };
  return { tokens: new Tokens({ secrets: secretsOf(settings), requireExp, issuer, audience, byKey }), keys };
}
