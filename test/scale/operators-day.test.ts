import { execFile } from 'node:child_process';
import { chownSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { RestClient } from '@waycast/client';
import { afterEach, expect, it, onTestFinished } from 'vitest';
import { postgresOwner, postgresProgram } from '../../tools/services/postgres.ts';
import { type Ack, readJournals } from '../oracle/journal.ts';
import { Day } from '../support/day.ts';
import { doctor } from '../support/doctor.ts';
import { allHolds, everybodyEnds } from '../support/fault-checks.ts';
import { ENV, everybodySees, feedsOf, type LoadScene, STREAMING, underFault, underLoad } from '../support/fault-scene.ts';
import { historyOf } from '../support/history.ts';
import { atRest, notStored, tell } from '../support/load-checks.ts';
import { OLD_ALL, OLD_DRIVER, OLD_ROWS, seedDatabase, seedFolder } from '../support/old-history.ts';
import { stablePort } from '../support/port.ts';
import { SECRET, startProcess, type TestServer, tempDir } from '../support/server-process.ts';
import { asDatabase } from '../support/services/as-database.ts';
import { startPostgres, withDatabase } from '../support/services/postgres.ts';
import { startRedis } from '../support/services/redis.ts';
import { smallDisk } from '../support/small-disk.ts';
import { signedBy } from '../support/token-keys.ts';
import { until } from '../support/until.ts';
import { waycast } from '../support/waycast.ts';

const ALL_DAY = { timeout: 600_000 };
const NEW_SECRET = 'another-secret-the-tests-turn-to-later';
/** ms between two beats: each of the 20 drivers has some 3 fixes a second. */
const PACE = 300;
const WATCHERS = 4;
/** So long nothing can be stored while a disk is full, ms. */
const FULL_MS = 10_000;
/** Refusals after which every client has been refused. */
const MANY = 100;
/** A process that reads the archive does so in a thread that has a heap of its own. */
const MOST_MB = 600;
/** By design the run waits a minute for other processes to hear of the archive, ms. */
const ARCHIVED_WITHIN_MS = 150_000;
const run = promisify(execFile);

let running: TestServer[] = [];
afterEach(async () => {
  await Promise.all(running.map((server) => server.kill()));
  running = [];
});

async function serve(...options: Parameters<typeof startProcess>): Promise<TestServer> {
  const server = await startProcess(...options);
  running.push(server);
  return server;
}

const restOf = ({ url, token }: TestServer): RestClient => new RestClient({ url, token: () => token('admin') });

/** How it is answered to who comes with a token by this secret. */
async function answerTo(secret: string, { url }: TestServer): Promise<number> {
  const headers = { authorization: `Bearer ${await signedBy(() => secret)('dispatcher')}` };
  const answer = await fetch(`${url}/v1/trips`, { headers });
  // Read to its end: fetch does not survive a server that goes away amid a large one (nodejs/undici#5360).
  await answer.arrayBuffer();
  return answer.status;
}

/** How many were refused for this since it started. */
async function refusedAs(code: string, { url }: TestServer): Promise<number> {
  const headers = { authorization: `Bearer ${await signedBy(() => NEW_SECRET)('admin')}` };
  const metrics = await (await fetch(`${url}/metrics`, { headers })).text();
  return Number(new RegExp(`^waycast_refusals_total\\{code="${code}"\\} (\\d+)$`, 'm').exec(metrics)?.[1] ?? 0);
}

/** The backup, put back, is a server that has all this and goes on from there. */
async function hasAll(server: TestServer, { load }: LoadScene, acks: readonly Ack[]): Promise<void> {
  const rest = restOf(server);
  expect((await notStored(load, acks, rest)).map((one) => tell('restored', one))).toEqual([]);
  expect(await historyOf(rest, OLD_DRIVER)).toHaveLength(OLD_ROWS + 300);
  for (const driver of ['live-0', 'nobody-yet']) expect(await rest.sendFixes(driver, [{ lat: 1, lng: 2 }])).toMatchObject({ stored: 1 });
}

async function nothingFailed(args: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const report = await doctor(args, env);
  expect(report.those('failed'), report.out).toEqual([]);
}

it(
  'an embedded server survives an operator’s day: nothing stored is lost, clients come back by themselves [A1, A6, A7, S7, I1, I4, Z1, Z2]',
  ALL_DAY,
  async () => {
    const home = tempDir();
    onTestFinished(() => rmSync(home, { recursive: true, force: true }));
    const disk = smallDisk(256);
    onTestFinished(() => disk.remove());
    const dataDir = disk.path;
    const [archive, backup, restored] = ['archive', 'backup', 'restored'].map((name) => join(home, name)) as [string, string, string];
    mkdirSync(archive);
    await seedFolder(dataDir);
    let secret = SECRET;
    const env: Record<string, string> = { ...ENV, JWT_SECRET_KEY: secret };
    const start = { dataDir, port: await stablePort(), env, token: signedBy(() => secret) };
    let server = await serve(start);
    const entry = server;
    const scene = await underLoad(entry, WATCHERS, Date.now() % 1_000_000, PACE);
    onTestFinished(() => scene.close());
    const again = async () => {
      server = await serve(start);
    };
    const restart = async () => {
      expect(await server.stop()).toEqual({ code: 0 });
      await again();
    };
    const day = new Day(scene);
    const before = await historyOf(restOf(entry), OLD_DRIVER);
    let backedUp: readonly Ack[] = [];

    await day.step('backup', async () => {
      backedUp = readJournals(scene.load.journals).acks;
      expect(await waycast(['backup', backup, '--data-dir', dataDir])).toMatchObject({ code: 0, err: '' });
    });
    await day.step('key rotation: new and old', async () => {
      env.JWT_SECRET_KEY = `${NEW_SECRET},${SECRET}`;
      await restart();
      for (const one of [SECRET, NEW_SECRET]) expect(await answerTo(one, entry)).toBe(200);
    });
    await day.step('key rotation: new alone, clients get tokens of it only later', async () => {
      env.JWT_SECRET_KEY = NEW_SECRET;
      await restart();
      for (const [one, answer] of [
        [SECRET, 401],
        [NEW_SECRET, 200],
      ] as const)
        expect(await answerTo(one, entry)).toBe(answer);
      await until(
        () => refusedAs('unauthenticated', entry),
        (refusals) => refusals > MANY,
      );
      secret = NEW_SECRET;
    });
    await day.step('upgrade: stopped and started', async () => {
      env.ARCHIVE_URL = pathToFileURL(archive).href;
      await restart();
    });
    await day.step('retention run', async () => {
      const done = await waycast(['archive', '--data-dir', dataDir, '--url', entry.url, '--json'], env);
      expect({ ...done, report: JSON.parse(done.out || 'null') }).toMatchObject({ code: 0, report: { days: 2, dropped: OLD_ALL } });
      expect(await historyOf(restOf(entry), OLD_DRIVER)).toEqual(before);
    });
    await day.step('killed and started', async () => {
      await server.kill();
      await again();
    });
    await day.step(`disk full (${disk.how})`, async () => {
      disk.fill(server.pid);
      await standsStill(scene, [entry]);
      disk.free(server.pid);
      await until(
        async () => (await fetch(`${entry.url}/health/ready`)).status,
        (status) => status === 200,
      );
    });
    await day.step('disk full again, killed meanwhile, started with room', async () => {
      disk.fill(server.pid);
      await standsStill(scene, [entry]);
      await server.kill();
      disk.free(server.pid);
      await again();
    });
    await day.step('doctor', () => nothingFailed(['--data-dir', dataDir, '--port', String(entry.port)], env));

    await scene.load.finish();
    await everybodyEnds(scene);
    const [first] = scene.watchers;
    if (first === undefined) throw new Error('nobody watches');
    const { wrong, fixes, events } = await atRest(scene.load, Object.assign(first, { feeds: feedsOf(scene.load).length }), entry);
    expect(wrong).toEqual([]);
    expect(events).toBeGreaterThan(0);
    const restoring = performance.now();
    expect(await waycast(['restore', backup, '--data-dir', restored])).toMatchObject({ code: 0, err: '' });
    await hasAll(await serve({ dataDir: restored, env: ENV }), scene, backedUp);
    console.log(
      `embedded: ${fixes} fixes and ${events} stop events, each once; restored in ${Math.round(performance.now() - restoring)} ms`,
    );
    console.log(day.table());
  },
);

/** Resolves when nothing has been stored for long: what is driven is seen all the same, and these say what is wrong. */
async function standsStill(scene: LoadScene, servers: readonly TestServer[]): Promise<void> {
  let [since, last] = [performance.now(), ''];
  await until(
    () => {
      const stored = scene.load.drivers.map((driver) => driver.stored()).join();
      if (stored !== last) [since, last] = [performance.now(), stored];
      return performance.now() - since;
    },
    (still) => still >= FULL_MS,
    90_000,
  );
  await everybodySees(scene, STREAMING);
  for (const { url } of servers)
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'degraded', database: 'stalled' });
}

