import { type HistoryRow, ms, type Violation, type Watched, type WatchedMessage, type WatchedPosition } from './observed.ts';
import { plausible } from './plausible.ts';
import { quantise } from './quantise.ts';

/** F8 of every driver in history, judged here in capture order, or by `suspect` when `maxKmh` is null. */
function latestOf(history: readonly HistoryRow[], maxKmh: number | null): Map<string, WatchedPosition> {
  const latest = new Map<string, WatchedPosition>();
  for (const [driver, rows] of Map.groupBy(history, (row) => row.driver)) {
    const sorted = rows.toSorted((a, b) => ms(a.timestamp) - ms(b.timestamp) || ms(a.receivedAt) - ms(b.receivedAt));
    const fixes = sorted.map((row) => quantise({ ...row, at: ms(row.timestamp), receivedAt: ms(row.receivedAt) }));
    const verdict = maxKmh === null ? sorted.map((row) => !row.suspect) : plausible(fixes, maxKmh);
    const last = sorted[verdict.lastIndexOf(true)];
    if (last !== undefined) latest.set(driver, last);
  }
  return latest;
}

interface Shown {
  driver: string | null;
  position: WatchedPosition | null;
  /** the trip has ended: nobody is told positions any more */
  ended: boolean;
}

const ENDED = new Set(['COMPLETED', 'DELIVERED', 'CANCELLED']);

function positionOf({ lat, lng, timestamp }: WatchedMessage): WatchedPosition | null {
  return lat === undefined || lng === undefined || timestamp === undefined ? null : { lat, lng, timestamp };
}

function show(shown: Shown, message: WatchedMessage): void {
  if (message.type === 'location') {
    shown.position = positionOf(message);
    if (typeof message.driver === 'string') shown.driver = message.driver;
  } else if (message.type === 'snapshot') {
    shown.position = message.location ?? null;
    if (message.trip?.driverId !== undefined) shown.driver = message.trip.driverId;
  }
  if (message.event?.kind === 'assignment') {
    // What is shown is the former driver's until the new one reports.
    shown.driver = message.event.driverId ?? null;
    shown.position = null;
  }
  const status = message.type === 'snapshot' ? message.trip?.status : message.type === 'event' ? message.event?.status : undefined;
  if (status !== undefined) shown.ended = ENDED.has(status);
}

const tell = (position: WatchedPosition | null | undefined): string =>
  position === null || position === undefined
    ? 'nothing'
    : `${position.lat},${position.lng} of ${new Date(ms(position.timestamp)).toISOString()}`;

const same = (a: WatchedPosition, b: WatchedPosition): boolean => a.lat === b.lat && a.lng === b.lng && ms(a.timestamp) === ms(b.timestamp);

/** F8 seen by one watcher: within an epoch the marker of a driver never goes back in capture time. */
function movedBack({ watcher, messages }: Watched): Violation[] {
  const newest = new Map<string, number>();
  return messages.flatMap((message): Violation[] => {
    const position = message.type === 'location' ? positionOf(message) : null;
    if (position === null) {
      // Somebody who resumes further back sees it again from there.
      if (message.type === 'subscribe') for (const key of newest.keys()) if (key.startsWith(`${message.feed} `)) newest.delete(key);
      return [];
    }
    const key = `${message.feed} ${message.epoch} ${message.driver}`;
    const before = newest.get(key) ?? Number.NEGATIVE_INFINITY;
    newest.set(key, Math.max(before, ms(position.timestamp)));
    if (ms(position.timestamp) >= before) return [];
    const what = `${watcher}, ${message.feed}: ${tell(position)} came after ${new Date(before).toISOString()}`;
    return [{ rule: 'I3', code: 'moved-back', message: what }];
  });
}

/** The fleet feed: the last row of each driver. Who is gone is not asked for. */
function checkFleet({ watcher, messages }: Watched, latest: ReadonlyMap<string, WatchedPosition>): Violation[] {
  const shown = new Map<string, WatchedPosition>();
  for (const message of messages) {
    if (message.type !== 'positions') continue;
    if (message.full === true) shown.clear();
    for (const row of message.positions ?? []) shown.set(row.driver, row);
    for (const driver of message.gone ?? []) shown.delete(driver);
  }
  return [...shown].flatMap(([driver, position]): Violation[] => {
    const should = latest.get(driver);
    if (should !== undefined && same(should, position)) return [];
    return [
      { rule: 'I3', code: 'not-latest', message: `${watcher}, fleet: ${driver} ends at ${tell(position)}, the latest is ${tell(should)}` },
    ];
  });
}

/**
 * I3: every watcher ends on the newest plausible fix that history has. Asked of driver feeds; of trip feeds that are open and have shown
 * a position; of every driver the fleet feed still shows.
 */
export function checkLatest(history: readonly HistoryRow[], watched: readonly Watched[], maxKmh: number | null): Violation[] {
  const latest = latestOf(history, maxKmh);
  return watched.flatMap((one) => {
    const feeds = new Map<string, Shown>();
    for (const message of one.messages) {
      if (message.feed === undefined || message.feed === 'fleet') continue;
      const driver = message.feed.startsWith('driver:') ? message.feed.slice('driver:'.length) : null;
      const shown = feeds.get(message.feed) ?? { driver, position: null, ended: false };
      feeds.set(message.feed, shown);
      show(shown, message);
    }
    const violations = [...movedBack(one), ...(one.leftFeeds?.includes('fleet') ? [] : checkFleet(one, latest))];
    for (const [feed, { driver, position, ended }] of feeds) {
      const isTrip = feed.startsWith('trip:');
      if (one.leftFeeds?.includes(feed) || driver === null || (isTrip && (ended || position === null))) continue;
      const should = latest.get(driver);
      const right = should === undefined || position === null ? should === undefined && position === null : same(should, position);
      const message = `${one.watcher}, ${feed}: ends at ${tell(position)}, the latest of ${driver} is ${tell(should)}`;
      if (!right) violations.push({ rule: 'I3', code: 'not-latest', message });
    }
    return violations;
  });
}
