import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { partitionOf } from '../../../packages/server/src/hub/partition.ts';
import { allHolds, lengthOf, storedHolds } from '../../support/fault-checks.ts';
import { everybodySees, everybodyStores, type FaultScene, lasting, STREAMING, seconds, underFault } from '../../support/fault-scene.ts';
import { CENTRE } from '../../support/places.ts';
import { RawStream } from '../../support/raw-stream.ts';
import { type PostgresServer, startPostgres } from '../../support/services/postgres.ts';
import { startRedis, type TestRedis } from '../../support/services/redis.ts';
import { until } from '../../support/until.ts';

/** Entries a partition's log takes, and what two processes may add before they hear that it is full [P5]. */
const CAP = 20_000;
const SLACK = 2_000;
const FLOOD = 24_000;
const IN_ONE_GO = 500;
/** Degrees in 1e-7, as they are stored. */
const POISON = 451_234_567;
const AFTER = Date.now() - 3_600_000;

let postgres: PostgresServer;
let redis: TestRedis;
let scene: FaultScene;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  scene = await underFault({ redis, database: postgres });
});
afterAll(async () => {
  await scene?.close();
  await Promise.all([redis?.stop(), postgres?.remove()]);
});

const fixAt = (seq: number, lat = CENTRE.lat + seq * 1e-5) => ({ seq, lat, lng: CENTRE.lng, timestamp: AFTER + seq * 1_000 });
const raw = async (driver: string): Promise<RawStream> => {
  const { entry } = scene.cluster;
  return RawStream.connect(entry.url, await entry.token('driver', driver));
};

