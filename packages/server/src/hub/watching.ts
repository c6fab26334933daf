import { isId, WaycastError } from '@waycast/protocol';
import { isCanary } from '../core/canary.ts';
import type { SeenDriver } from '../core/driver.ts';
import { etasOf } from '../core/eta.ts';
import { isEarlierLife } from '../core/life.ts';
import { isParty } from '../core/trip.ts';
import { mayFollowPerson, mayReadDriver, mustFollowFleet } from './access.ts';
import { type Delivery, FLEET, type Snapshot, type Sought } from './delivery.ts';
import type { DriverStates } from './driver-states.ts';
import type { Fleet } from './fleet.ts';
import type { FoundTrip } from './found-trips.ts';
import { isNobodys, UNSEEN } from './kept.ts';
import { PERSON_FEEDS, type PersonFeed } from './people.ts';
import type { Clock, FeedPosition, Hot } from './ports.ts';
import type { Principal } from './principal.ts';
import { isCounted, isUnseen } from './sequence.ts';
import type { Records } from './storage-ports.ts';
import type { Trips } from './trips.ts';
import type { Watcher, Watchers } from './watchers.ts';

export interface WatchingParts {
  readonly hot: Hot;
  readonly states: DriverStates;
  readonly trips: Trips;
  readonly fleet: Fleet;
  readonly watchers: Watchers;
  readonly clock: Clock;
  readonly records: Records;
}

/** Messages that one process may have told its watchers and no other; a position further ahead is nonsense. */
const MOST_AHEAD = 300;
/** Of a person, followed at once. */
const MOST_TRIPS = 500;

/** Lets somebody watch a feed: may they, and where do they start? */
export class Watching {
  readonly #parts: WatchingParts;

