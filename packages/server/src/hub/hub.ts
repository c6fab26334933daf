import type { Rules } from '../core/rules.ts';
import { Attendance } from './attendance.ts';
import { Canary, type CanaryMeter } from './canary.ts';
import { FLEET } from './delivery.ts';
import { type Directory, OWN_REGISTRY } from './directory/directory.ts';
import { Rides } from './directory/rides.ts';
import { DriverStates } from './driver-states.ts';
import { Drivers } from './drivers.ts';
import { Engine } from './engine.ts';
import { type ErasedReport, Erasing } from './erasing.ts';
import { Fleet } from './fleet.ts';
import { homeFeed } from './home.ts';
import { Ingest } from './ingest.ts';
import { Limits, type Rate } from './limits.ts';
import type { Meter } from './meter.ts';
import { NearbyDrivers } from './nearby.ts';
import type { Outgoing } from './outbox/outgoing.ts';
import { People } from './people.ts';
import type { Bus, Clock, Hot, Log, Mirror, Ownership, Presence } from './ports.ts';
import { Post } from './post.ts';
import { Publisher } from './publisher.ts';
import { Replies } from './replies.ts';
import { Senders } from './senders.ts';
import { Sessions } from './sessions.ts';
import type { Eraser, Records, SessionLog, Store } from './storage-ports.ts';
import { Texts } from './texts.ts';
import { TrackSearch } from './track-search.ts';
import { Tracks } from './tracks.ts';
import { Trips } from './trips.ts';
import { Watchers } from './watchers.ts';
import { Watching } from './watching.ts';

/** Texts one person may write [H4]. */
const TEXT_RATE: Rate = { perSecond: 1, burst: 10 };

export interface HubParts {
  /** The number of this process among those that serve one fleet; 0 for one that is alone. */
  readonly home: number;
  readonly ownership: Ownership;
  readonly log: Log;
  readonly hot: Hot;
  readonly bus: Bus;
  readonly store: Store;
  readonly records: Records;
  readonly eraser: Eraser;
  /** Takes out of the archive what a driver has there that was received up to `before`, epoch ms; absent: there is none. */
  readonly eraseArchived?: ((driver: string, before: number) => Promise<boolean>) | undefined;
  /** A driver's data is gone everywhere. */
  readonly erased?: ((report: ErasedReport) => void) | undefined;
  readonly presence: Presence;
  readonly mirror?: Mirror | undefined;
  readonly sessions: SessionLog;
  /** Rides and bookings of other services; absent: the own registry is all there is. */
  readonly directory?: Directory;
  readonly clock: Clock;
  readonly rules: Rules;
  readonly meter: Meter;
  /** What goes out to others because of what happens here. */
  readonly outgoing: Outgoing;
  /** Live fixes and backlog fixes per driver [L1]. */
  readonly liveRate: Rate;
  readonly backlogRate: Rate;
  /** How long a caller waits for a commit, ms [A5]. */
  readonly replyTimeoutMs: number;
  readonly newEpoch: () => string;
  /** The server's own client, and how often it sends a fix, ms; null for none. */
  readonly canary: { readonly everyMs: number; readonly meter: CanaryMeter } | null;
  readonly fatal: (error: unknown) => void;
  /** It goes on, or is tried again; what to look at if it stays so. */
  readonly warn: (message: string, error: unknown) => void;
  /** Something is lost, set aside or broken: it needs somebody. */
  readonly error: (message: string, error: unknown) => void;
  readonly info: (message: string) => void;
}

/** The one place every update goes through: what surfaces talk to. */
export interface Hub {
  readonly ingest: Ingest;
  readonly trips: Trips;
  readonly texts: Texts;
  readonly rides: Rides;
  readonly sessions: Sessions;
  readonly tracks: Tracks;
  readonly trackSearch: TrackSearch;
  readonly drivers: Drivers;
  readonly erasing: Erasing;
  readonly nearby: NearbyDrivers;
  readonly watching: Watching;
  readonly senders: Senders;
  readonly attendance: Attendance;
  /** How many partitions this process owns. */
  partitions(): number;
  /** Whether fixes can be acknowledged; the reason when not. */
  ready(): { readonly ok: boolean; readonly problem: string | null; readonly isStoreOk: boolean };
  /** Stores all that is on its way, and stops. */
  close(): Promise<void>;
}

/** Puts the road together and starts it where the last owner stopped. */
export async function openHub(parts: HubParts): Promise<Hub> {
  const { home, log, hot, bus, store, records, ownership, clock, rules, warn } = parts;
  const shared = home !== 0;
  const nearby = new NearbyDrivers(clock);
  const fleet = new Fleet({ home, bus, clock, nearby, stored: () => records.fleet(), warn });
  const people = new People(bus);
  const senders = new Senders(home);
  const replies = new Replies(parts.replyTimeoutMs, home);
  const post = new Post({ home, bus, senders, replies });
  const watchers = new Watchers({
    bus,
    hot,
    clock,
    shared,
    events: (tripId) => records.events(tripId),
    doubted: () => fleet.doubt(),
    warn,
  });
  const live = new Limits(parts.liveRate, clock);
  const backlog = new Limits(parts.backlogRate, clock);
  const textLimits = new Limits(TEXT_RATE, clock);
  const publisher = new Publisher({ hot, bus, fleet, people, mirror: parts.mirror, driver: (id) => engine.resident(id) });
  const engine: Engine = new Engine({ ...parts, shared, fleet, publisher, post, lost: (partitions) => ownership.lost(partitions) });
  if (shared) {
    watchers.add(homeFeed(home), post);
    watchers.add(FLEET, fleet);
  }
  await ownership.start(engine);
  if (shared) await fleet.seed();
  const states = new DriverStates({ engine, hot, store, rules });
  const ingest = new Ingest({ log, clock, replies, live, backlog, meter: parts.meter });
  const trips = new Trips({
    log,
    store,
    records,
    clock,
    bus,
    engine,
    states,
    publisher,
    replies,
    ingest,
    rules,
    outgoing: parts.outgoing,
  });
  const directory = parts.directory ?? OWN_REGISTRY;
  const rides = new Rides({ trips, directory, clock, drivers: () => engine.drivers(), shared, warn });
  const sessions = new Sessions({ trips, ingest, records, states, clock });
  const drivers = new Drivers({ log, records, clock, states, fleet, replies, rules });
  const erasing = new Erasing({ ...parts, states, replies });
  const texts = new Texts({ trips, records, clock, limits: textLimits });
  const watching = new Watching({ hot, states, trips, fleet, watchers, clock, records });
  const canary = parts.canary && new Canary({ ...parts, ...parts.canary, replies, watching });
  const attendance = new Attendance({ presence: parts.presence, bus, watchers, clock, log: parts.sessions, shared, warn });
  return {
    ingest,
    trips,
    texts,
    rides,
    sessions,
    tracks: new Tracks({ records, rules }),
    trackSearch: new TrackSearch(records),
    drivers,
    erasing,
    nearby,
    watching,
    senders,
    attendance,
    partitions: () => engine.owned(),
    ready: () => {
      const health = store.health();
      const problem = health.ok ? log.problem() : (health.problem ?? 'the store cannot write');
      return { ok: problem === null, problem, isStoreOk: health.ok };
    },
    close: async () => {
      canary?.close();
      rides.close();
      await erasing.close();
      await attendance.close();
      // Where others send as well there is no end to it; what is not applied here they apply.
      if (!shared) await engine.drain();
      await ownership.close();
      engine.close();
      watchers.close();
      fleet.close();
      live.close();
      backlog.close();
      textLimits.close();
    },
  };
}
