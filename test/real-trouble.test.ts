import { RestClient, StreamClient } from '@waycast/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareEvents, compareTrack } from './oracle/against.ts';
import { check } from './oracle/checker.ts';
import { settle } from './oracle/settle.ts';
import { type NumberedFix, realTracks, stopsOnTrack, type Track, withTrouble } from './oracle/tracks.ts';
import { truth } from './oracle/truth.ts';
import { arrivals } from './support/arrival.ts';
import { drivenJustNow } from './support/dated.ts';
import { historyOf } from './support/history.ts';
import { RawStream } from './support/raw-stream.ts';
import { recorder } from './support/recorder.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

const { source, tracks } = realTracks();
const MAX_KMH = 300;
const rules = { kind: 'ride', maxPlausibleSpeedKmh: MAX_KMH } as const;
/** F10: identities of so many stored fixes are known in memory. */
const REMEMBERED = 64;
const TRIP = { tolerance: 0.1001 };
const EVENT = { tolerance: 0.0501 };

let server: TestServer;
let rest: RestClient;
let watcher: StreamClient;

beforeAll(async () => {
  server = await startServer({ env: { LOCATION_UPDATE_RATE_LIMIT: '0', REST_RATE_LIMIT_PER_MINUTE: '1000000' } });
  rest = new RestClient({ url: server.url, token: await server.token('service') });
  watcher = new StreamClient({ url: server.url, token: await server.token('dispatcher') });
  console.log(`troubled input: ${source}`);
});

afterAll(async () => {
  watcher.close();
  await server.stop();
});

/** What the sender must be told of each number: refused because it was another fix before, and which must not be. */
function conflicts(fixes: readonly NumberedFix[]): { certain: number[]; possible: number[] } {
  const stored: number[] = [];
  const certain: number[] = [];
  const possible: number[] = [];
  const { conflicts: refused } = settle(fixes);
  fixes.forEach((fix) => {
    const place = stored.indexOf(fix.seq);
    if (place < 0) stored.push(fix.seq);
    else if (refused.some(({ seq, receivedAt }) => seq === fix.seq && receivedAt === fix.receivedAt)) {
      possible.push(fix.seq);
      if (stored.length - place <= REMEMBERED) certain.push(fix.seq);
    }
  });
  return { certain, possible };
}

interface Sent {
  readonly fixes: readonly NumberedFix[];
  readonly stops: ReturnType<typeof stopsOnTrack>;
  readonly trip: string;
  readonly driver: string;
  readonly raw: RawStream;
}

/** The track over a network that takes its time evenly: what overtakes on top of that is planted trouble. */
function evenly(track: Track): Track {
  return { ...track, fixes: track.fixes.map((fix) => ({ ...fix, receivedAt: fix.at + 250 })) };
}

/** A bad phone on a bad network, each message a live fix, in order of receipt. */
async function drive(track: Track, seed: number): Promise<Sent> {
  const driver = `bad-${seed}-${track.name}`;
  const trip = `trip-${driver}`;
  const stops = stopsOnTrack(track, 6, seed);
  const fixes = drivenJustNow(withTrouble(evenly(track), seed).fixes, Date.now());
  // `at` lies before the wrongly dated ones as well, so that what is left out is left out for being late.
  const first = Math.min(...fixes.map(({ at }) => at));
  await rest.createTrip({ id: trip, kind: 'ride', driverId: driver, stops, at: first - 1_000 });
  const raw = await RawStream.connect(server.url, await server.token('driver', driver));
  await raw.open(`phone-${seed}`);
  for (const { seq, lat, lng, at, speed, bearing, accuracy } of fixes)
    raw.send({ type: 'fix', seq, lat, lng, timestamp: at, ...given({ speed, bearing, accuracy }) });
  const last = Math.max(...fixes.map(({ seq }) => seq));
  await until(
    () => raw.stored(`phone-${seed}`),
    (stored) => stored === last,
  );
  // Acks come once a second. After `opened` everything before it is decided; the ack of a repeat then says it all.
  await raw.open(`phone-${seed}`);
  const acks = raw.all('ack').length;
  const { seq, lat, lng, at, speed, bearing, accuracy } = fixes.find((fix) => fix.seq === last) as NumberedFix;
  raw.send({ type: 'fix', seq, lat, lng, timestamp: at, ...given({ speed, bearing, accuracy }) });
  await until(
    () => raw.all('ack').length,
    (count) => count > acks,
  );
  return { fixes, stops, trip, driver, raw };
}

function given<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}

/**
 * Where the truth is defined for fixes as they arrive: history is that of everything stored, judged in capture order
 * (F12). Distance and events are those of the fixes that were not late on arrival, since F8 says that late ones change
 * nothing live; and among those the order of capture is the order of arrival, which is asserted, so that their truth
 * in capture order is what a server has to have said while they came.
 */
