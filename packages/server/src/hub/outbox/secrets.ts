import { randomBytes } from 'node:crypto';
import { WaycastError } from '@waycast/protocol';
import type { SigningSecret } from './ports.ts';

/** Bytes of a secret, by Standard Webhooks. */
const LEAST = 24;
const MOST = 64;
const OURS = 32;
/** So many sign at once. */
const MOST_SECRETS = 4;

export function newSecret(): string {
  return `whsec_${randomBytes(OURS).toString('base64')}`;
}

/** @throws WaycastError `bad_request` for one that no receiver would take */
export function mustBeSecret(secret: string): string {
  const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64');
  if (bytes.length < LEAST || bytes.length > MOST || `whsec_${bytes.toString('base64')}` !== secret)
    throw new WaycastError('bad_request', `secret: whsec_ and ${LEAST} to ${MOST} bytes in base64`, { field: '/secret' });
  return secret;
}

/** The new one signs from now on, those before until `until`, or until they were to end anyway. Epoch ms. */
export function rotated(secrets: readonly SigningSecret[], secret: string, now: number, until: number): SigningSecret[] {
  const before = secrets
    .map((one) => ({ secret: one.secret, until: Math.min(one.until ?? until, until) }))
    .filter((one) => one.until > now && one.secret !== secret);
  return [{ secret, until: null }, ...before].slice(0, MOST_SECRETS);
}
