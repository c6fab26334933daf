import { checkEvents, type RecordedEvent } from './check-events.ts';
import { checkFeeds } from './check-feeds.ts';
import { checkLatest } from './check-latest.ts';
import { checkStored } from './check-stored.ts';
import type { Ack, Attempt } from './journal.ts';
import type { HistoryRow, Violation, Watched } from './observed.ts';

export type { RecordedEvent } from './check-events.ts';
export type { Ack, Attempt } from './journal.ts';
export type { HistoryRow, Violation, Watched, WatchedMessage } from './observed.ts';

export interface CheckInput {
  /** of all producers, see journal.ts */
  readonly attempts: readonly Attempt[];
  readonly acks: readonly Ack[];
  /** all of `GET /v1/drivers/{id}/locations` of every driver in `attempts`, as served, with the driver's id */
  readonly history: readonly HistoryRow[];
  /** what every watcher received, after everything has come to rest */
  readonly watched: readonly Watched[];
  /** `events` of every `GET /v1/trips/{id}/history`, and whatever else records events */
  readonly events?: readonly RecordedEvent[];
  /** as configured, 300 when absent: I3 judges history itself; null: it believes history's `suspect` */
  readonly maxPlausibleSpeedKmh?: number | null;
}

/** I1-I3 of reliability.md and "events once", from outside; [] when all holds. */
export function check({ attempts, acks, history, watched, events = [], maxPlausibleSpeedKmh = 300 }: CheckInput): Violation[] {
  return [
    ...checkStored(attempts, acks, history),
    ...checkFeeds(watched),
    ...checkLatest(history, watched, maxPlausibleSpeedKmh),
    ...checkEvents(events, watched),
  ];
}
