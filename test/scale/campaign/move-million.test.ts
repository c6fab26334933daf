import { expect, it, onTestFinished } from 'vitest';
import { DriverView, FixReceipt, TripView } from '../../../packages/protocol/src/index.ts';
import { emptyDatabase, inSource, killAmidFixes, movedHouse } from '../../support/moved-house.ts';
import { type Asked, allAnswers, quieten, SCENE_ENV } from '../../support/moved-scene.ts';
import { moveData } from '../../support/moving.ts';
import { CENTRE, ride } from '../../support/places.ts';
import { caller } from '../../support/rest.ts';
import { sameAnswers } from '../../support/same-answers.ts';
import { type ServerOptions, startProcess, type TestServer } from '../../support/server-process.ts';
import { until } from '../../support/until.ts';

const { copyOf, house } = movedHouse();
const HALF = 500_000;
const TRIPS = 1_000;
/** Each trip's driver reports so often, so many fixes at once. */
const ROUNDS = 4;
const FIXES = 250;
const AT_ONCE = 8;

async function serverForTest(options: ServerOptions): Promise<TestServer> {
  const server = await startProcess({ env: SCENE_ENV, ...options });
  onTestFinished(() => server.kill());
  return server;
}

it('of a million fixes and a thousand trips, killed half-way and continued, leaves every answer as it was [M1 M2]', {
  timeout: 900_000,
}, async () => {
  const dataDir = copyOf(house());
  const busy = await serverForTest({ dataDir });
  const more = await driveTrips(busy);
  // All have left the journal: what the move is killed amid.
  await until(
    () => inSource(dataDir, 'SELECT count(*) AS n FROM fix')[0]?.n as number,
    (n) => n >= 2 * HALF,
    120_000,
  );
  // Who falls silent later would be told of by two servers, each at a time of its own.
  const staff = caller(busy, await busy.token('admin', 'ada'));
  for (const driver of more.drivers)
    await until(
      async () => (await staff.get(`/v1/drivers/${driver}`)).as(DriverView).status,
      (status) => status === 'OFFLINE',
      180_000,
    );
  await busy.stop();
  quieten(dataDir);
  const copy = copyOf(dataDir);

  const url = await emptyDatabase();
  await killAmidFixes(dataDir, url, HALF);
  const moved = await moveData(dataDir, url);
  expect(moved, moved.err).toMatchObject({ code: 0 });

  const before = await serverForTest({ dataDir: copy });
  const after = await serverForTest({ dataDir, env: { ...SCENE_ENV, DATABASE_URL: url } });
  const answers = await sameAnswers(allAnswers(before, more), allAnswers(after, more));
  console.log(`moved: ${answers} answers are the same`);
  expect(answers).toBeGreaterThan(TRIPS * 10);
});

/** A thousand rides at once, each with its driver's thousand fixes in it; most end, some are called off, some go on. */
async function driveTrips(server: TestServer): Promise<Asked> {
  const staff = caller(server, await server.token('admin', 'ada'));
  const service = caller(server, await server.token('service', 'ship'));
  const drives = Array.from({ length: TRIPS }, (_, n) => ({ n, trip: `long-${n}`, driver: `road-${n}`, last: 0 }));
  const to = async (trip: string, ...statuses: string[]) => {
    for (const status of statuses) (await staff.post(`/v1/trips/${trip}/status`, { status })).as(TripView);
  };
  await each(drives, async (drive) => {
    (await staff.post('/v1/trips', ride({ id: drive.trip, driverId: drive.driver }))).as(TripView, 201);
    await to(drive.trip, 'EN_ROUTE');
    drive.last = Date.now();
  });
  for (let round = 0; round < ROUNDS; round++)
    await each(drives, async (drive) => {
      const step = (Date.now() - drive.last) / FIXES;
      const fixes = Array.from({ length: FIXES }, (_, i) => ({
        ...along(drive.n, round * FIXES + i),
        timestamp: drive.last + Math.floor((i + 1) * step),
        ...(i % 3 === 0 && { speed: 8.25, bearing: 359.99, accuracy: 4.5 }),
      }));
      (await service.post(`/v1/drivers/${drive.driver}/locations`, { fixes })).as(FixReceipt);
      drive.last = fixes.at(-1)?.timestamp ?? drive.last;
    });
  await each(drives, async ({ n, trip }) => {
    if (n % 10 === 0) return;
    await (n % 10 === 1 ? to(trip, 'CANCELLED') : to(trip, 'ARRIVED', 'IN_PROGRESS', 'COMPLETED'));
  });
  return { drivers: drives.map(({ driver }) => driver), trips: drives.map(({ trip }) => trip) };
}

/** Eastward, a street of its own for each driver, with a bend now and then. */
function along(driver: number, step: number) {
  return { lat: CENTRE.lat + driver * 1e-4 + (step % 40) * 1e-6, lng: CENTRE.lng + step * 4e-6 };
}

/** Some at a time, in order. */
async function each<Item>(items: readonly Item[], task: (item: Item) => Promise<void>): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of rest) await task(item);
    }),
  );
}