async function differences({ fixes, stops, trip, driver, raw }: Sent): Promise<string[]> {
  const arrived = arrivals(fixes, MAX_KMH);
  const inTime = arrived.filter(({ late, told }) => !late && told !== 'ahead').map(({ fix }) => fix);
  inTime.forEach((fix, i) => {
    expect(fix.at, 'what is in time arrives in capture order').toBeGreaterThanOrEqual(inTime[i - 1]?.at ?? 0);
  });
  const live = truth({ ...rules, fixes: inTime, stops });
  const stored = truth({ ...rules, fixes, stops: [] });
  const { distance, events } = await rest.history(trip);
  const wrong = [...compareTrack(live, { distance }, TRIP), ...compareEvents(live.events, events, { ...EVENT, inOrder: true })];
  for (const page of [5_000, 29]) {
    const inPages = compareTrack(stored, { history: await historyOf(rest, driver, page) });
    wrong.push(...inPages.map((difference) => `in pages of ${page}: ${difference}`));
  }
  const { location } = await rest.driver(driver);
  if (location === null || Date.parse(location.timestamp) !== live.latest?.at || location.lat !== live.latest.lat)
    wrong.push(`latest: expected ${JSON.stringify(live.latest)}, got ${JSON.stringify(location)}`);
  const acks = raw.all('ack');
  const told = acks.flatMap(({ suspect = [] }) => suspect).map(({ seq, reason }) => `${seq} ${reason}`);
  const tell = arrived.filter((one) => one.told !== null).map((one) => `${one.fix.seq} ${one.told}`);
  for (const one of new Set(tell).symmetricDifference(new Set(told)))
    wrong.push(`suspect ${one} was ${told.includes(one) ? 'told, and is none' : 'not told'}`);
  const rejected = acks.flatMap((ack) => ack.rejected ?? []);
  const { certain, possible } = conflicts(fixes);
  for (const { seq, code } of rejected) if (code !== 'conflict' || !possible.includes(seq)) wrong.push(`number ${seq} refused: ${code}`);
  const missing = certain.filter((seq) => !rejected.some((one) => one.seq === seq));
  const first = (seq: number) => fixes.find((fix) => fix.seq === seq);
  const how = (seq: number): string => {
    const other = fixes.findLast((fix) => fix.seq === seq);
    return other?.speed !== first(seq)?.speed ? 'other speed' : 'elsewhere or at another time';
  };
  for (const seq of missing) wrong.push(`number ${seq} again with other content (${how(seq)}) was not listed as a conflict`);
  return wrong;
}

describe(`five bad phones on the drives of ${source}`, () => {
  it('history, suspects, refusals, distance and events are as the rules say, seed by seed [F4-F9, F12, G2, T8]', async () => {
    const own = recorder('watcher of bad phones', watcher);
    const wrong: Record<string, string[]> = {};
    for (const seed of [1, 2, 3, 4]) {
      const sent = await Promise.all(
        tracks.map(async (track) => {
          own.watch(`driver:bad-${seed}-${track.name}`);
          return drive(track, seed);
        }),
      );
      for (const one of sent) {
        const found = await differences(one);
        if (found.length > 0) wrong[`seed ${seed}, ${one.driver}`] = found;
        const live = arrivals(one.fixes, MAX_KMH).filter(({ late, told }) => !late && told === null);
        await until(
          () => own.lastPosition(`driver:${one.driver}`),
          (seen) => seen !== null && Date.parse(seen.timestamp) === live.at(-1)?.fix.at,
        );
        one.raw.cut();
      }
    }
    expect(wrong).toEqual({});
    // The marker never moved back, and nothing was left out unmarked.
    const violations = check({ attempts: [], acks: [], history: [], watched: [own] }).filter(({ code }) => code !== 'not-latest');
    expect(violations).toEqual([]);
  });
});

describe('what real input showed', () => {
  const now = Date.now() - 3_600_000;
  const at = (s: number, lng: number) => ({ lat: 44.5, lng, timestamp: now + s * 1_000 });

  it('twice in one batch is stored once, however much lies between and whatever was newer [F9, F10]', async () => {
    const older = Array.from({ length: 80 }, (_, i) => at(i, 11 + i / 10_000));
    const receipt = await rest.sendFixes('twice-in-one', [at(100, 11.02), ...older, ...older]);
    expect(receipt).toMatchObject({ stored: 81, duplicates: 80 });
    expect(await historyOf(rest, 'twice-in-one')).toHaveLength(81);
  });

  it('three suspects that agree, come out of order: the newest capture stays the latest [F6, F8]', async () => {
    const driver = 'cleared-out-of-order';
    await rest.sendFixes(driver, [at(0, 11), at(10, 14), at(5, 14.001), at(7, 14.002)]);
    expect((await historyOf(rest, driver)).map(({ suspect }) => suspect)).toEqual([false, false, false, false]);
    expect((await rest.driver(driver)).location?.timestamp).toBe(new Date(now + 10_000).toISOString());
  });
});
