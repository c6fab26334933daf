import { createHmac } from 'node:crypto';
import { SECRET } from './server.ts';

const coded = (part: object | string): string => Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

/** Seconds since the epoch, so many from now. */
export const inSeconds = (s: number): number => Math.floor(Date.now() / 1000) + s;

/** A token as anybody could write one: any header, any claims, any secret; `exp` an hour away unless the claims say otherwise. */
export function jwt(
  claims: object | string,
  { secret = SECRET, header = {}, hash = 'sha256' }: { secret?: string | Buffer; header?: object; hash?: string } = {},
): string {
  const payload = typeof claims === 'string' ? claims : { exp: inSeconds(3_600), ...claims };
  const signed = `${coded({ alg: 'HS256', typ: 'JWT', ...header })}.${coded(payload)}`;
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`;
}

/** The same without a signature. */
export function unsigned(claims: object, alg: string): string {
  return `${coded({ alg, typ: 'JWT' })}.${coded({ exp: inSeconds(3_600), ...claims })}.`;
}