  constructor(parts: WatchingParts) {
    this.#parts = parts;
    parts.watchers.lookBy((feed, sought) => this.#lookUp(feed, sought));
  }

  /**
   * From the moment `begin` is called, with what the watcher missed or with a snapshot, everything published on the
   * feed follows without a gap [O2].
   * @throws WaycastError `not_found`, also when it is not for them [S6]
   */
  async subscribe(
    who: Principal,
    feed: string,
    since: FeedPosition | null,
    watcher: Watcher,
    begin: (resumed: boolean, first: readonly Delivery[]) => void,
  ): Promise<void> {
    const { watchers, fleet, clock } = this.#parts;
    const colon = feed.indexOf(':');
    const [kind, id] = colon < 0 ? [feed, ''] : [feed.slice(0, colon), feed.slice(colon + 1)];
    if (kind === FLEET) {
      mustFollowFleet(who);
      watchers.add(feed, watcher);
      begin(false, [fleet.full()]);
      return;
    }
    if (kind !== 'trip' && (!isId(id) || !mayReadDriver(who, id))) throw new WaycastError('not_found', 'no such driver');
    // First it listens, then it is looked where the feed stands: what comes in between waits.
    const giveUp = watchers.await(feed, watcher, true);
    try {
      await watchers.ready(feed);
      const sought = { told: since === null ? watchers.told(feed) : [...watchers.told(feed), since.epoch], orStored: true };
      const snapshot =
        kind === 'trip'
          ? tripSnapshot(feed, await this.#parts.trips.find(who, id, sought), clock.now())
          : await this.#driverSnapshot(feed, id, sought);
      await this.#begin(feed, since, snapshot, watcher, begin);
    } catch (error) {
      giveUp();
      throw error;
    }
  }

  /**
   * Lets somebody watch a trip from its snapshot on; who may has been settled, and is settled anew by the watcher as the
   * trip changes. Answers false when there is no such trip.
   */
  async followTrip(id: string, watcher: Watcher, begin: (snapshot: Snapshot) => void): Promise<boolean> {
    const { watchers } = this.#parts;
    const feed = `trip:${id}`;
    // Nobody comes back to it with a number: nothing need be held for that.
    watchers.await(feed, watcher, false);
    try {
      await watchers.ready(feed);
      const snapshot = await this.#snapshotOf(feed, { told: watchers.told(feed), orStored: true });
      if (snapshot !== null && watchers.begin(feed, watcher, snapshot, () => begin(snapshot), snapshot)) return true;
    } catch (error) {
      watchers.remove(feed, watcher);
      throw error;
    }
    watchers.remove(feed, watcher);
    return false;
  }

  /**
   * Lets somebody follow a person; answers the open trips of that person, each of which has a feed of its own. Later ones
   * are told as they come.
   * @throws WaycastError `not_found`, also when it is not for them [S6]
   */
  async followPerson(who: Principal, feed: string, watcher: Watcher): Promise<readonly string[]> {
    const kind = PERSON_FEEDS.find((one) => feed.startsWith(`${one}:`));
    const id = feed.slice(feed.indexOf(':') + 1);
    if (kind === undefined || !mayFollowPerson(who, kind, id)) throw new WaycastError('not_found', 'no such feed');
    const { watchers } = this.#parts;
    // First watched, then read: a trip that comes in between is told twice rather than not at all.
    const giveUp = watchers.add(feed, watcher);
    try {
      await watchers.ready(feed);
      watchers.lookAgain(feed);
      return await this.#tripsOf(kind, id);
    } catch (error) {
      giveUp();
      throw error;
    }
  }

  unsubscribe(feed: string, watcher: Watcher): void {
    this.#parts.watchers.remove(feed, watcher);
  }

  async #begin(
    feed: string,
    since: FeedPosition | null,
    snapshot: Snapshot,
    watcher: Watcher,
    begin: (resumed: boolean, first: readonly Delivery[]) => void,
  ): Promise<void> {
    const { watchers, hot } = this.#parts;
    const isCurrent = since !== null && isThere(since, snapshot);
    const missed = since === null ? null : isCurrent ? [] : await hot.since(feed, since.epoch, since.seq);
    // A snapshot of what is stored would be older than what it was told.
    if (since !== null && missed === null && isUnseen(snapshot) && isCounted(since.epoch)) {
      watchers.begin(feed, watcher, since, () => begin(true, []), UNSEEN);
      return;
    }
    if (since === null || missed === null) {
      watchers.begin(feed, watcher, snapshot, () => begin(false, [snapshot]), snapshot);
      return;
    }
    const from = missed.at(-1) ?? since;
    // What it has more than anybody here knows of is for nobody else to go by.
    watchers.begin(feed, watcher, from, () => begin(true, missed), isCurrent ? snapshot : null);
  }

  /** What somebody has to be told who may have missed something of a feed; nothing for feeds of other kinds. */
  async #lookUp(feed: string, sought: Sought): Promise<readonly Delivery[]> {
    const [kind, id] = [feed.slice(0, feed.indexOf(':')), feed.slice(feed.indexOf(':') + 1)];
    const person = PERSON_FEEDS.find((one) => one === kind);
    if (person !== undefined) return (await this.#tripsOf(person, id)).map((tripId) => ({ type: 'person', feed, tripId }));
    if (kind === 'driver') return [await this.#driverSnapshot(feed, id, sought)];
    if (kind === 'trip') return [(await this.#snapshotOf(feed, sought)) ?? { type: 'removed', feed }];
    return [];
  }

  /** The open trips of a person. */
  async #tripsOf(kind: PersonFeed, id: string): Promise<readonly string[]> {
    const theirs = { party: { partyId: id }, jobs: { driverId: id }, label: { label: id } }[kind];
    const page = await this.#parts.records.trips({ ...theirs, open: true }, MOST_TRIPS, null);
    // The store may still find it by a booking that counted once.
    return page.items.filter((trip) => kind !== 'party' || isParty(trip, id)).map((trip) => trip.id);
  }

  /** Where a trip's feed stands, whoever asks; null when there is no such trip. */
  async #snapshotOf(feed: string, sought: Sought): Promise<Snapshot | null> {
    const id = feed.slice('trip:'.length);
    const found = isCanary(id) ? await this.#parts.trips.canary(id, sought) : await this.#parts.trips.look(id, sought);
    return found === null ? null : tripSnapshot(feed, found, this.#parts.clock.now());
  }

  async #driverSnapshot(feed: string, id: string, { told, orStored }: Sought): Promise<Snapshot> {
    const { states } = this.#parts;
    const isPast = ({ epoch }: SeenDriver) => told.some((one) => isEarlierLife(epoch, one));
    const seen = await states.see(id, isPast);
    const unseen = seen === 'unseen';
    const driver = typeof seen === 'object' ? seen : unseen && !orStored ? null : ((await states.stored(id, seen)) ?? null);
    const { epoch, seq } = driver ?? { epoch: unseen ? UNSEEN : 'stored', seq: 0 };
    const at = { epoch, seq };
    return { type: 'snapshot', feed, ...at, trip: null, driver, location: driver?.latest ?? null, etas: [] };
  }
}

/**
 * Whether it has all there is. It may even have more than is known here: what its process told it and, dying or asleep,
 * told nobody else; a snapshot would take it back [O2].
 */
function isThere(since: FeedPosition, { epoch, seq }: Snapshot): boolean {
  return !isNobodys(epoch) && since.epoch === epoch && since.seq >= seq && since.seq - seq <= MOST_AHEAD;
}

function tripSnapshot(feed: string, { trip, active, driver, unseen }: FoundTrip, now: number): Snapshot {
  if (active === null || driver === null) {
    const epoch = unseen ? UNSEEN : `stored.${trip.revision}`;
    return { type: 'snapshot', feed, epoch, seq: 0, trip, driver: null, location: null, etas: [] };
  }
  const { latest } = driver;
  const remaining = latest === null ? [] : etasOf(active.plan, latest, now);
  return { type: 'snapshot', feed, epoch: active.epoch, seq: active.seq, trip, driver, location: latest, etas: remaining };
}
