import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { type Got, get } from '../http-get.ts';

/** Finds the key a token was signed with, by its `kid`, the algorithm, and what the key says it is for. */
export type KeyOf = ReturnType<typeof createLocalJWKSet>;

export interface FetchedKeys {
  readonly keyOf: KeyOf;
  /** How long the provider says they hold, ms. */
  readonly maxAgeMs: number | undefined;
}

const MOST_BYTES = 262_144;
const MOST_KEYS = 100;

/**
 * Asks once for a provider's keys. Redirects are not followed.
 * @throws Error saying in a few words what was wrong; never what was sent
 */
export async function fetchKeys(url: string, timeoutMs: number, closed: AbortSignal): Promise<FetchedKeys> {
  const { status, headers, text } = await answerOf(url, timeoutMs, closed);
  if (status !== 200) throw new Error(`it answered ${status}`);
  return { keyOf: readKeys(text), maxAgeMs: maxAgeOf(headers['cache-control'] ?? '') };
}

async function answerOf(url: string, timeoutMs: number, closed: AbortSignal): Promise<Got> {
  const late = AbortSignal.timeout(timeoutMs);
  const headers = { accept: 'application/jwk-set+json, application/json' };
  try {
    return await get({ url: new URL(url), headers, most: MOST_BYTES, signal: AbortSignal.any([late, closed]) });
  } catch (cause) {
    if (late.aborted) throw new Error(`it did not answer within ${timeoutMs / 1_000} s`, { cause });
    const { code } = cause as { code?: string };
    throw code === undefined ? cause : new Error(`it cannot be reached (${code})`, { cause });
  }
}

/**
 * The keys of a JWKS document. One without any key for RS256 or ES256 is no answer but a fault of the provider's: taking
 * it at its word would refuse everybody.
 * @throws Error saying in a few words what was wrong
 */
export function readKeys(text: string): KeyOf {
  const set = parsed(text);
  const keys: unknown = set !== null && typeof set === 'object' && 'keys' in set ? set.keys : undefined;
  if (!Array.isArray(keys)) throw new Error('it sent no list of keys');
  if (keys.length > MOST_KEYS) throw new Error(`it sent more than ${MOST_KEYS} keys`);
  if (!keys.some(isPublicKey)) throw new Error('it sent no key for RS256 or ES256');
  return createLocalJWKSet(set as JSONWebKeySet);
}

/** ms of a Cache-Control's `max-age`; undefined when it says none. */
export function maxAgeOf(cacheControl: string): number | undefined {
  const seconds = /(?:^|[\s,])max-age="?(\d{1,9})\b/i.exec(cacheControl)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Without the parser's own words: they quote what was sent.
    throw new Error('it sent no JSON');
  }
}

function isPublicKey(key: unknown): boolean {
  const { kty, use, crv, d } = (key ?? {}) as Record<string, unknown>;
  return (kty === 'RSA' || (kty === 'EC' && crv === 'P-256')) && (use === undefined || use === 'sig') && d === undefined;
}
