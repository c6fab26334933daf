import { WaycastError } from '@waycast/protocol';

/**
 * The token in an Authorization header.
 * @throws WaycastError `unauthenticated` when it is of another scheme
 */
export function bearerOf(authorization: string): string {
  const token = /^Bearer (.+)$/i.exec(authorization)?.[1];
  if (token === undefined) throw new WaycastError('unauthenticated', 'Authorization must be Bearer');
  return token;
}
