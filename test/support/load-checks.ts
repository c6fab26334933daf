import type { StreamClient } from '@waycast/client';
import { compareEvents, compareTrack } from '../oracle/against.ts';
import { check } from '../oracle/checker.ts';
import { type Ack, readJournals } from '../oracle/journal.ts';
import type { Violation } from '../oracle/observed.ts';
import { truth } from '../oracle/truth.ts';
import type { CrashLoad, LoadDriver } from './crash-load.ts';
import { historiesOf, historyOf } from './history.ts';
import { RawStream } from './raw-stream.ts';
import { type Recorder, recorder } from './recorder.ts';
import type { TestServer } from './server.ts';
import { until } from './until.ts';

export const tell = (when: string, { rule, code, message }: Violation): string => `${when}: ${rule} ${code}: ${message}`;

/** I1 while the load goes on: what was acknowledged is in history once. By whatever server is asked. */
export async function notStored(load: CrashLoad, acks: readonly Ack[], rest = load.rest): Promise<Violation[]> {
  const history = await historiesOf(
    rest,
    load.drivers.map(({ id }) => id),
  );
  // Attempts are written before they are sent: what history has is among those read after it.
  const { attempts } = readJournals(load.journals);
  return check({ attempts, acks, history, watched: [] });
}

export interface Watching extends Recorder {
  readonly feeds: number;
}

/** A few of each kind of driver, and a trip of each of those, watched over all crashes. */
export function watchSome(load: CrashLoad, client: StreamClient): Watching {
  const own = recorder('watcher', client);
  const watched = load.drivers.filter(({ id }) => /-[01]$/.test(id));
  for (const { id, trips } of watched) {
    own.watch(`driver:${id}`);
    own.watch(`trip:${trips[0]}`);
  }
  return Object.assign(own, { feeds: watched.length * 2 });
}

/** After the load: everything once more, then all the rules at rest. */
async function settled(load: CrashLoad, own: Recorder, server: TestServer): Promise<string[]> {
  const wrong: string[] = [];
  const again = await load.resendBatches();
  if (again.stored > 0) wrong.push(`F9: of everything sent again over REST ${again.stored} were stored again`);
  await Promise.all(load.drivers.filter(({ id }) => !id.startsWith('rest')).map((driver) => resendNumbers(driver, server)));
  for (const { id, published, road } of load.drivers) {
    if (!/-[01]$/.test(id)) continue;
    const last = road.fix(published - 1);
    await until(
      () => own.lastPosition(`driver:${id}`),
      (seen) => seen !== null && Date.parse(seen.timestamp) === last.at,
    );
  }
  const drivers = load.drivers.map(({ id }) => id);
  const trips = [...load.drivers.flatMap((driver) => driver.trips), ...load.shortTrips.map(({ id }) => id)];
  const histories = await Promise.all(trips.map((trip) => load.rest.history(trip)));
  const events = histories.flatMap((history) => history.events);
  const history = await historiesOf(load.rest, drivers);
  const violations = check({ ...readJournals(load.journals), history, watched: [own], events });
  return [...wrong, ...violations.map((violation) => tell('at the end', violation))];
}

/** All numbers of a stream again, as a phone that lost its memory of acknowledgements. */
async function resendNumbers({ id, road, published }: LoadDriver, server: TestServer): Promise<void> {
  const raw = await RawStream.connect(server.url, await server.token('driver', id));
  const { stored } = await raw.open(`${id}-numbers`);
  if (stored !== published) throw new Error(`A4: ${id} sent ${published}, the server opened its stream at ${stored}`);
  for (let i = 0; i < published; i += 100) {
    const count = Math.min(100, published - i);
    const fixes = Array.from({ length: count }, (_, j) => {
      const { at, ...fix } = road.fix(i + j);
      return { ...fix, seq: i + j + 1, timestamp: at };
    });
    raw.send({ type: 'fixes', fixes });
  }
  // Answered after everything before it is committed.
  await raw.open(`${id}-numbers`);
  raw.cut();
}

/** History, distance and events of a driver and its trips against the truth of its road. */
async function tripDifferences(
  load: CrashLoad,
  { id, road, trips, published }: LoadDriver,
  late: ReadonlySet<number>,
): Promise<{ wrong: string[]; events: number }> {
  const all = Array.from({ length: published }, (_, i) => ({ ...road.fix(i), receivedAt: Date.now() }));
  const fixes = all.filter(({ at }) => !late.has(at));
  const wrong: string[] = [];
  let count = 0;
  const say = (what: string) => (difference: string) => `${what}: ${difference}`;
  for (const [k, trip] of trips.entries()) {
    const expected = truth({ fixes, stops: road.stops(k), kind: 'ride', maxPlausibleSpeedKmh: 300 });
    const { events, distance } = await load.rest.history(trip);
    wrong.push(...compareEvents(expected.events, events, { tolerance: 0.0501, inOrder: true }).map(say(trip)));
    wrong.push(...compareTrack(expected, { distance }, { tolerance: 0.1001 }).map(say(trip)));
    if (k === 0) {
      const whole = truth({ fixes: all, stops: [], kind: 'ride', maxPlausibleSpeedKmh: 300 });
      wrong.push(...compareTrack(whole, { history: await historyOf(load.rest, id) }).map(say(id)));
    }
    count += expected.events.length;
  }
  return { wrong, events: count };
}

/** A6: what REST acknowledged of a short trip is in its timeline, once and in order, and it is with whom it was given to. */
async function shortTripDifferences(load: CrashLoad): Promise<string[]> {
  const found = await Promise.all(load.shortTrips.map(async (trip) => ({ trip, history: await load.rest.history(trip.id) })));
  return found.flatMap(({ trip, history }) => {
    const statuses = history.events.flatMap((event) => (event.kind === 'status' ? [event.status] : []));
    const wrong: string[] = [];
    if (statuses.join() !== trip.acknowledged.join())
      wrong.push(`${trip.id}: acknowledged ${trip.acknowledged.join()}, in its timeline ${statuses.join()}`);
    if (history.trip.driverId !== trip.driver) wrong.push(`${trip.id}: given to ${trip.driver}, is with ${history.trip.driverId}`);
    return wrong;
  });
}

const NONE: ReadonlySet<number> = new Set();

/**
 * When nothing moves any more: everything that does not hold, and how many stop events there should have been. `late`: of
 * each driver, the captures of fixes that came after newer ones, epoch ms: they change nothing but history [F8].
 */
export async function atRest(
  load: CrashLoad,
  own: Recorder,
  server: TestServer,
  late: ReadonlyMap<string, ReadonlySet<number>> = new Map(),
): Promise<{ wrong: string[]; events: number; fixes: number }> {
  const wrong = load.refusals.map((refusal) => `refused: ${refusal}`);
  wrong.push(...(await settled(load, own, server)));
  const trips = await Promise.all(load.drivers.map((driver) => tripDifferences(load, driver, late.get(driver.id) ?? NONE)));
  wrong.push(...trips.flatMap((one) => one.wrong), ...(await shortTripDifferences(load)));
  const fixes = load.drivers.reduce((sum, { published }) => sum + published, 0);
  return { wrong, fixes, events: trips.reduce((sum, one) => sum + one.events, 0) };
}
