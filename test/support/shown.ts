import type { Of, Peer } from './peer.ts';

type Location = NonNullable<Of<'snapshot'>['location']>;
type Trip = NonNullable<Of<'snapshot'>['trip']>;

/*
 * A process that is late to hear who watches by another one may leave out what it told meanwhile: a snapshot stands in for it
 * [P7]. Where the other process may have been slow, either will do.
 */

/** Waits until a position of the feed was shown, by a message of its own or in a snapshot; answers with whose it is. */
export function shownPosition(
  peer: Peer,
  feed: string,
  fits: (location: Location) => boolean = () => true,
): Promise<Location & { driver: string | null }> {
  return peer.wait(`position of ${feed}`, () => {
    for (const one of peer.messages) {
      if (one.type === 'location' && one.feed === feed && fits(one)) return one;
      if (one.type === 'snapshot' && one.feed === feed && one.location !== null && fits(one.location))
        return { ...one.location, driver: one.driver?.id ?? null };
    }
    return undefined;
  });
}

/** Waits until the trip was shown so, by an event or in a snapshot. */
export function shownTrip(peer: Peer, id: string, fits: (trip: Trip) => boolean): Promise<Trip> {
  return peer.wait(`trip ${id} as wanted`, () => {
    for (const one of peer.messages)
      if ((one.type === 'event' || one.type === 'snapshot') && one.feed === `trip:${id}` && one.trip && fits(one.trip)) return one.trip;
    return undefined;
  });
}