it(
  'two processes survive an operator’s day: nothing stored is lost, clients come back by themselves [A1, A6, A7, P4, S7, I4, I6, Z4]',
  ALL_DAY,
  async () => {
    const home = tempDir();
    onTestFinished(() => rmSync(home, { recursive: true, force: true }));
    const disk = smallDisk(256);
    onTestFinished(() => disk.remove());
    const [archive, dump] = [join(home, 'archive'), join(home, 'day.dump')];
    mkdirSync(archive);
    const [postgres, redis, freshRedis] = await Promise.all([startPostgres(), startRedis({ aof: true }), startRedis()]);
    onTestFinished(async () => {
      await Promise.all([postgres.remove(), redis.stop(), freshRedis.stop()]);
    });
    const space = join(disk.path, 'space');
    mkdirSync(space);
    const owner = postgresOwner();
    if (owner !== null) chownSync(space, owner.uid, owner.gid);
    await asDatabase(postgres.url, `CREATE TABLESPACE small LOCATION '${space}'`);
    await asDatabase(postgres.url, 'CREATE DATABASE day TABLESPACE small');
    await asDatabase(postgres.url, 'CREATE DATABASE restored');
    const database = { url: withDatabase(postgres.url, 'day') };
    await seedDatabase(database.url);
    let secret = SECRET;
    const scene = await underFault({ redis, database, watchers: WATCHERS, pace: PACE, token: signedBy(() => secret) });
    onTestFinished(() => scene.close());
    const { cluster, load } = scene;
    const { entry } = cluster;
    const env: Record<string, string> = { JWT_SECRET_KEY: secret };
    const living = [...cluster.servers];
    const joinIn = async () => {
      living.push(await cluster.join(env));
      await cluster.settled();
    };
    const rolling = async () => {
      for (let turn = 0; turn < 2; turn++) {
        expect(await living.shift()?.stop()).toEqual({ code: 0 });
        await cluster.settled();
        await joinIn();
      }
    };
    const day = new Day(scene);
    const before = await historyOf(restOf(entry), OLD_DRIVER);
    let backedUp: readonly Ack[] = [];

    await day.step('backup: pg_dump', async () => {
      backedUp = readJournals(load.journals).acks;
      await run(postgresProgram('pg_dump'), ['-Fc', '-f', dump, database.url]);
    });
    await day.step('restored beside it: pg_restore', async () => {
      const url = withDatabase(postgres.url, 'restored');
      await run(postgresProgram('pg_restore'), ['--exit-on-error', '-d', url, dump]);
      const other = await serve({ env: { ...ENV, DATABASE_URL: url, REDIS_URL: freshRedis.url } });
      await hasAll(other, scene, backedUp);
      expect(await other.stop()).toEqual({ code: 0 });
    });
    await day.step('upgrade: one process after the other', async () => {
      env.ARCHIVE_URL = pathToFileURL(archive).href;
      await rolling();
    });
    await day.step('key rotation: new and old', async () => {
      env.JWT_SECRET_KEY = `${NEW_SECRET},${SECRET}`;
      await rolling();
      for (const one of [SECRET, NEW_SECRET]) expect(await answerTo(one, entry)).toBe(200);
    });
    await day.step('key rotation: new alone', async () => {
      secret = NEW_SECRET;
      env.JWT_SECRET_KEY = NEW_SECRET;
      await rolling();
      for (const one of living) expect(await answerTo(SECRET, one)).toBe(401);
    });
    await day.step('retention run', async () => {
      const settings = { ...env, DATABASE_URL: database.url, REDIS_URL: redis.url };
      const done = await waycast(['archive', '--json'], settings, undefined, ARCHIVED_WITHIN_MS);
      expect({ ...done, report: JSON.parse(done.out || 'null') }).toMatchObject({ code: 0, report: { days: 2, dropped: OLD_ALL } });
      for (const one of living) expect(await historyOf(restOf(one), OLD_DRIVER)).toEqual(before);
    });
    await day.step('one process killed', async () => {
      await living.shift()?.kill();
      await cluster.settled();
    });
    await day.step('another one in its place', joinIn);
    await day.step(`disk of PostgreSQL full (${disk.how})`, async () => {
      disk.fill(postgres.pid());
      await standsStill(scene, living);
      disk.free(postgres.pid());
    });
    await day.step('doctor', () => nothingFailed([], { ...env, DATABASE_URL: database.url, REDIS_URL: redis.url }));
    console.log(`two processes: ${await allHolds(scene, { redis: redis.client(), ownersChanged: true, mostMb: MOST_MB })}`);
    console.log(day.table());
  },
);
