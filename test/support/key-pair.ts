import { generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { inSeconds } from './jwt.ts';

/** A key as an identity provider has one: the public half to publish, the other to sign with. */
export interface KeyPair {
  /** The public half, with its `kid` where it has one. */
  readonly jwk: Readonly<JsonWebKey>;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  /** A token; `exp` an hour away unless the claims say otherwise. Any header: `kid: undefined` leaves it out. */
  sign(claims: object, header?: object): string;
}

export function keyPair(alg: 'RS256' | 'ES256', kid?: string, { bits = 2_048, curve = 'P-256' } = {}): KeyPair {
  const { publicKey, privateKey } =
    alg === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: bits }) : generateKeyPairSync('ec', { namedCurve: curve });
  return {
    jwk: { ...publicKey.export({ format: 'jwk' }), ...(kid !== undefined && { kid }) },
    publicKey,
    privateKey,
    sign: (claims, header = {}) => {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const body = `${part({ alg, typ: 'JWT', kid, ...header })}.${part({ exp: inSeconds(3_600), ...claims })}`;
      return `${body}.${sign('sha256', Buffer.from(body), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    },
  };
}

/** The document a provider publishes. */
export function keySet(...keys: (KeyPair | object | null)[]): string {
  return JSON.stringify({ keys: keys.map((key) => (key !== null && 'jwk' in key ? key.jwk : key)) });
}
