import type { Rules } from '../core/rules.ts';
import { Drivers } from './drivers.ts';
import { Engine } from './engine.ts';
import { Fleet } from './fleet.ts';
import { Ingest } from './ingest.ts';
import { Limits, type Rate } from './limits.ts';
import type { Meter } from './meter.ts';
import type { Bus, Clock, Hot, Log, Records, Store } from './ports.ts';
import { Replies } from './replies.ts';
import { Senders } from './senders.ts';
import { Trips } from './trips.ts';
import { Watchers } from './watchers.ts';
import { Watching } from './watching.ts';

export interface HubParts {
  readonly log: Log;
  readonly hot: Hot;
  readonly bus: Bus;
  readonly store: Store;
  readonly records: Records;
  readonly clock: Clock;
  readonly rules: Rules;
  readonly meter: Meter;
  /** Live fixes and backlog fixes per driver [L1]. */
  readonly liveRate: Rate;
  readonly backlogRate: Rate;
  /** How long a caller waits for a commit, ms [A5]. */
  readonly replyTimeoutMs: number;
  readonly newEpoch: () => string;
  readonly fatal: (error: unknown) => void;
  readonly warn: (message: string, error: unknown) => void;
}

/** The one place every update goes through: what surfaces talk to. */
export interface Hub {
  readonly ingest: Ingest;
  readonly trips: Trips;
  readonly drivers: Drivers;
  readonly watching: Watching;
  readonly senders: Senders;
  /** Whether fixes can be acknowledged; the reason when not. */
  ready(): { readonly ok: boolean; readonly problem: string | null };
  /** Stores all that is on its way, and stops. */
  close(): Promise<void>;
}

/** Puts the road together and starts it where the last owner stopped. */
export async function openHub(parts: HubParts): Promise<Hub> {
  const { log, hot, bus, store, records, clock, rules } = parts;
  const fleet = new Fleet({ hot, bus, clock });
  const senders = new Senders();
  const replies = new Replies(parts.replyTimeoutMs);
  const watchers = new Watchers(bus, hot);
  const live = new Limits(parts.liveRate, clock);
  const backlog = new Limits(parts.backlogRate, clock);
  const engine = new Engine({ ...parts, fleet, senders, replies });
  await engine.start();
  const ingest = new Ingest({ log, clock, replies, live, backlog, meter: parts.meter });
  const trips = new Trips({ log, store, records, clock, bus, hot, engine, fleet, replies, ingest, rules });
  const drivers = new Drivers({ log, records, clock, engine, fleet, replies, rules });
  const watching = new Watching({ hot, engine, trips, fleet, watchers, clock });
  return {
    ingest,
    trips,
    drivers,
    watching,
    senders,
    ready: () => {
      const health = store.health();
      if (!health.ok) return { ok: false, problem: health.problem };
      return log.isFull() ? { ok: false, problem: 'too many commands wait to be stored' } : { ok: true, problem: null };
    },
    close: async () => {
      await engine.close();
      fleet.close();
      live.close();
      backlog.close();
    },
  };
}
