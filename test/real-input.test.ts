import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Publisher, RestClient, StreamClient } from '@waycast/client';
import type { StopInput } from '@waycast/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareEvents, compareTrack } from './oracle/against.ts';
import { check } from './oracle/checker.ts';
import { openJournal, readJournals } from './oracle/journal.ts';
import { realTracks, redelivered, shuffled, stopsOnTrack, type Track } from './oracle/tracks.ts';
import { type Truth, truth } from './oracle/truth.ts';
import { historiesOf, historyOf } from './support/history.ts';
import { JournalingClient } from './support/journaling-client.ts';
import { RawStream } from './support/raw-stream.ts';
import { recorder } from './support/recorder.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

const { source, tracks } = realTracks();
const rules = { kind: 'ride', maxPlausibleSpeedKmh: 300 } as const;
/** m: distances are told to a tenth, of trips and of events. */
const TRIP = { tolerance: 0.1001 };
const EVENT = { tolerance: 0.0501 };
const WINDOW = 4_096;

let server: TestServer;
let rest: RestClient;
let watcher: StreamClient;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'waycast-real-'));
  server = await startServer({ env: { LOCATION_UPDATE_RATE_LIMIT: '0', REST_RATE_LIMIT_PER_MINUTE: '1000000' } });
  rest = new RestClient({ url: server.url, token: await server.token('service') });
  watcher = new StreamClient({ url: server.url, token: await server.token('dispatcher') });
  console.log(`real input: ${source}, ${tracks.map(({ name, fixes }) => `${name} (${fixes.length} fixes)`).join(', ')}`);
});

