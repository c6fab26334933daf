import { WaycastError } from '@waycast/protocol';
import type { Trip } from '../../core/trip.ts';
import { isDriver, isPassenger } from '../../dialects/rideshare/parties.ts';
import { asRole, type Identity, namedRole, type Principal, type Role } from '../../hub/principal.ts';

/**
 * Somebody with a token of the old ride service: it names a user and an address, and what they are follows from the
 * ride [R1].
 * @throws WaycastError `unauthenticated` when one of the two is missing
 */
export function riderOf(identity: Identity, role: Role): Principal {
  const user = oldUser(identity);
  if (user === null) throw new WaycastError('unauthenticated', 'the token must name user_id and email');
  return { ...asRole(identity, role), sub: user };
}

/**
 * Whether somebody may read a ride: its driver, a passenger whose booking holds, an admin. By an old token the part
 * follows from the ride; any other token names its role, and has no other part [R15].
 */
export function mayRead(identity: Identity, trip: Trip): boolean {
  if (isAdmin(identity)) return true;
  const user = oldUser(identity);
  if (user !== null) return isDriver(trip, user) || isPassenger(trip, user);
  const { sub } = identity;
  const role = namedRole(identity);
  return sub !== null && ((role === 'driver' && isDriver(trip, sub)) || (role === 'passenger' && isPassenger(trip, sub)));
}

export function isAdmin(identity: Identity): boolean {
  return namedRole(identity) === 'admin';
}

function oldUser({ userId, email }: Identity): string | null {
  return email === null ? null : userId;
}