/** Numbers of a driver that are in the database, in order. */
async function numbersOf(driver: string): Promise<number[]> {
  const rows = await scene.cluster.query<{ seq: string }>(
    'SELECT h.seq FROM location_history h JOIN driver d ON d.n = h.driver WHERE d.id = $1 ORDER BY h.seq',
    [driver],
  );
  return rows.map(({ seq }) => Number(seq));
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

/** Drivers of one partition. */
function neighbours(count: number, prefix: string): string[] {
  const first = `${prefix}-0`;
  const found = [first];
  for (let n = 1; found.length < count; n++) if (partitionOf(`${prefix}-${n}`) === partitionOf(first)) found.push(`${prefix}-${n}`);
  return found;
}

/** One fault after another happens to the same fleet; what must hold at rest is asked at the end. */
describe('two processes under load, and their PostgreSQL', () => {
  it('killed, and started after 3 s: live goes on meanwhile, stored stalls, then drains [A7, P2, A1]', async () => {
    await postgres.stop('SIGKILL');
    const acks = scene.load.acks;
    const live = await everybodySees(scene, STREAMING);
    await lasting(3_000);
    expect(scene.load.acks - acks).toBeLessThan(500);
    const startedAt = performance.now();
    await postgres.start();
    const up = performance.now() - startedAt;
    await everybodyStores(scene);
    const drained = performance.now() - startedAt;
    await scene.cluster.settled();
    await storedHolds(scene);
    console.log(
      `PostgreSQL killed for 3 s: live went on (every watcher saw every driver within ${seconds(live)}); it takes ${seconds(up)} to start, all drivers stored again ${seconds(drained)} after the start`,
    );
  });

  it('stopped while one partition is flooded: the log grows to its cap, then refuses by name, and drains [P5, A7]', async () => {
    const flooded = 'flooded';
    const flood = await raw(flooded);
    await flood.open('flood');
    await postgres.stop('SIGINT');
    const length = () => lengthOf(redis.client(), partitionOf(flooded));
    let most = 0;
    for (let seq = 1; seq <= FLOOD; seq++) {
      flood.send({ type: 'fix', ...fixAt(seq) });
      if (seq % IN_ONE_GO === 0) most = Math.max(most, await length());
    }
    await flood.first('error', ({ code }) => code === 'storage_unavailable', 30_000);
    await everybodySees(scene, STREAMING);
    // What waits in the process counts from the start, and is on its way.
    most = Math.max(most, await until(length, (there) => there > CAP - SLACK, 30_000));
    const refused = flood.all('error');
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['storage_unavailable']));
    expect(most).toBeLessThan(CAP + SLACK);
    for (const { url } of scene.cluster.servers) expect((await fetch(`${url}/health/ready`)).status).toBe(503);
    expect(flood.stored('flood')).toBe(0);
    const startedAt = performance.now();
    await postgres.start();
    await until(length, (left) => left < 100, 30_000);
    await everybodyStores(scene);
    const drained = performance.now() - startedAt;
    const settled = flood.closed === undefined ? flood.stored('flood') : 0;
    const numbers = await numbersOf(flooded);
    // What was refused was not stored, and everything before it was, once.
    expect(numbers).toEqual(upTo(numbers.length));
    expect(settled).toBeLessThanOrEqual(numbers.length);
    expect(numbers.length).toBeGreaterThan(CAP - SLACK);
    await scene.cluster.settled();
    await storedHolds(scene);
    console.log(
      `PostgreSQL stopped, one partition flooded: at most ${most} entries in its log, ${refused.length} refused; drained ${seconds(drained)} after the start`,
    );
    flood.cut();
  });

  // Last: a partition that is handled with care waits for PostgreSQL, live too, until 200 of its commands went well.
  it('a fix that cannot be stored is set aside after 5 tries, and all others are stored [P6, A2]', async () => {
    const { cluster } = scene;
    await cluster.query(`ALTER TABLE location_history ADD CONSTRAINT poison CHECK (lat <> ${POISON}) NOT VALID`);
    const [poisoned = '', beside = ''] = neighbours(2, 'poisoned');
    const [one, two] = [await raw(poisoned), await raw(beside)];
    await Promise.all([one.open('run'), two.open('run')]);
    const begun = performance.now();
    for (const seq of upTo(20)) {
      one.send({ type: 'fix', ...fixAt(seq, seq === 10 ? POISON / 1e7 : undefined) });
      two.send({ type: 'fix', ...fixAt(seq) });
    }
    await one.first('ack', ({ stored }) => stored === 20);
    const took = performance.now() - begun;
    await two.first('ack', ({ stored }) => stored === 20);
    const rejected = one.all('ack').flatMap((ack) => ack.rejected ?? []);
    expect(rejected).toEqual([expect.objectContaining({ seq: 10, code: 'internal' })]);
    expect(two.all('ack').flatMap((ack) => ack.rejected ?? [])).toEqual([]);
    expect(await numbersOf(poisoned)).toEqual(upTo(20).filter((seq) => seq !== 10));
    expect(await numbersOf(beside)).toEqual(upTo(20));
    const aside = await cluster.query<{ partition: number; error: string; command: { driverId: string; fixes: { seq: number }[] } }>(
      'SELECT partition, error, command FROM set_aside',
    );
    expect(aside).toMatchObject([
      { partition: partitionOf(poisoned), command: { driverId: poisoned, fixes: [{ seq: 10 }] }, error: expect.stringMatching(/poison/) },
    ]);
    await everybodyStores(scene);
    await cluster.query('ALTER TABLE location_history DROP CONSTRAINT poison');
    one.send({ type: 'fix', ...fixAt(21, POISON / 1e7) });
    await one.first('ack', ({ stored }) => stored === 21);
    expect(await numbersOf(poisoned)).toEqual(upTo(21).filter((seq) => seq !== 10));
    expect(await cluster.query('SELECT 1 FROM set_aside')).toHaveLength(1);
    await storedHolds(scene);
    console.log(`a poison fix was set aside, and what came after it stored, after ${seconds(took)}`);
    for (const stream of [one, two]) stream.cut();
  });

  it('and at rest everything holds: I1 to I4', async () => {
    console.log(`PostgreSQL: ${await allHolds(scene, { redis: redis.client(), ownersChanged: false })}`);
  });
});