afterAll(async () => {
  watcher.close();
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** One track driven by a driver of its own: a trip with stops on its way, and what of it must come out. */
interface Drive {
  readonly driver: string;
  readonly trip: string;
  readonly track: Track;
  readonly stops: ReturnType<typeof stopsOnTrack>;
  readonly expected: Truth;
}

async function planned(track: Track, how: string): Promise<Drive> {
  const driver = `${how}-${track.name}`;
  const trip = `trip-${driver}`;
  const stops = stopsOnTrack(track, 6);
  const first = track.fixes[0]?.at ?? 0;
  await rest.createTrip({ id: trip, kind: 'ride', driverId: driver, stops: stops satisfies StopInput[], at: first - 1_000 });
  return { driver, trip, track, stops, expected: truth({ ...rules, fixes: track.fixes, stops }) };
}

/** Everything a drive left behind against the truth. */
async function comparison({ driver, trip, expected }: Drive): Promise<string[]> {
  const { distance, events } = await rest.history(trip);
  const { points } = await rest.track(trip);
  const history = await historyOf(rest, driver);
  return [
    ...compareTrack(expected, { history, points, distance }, TRIP),
    ...compareEvents(expected.events, events, { ...EVENT, inOrder: true }),
  ];
}

/** A ride from its first status to its last, each in effect just after the last fix. */
async function finished({ trip, track, stops }: Drive): Promise<string[]> {
  const end = (track.fixes.at(-1)?.at ?? 0) + 4_000;
  for (const [i, status] of (['EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED'] as const).entries())
    await rest.setStatus(trip, { status, at: end - 3_000 + i * 1_000 });
  const { events, distance, duration } = await rest.history(trip);
  const expected = truth({ ...rules, fixes: track.fixes, stops, end });
  const wrong = compareEvents(expected.events, events, { ...EVENT, inOrder: true });
  if (duration !== 3) wrong.push(`duration: expected 3 s, got ${duration}`);
  return [...wrong, ...compareTrack(expected, { distance }, TRIP)];
}

describe.each(['live', 'backlog'] as const)(`five drives of ${source}, sent as %s, in order`, (how) => {
  const drives: Drive[] = [];
  const sent = { fix: 0, fixes: 0 };

  it('every watcher ends on the true last position [F8, O1]', async () => {
    const own = recorder(`${how} watcher`, watcher);
    const journals: string[] = [];
    await Promise.all(
      tracks.map(async (track) => {
        const drive = await planned(track, how);
        drives.push(drive);
        const { driver, trip } = drive;
        own.watch(`trip:${trip}`);
        own.watch(`driver:${driver}`);
        const path = join(folder, `${driver}.jsonl`);
        const journal = openJournal(path, driver);
        journals.push(path);
        const client = new JournalingClient({ url: server.url, token: await server.token('driver', driver) }, journal, driver);
        const options =
          how === 'live' ? { live: { interval: 0 }, window: WINDOW } : { live: { interval: 3_600, burst: 0 }, backlog: { rate: 0 } };
        const publisher = new Publisher(client, options);
        const fixes = track.fixes.map(({ at, lat, lng, speed, bearing, accuracy }) => ({
          timestamp: at,
          lat,
          lng,
          speed,
          bearing,
          accuracy,
        }));
        // Once the first is stored the stream is open, and each goes out by itself as soon as it is published.
        for (const fix of fixes.slice(0, 1)) publisher.publish(fix);
        await publisher.flush(10_000);
        for (const fix of fixes.slice(1)) publisher.publish(fix);
        await publisher.flush(30_000);
        sent.fix += client.sent.fix;
        sent.fixes += client.sent.fixes;
        client.close();
        journal.close();
        const last = drive.expected.latest;
        for (const feed of [`trip:${trip}`, `driver:${driver}`] as const)
          await until(
            () => own.lastPosition(feed),
            (seen) => seen !== null && Date.parse(seen.timestamp) === last?.at && seen.lat === last.lat && seen.lng === last.lng,
          );
      }),
    );
    const history = await historiesOf(
      rest,
      drives.map(({ driver }) => driver),
    );
    const events = (await Promise.all(drives.map(({ trip }) => rest.history(trip)))).flatMap((one) => one.events);
    expect(check({ ...readJournals(journals), history, watched: [own], events })).toEqual([]);
  });

  it('went out as it says', () => {
    const count = tracks.reduce((sum, { fixes }) => sum + fixes.length, 0);
    if (how === 'live') expect(sent).toEqual({ fix: count, fixes: 0 });
    else expect(sent).toEqual({ fix: 0, fixes: expect.toSatisfy((messages: number) => messages >= count / 200 && messages < count / 20) });
  });

  it('history, track, distance and geofence events equal the offline truth [F1, F12, T8, G1-G7]', async () => {
    expect(drives).toHaveLength(5);
    for (const drive of drives) expect(await comparison(drive), drive.driver).toEqual([]);
  });

  it('the end of the trip leaves the stops that had arrived [T3, G4]', async () => {
    for (const drive of drives) expect(await finished(drive), drive.driver).toEqual([]);
  });
});

/** Ways to send a track in the wrong order and twice. */
const WAYS: Record<string, (driver: string, track: Track) => Promise<void>> = {
  /** Numbered as they come, each message sent twice. */
  'a numbered stream in the wrong order': async (driver, track) => {
    const client = new StreamClient({ url: server.url, token: await server.token('driver', driver) });
    const publisher = new Publisher(client, { copies: 2, live: { interval: 0 }, backlog: { rate: 0 } });
    for (const { lat, lng, at } of shuffled(track.fixes, 5)) publisher.publish({ lat, lng, timestamp: at });
    await publisher.flush(30_000);
    client.close();
  },
  /** The numbers are those of the track: what overtakes must be held above the watermark. */
  'numbers that overtake each other': async (driver, track) => {
    const raw = await RawStream.connect(server.url, await server.token('service'));
    await raw.open('phone', driver);
    const numbered = track.fixes.map(({ lat, lng, at }, i) => ({ seq: i + 1, lat, lng, timestamp: at }));
    const twice = shuffled([...numbered, ...numbered], 6);
    for (let i = 0; i < twice.length; i += 100) raw.send({ type: 'fixes', driver, fixes: twice.slice(i, i + 100) });
    await until(
      () => raw.stored('phone'),
      (stored) => stored === numbered.length,
    );
    expect(raw.all('error')).toEqual([]);
    expect(raw.all('ack').flatMap(({ rejected = [] }) => rejected)).toEqual([]);
    raw.cut();
  },
  /** Without numbers, known by capture and place. */
  'REST batches': async (driver, track) => {
    const plain = track.fixes.map(({ lat, lng, at }) => ({ lat, lng, timestamp: at }));
    const twice = shuffled([...plain, ...plain], 7);
    let stored = 0;
    let duplicates = 0;
    for (let i = 0; i < twice.length; i += 250) {
      const receipt = await rest.sendFixes(driver, twice.slice(i, i + 250));
      expect(receipt.rejected).toEqual([]);
      stored += receipt.stored;
      duplicates += receipt.duplicates;
    }
    expect({ stored, duplicates }).toEqual({ stored: plain.length, duplicates: plain.length });
  },
};

describe.each(Object.keys(WAYS))(`five drives of ${source}, shuffled and doubled, by %s`, (way) => {
  it('history holds each fix exactly once, and the last position is the true one [F8, F9, F10, F12]', async () => {
    const own = recorder('watcher of the shuffled', watcher);
    await Promise.all(
      tracks.map(async (track, i) => {
        const driver = `mixed-${Object.keys(WAYS).indexOf(way)}-${i}`;
        own.watch(`driver:${driver}`);
        await WAYS[way]?.(driver, track);
        const bare = track.fixes.map(({ lat, lng, at, receivedAt }) => ({ lat, lng, at, receivedAt }));
        const expected = truth({ ...rules, fixes: redelivered(bare, Date.now()), stops: [] });
        expect(compareTrack(expected, { history: await historyOf(rest, driver) }), driver).toEqual([]);
        await until(
          () => own.lastPosition(`driver:${driver}`),
          (seen) => seen !== null && Date.parse(seen.timestamp) === expected.latest?.at,
        );
      }),
    );
    const moved = check({ attempts: [], acks: [], history: [], watched: [own] }).filter(({ code }) => code !== 'not-latest');
    expect(moved).toEqual([]);
  });
});
