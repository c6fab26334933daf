import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { ArchiveState, FixReceipt, LocationList } from '../packages/protocol/src/index.ts';
import { FolderArchive } from '../packages/server/src/adapters/archive-folder.ts';
import { listParts } from '../packages/server/src/archive/catalogue.ts';
import { DAY_MS, OLD, OLD_ALL, OLD_ROWS, RECENT, seedFolder } from './support/old-history.ts';
import { CENTRE } from './support/places.ts';
import { caller } from './support/rest.ts';
import { SECRET, startProcess, type TestServer, tempDir } from './support/server-process.ts';
import { startBucket, type TestBucket } from './support/services/bucket.ts';
import { waycast } from './support/waycast.ts';

const home = tempDir();
let bucket: TestBucket;
const running: TestServer[] = [];
beforeAll(async () => {
  bucket = await startBucket();
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.kill();
});
afterAll(async () => {
  await bucket.stop();
  rmSync(home, { recursive: true, force: true });
});

async function seeded(name: string): Promise<string> {
  const dataDir = join(home, name);
  mkdirSync(dataDir);
  await seedFolder(dataDir);
  return dataDir;
}

function count(dataDir: string, text: string): number {
  const db = new DatabaseSync(join(dataDir, 'waycast.db'), { readOnly: true });
  try {
    return (db.prepare(text).get() as { n: number }).n;
  } finally {
    db.close();
  }
}

const oldOnes = (dataDir: string) => count(dataDir, `SELECT count(*) AS n FROM fix WHERE received < ${OLD + DAY_MS}`);

async function serve(dataDir: string, env: Readonly<Record<string, string>>): Promise<TestServer> {
  const server = await startProcess({ dataDir, env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', ...env } });
  running.push(server);
  return server;
}

async function stop(server: TestServer): Promise<void> {
  running.splice(running.indexOf(server), 1);
  await server.stop();
}

/** Everything of the driver, by pages. */
async function track(server: TestServer, limit: number, from = 0, driver = 'courier-1'): Promise<LocationList['locations']> {
  const by = caller(server, await server.token('admin'));
  const found: LocationList['locations'] = [];
  for (let cursor: string | null = null; ; ) {
    const query = new URLSearchParams({ from: String(from), limit: String(limit), ...(cursor !== null && { cursor }) });
    const page = (await by.get(`/v1/drivers/${driver}/locations?${query}`)).as(LocationList);
    found.push(...page.locations);
    if (page.cursor === null) return found;
    cursor = page.cursor;
  }
}

async function passed(server: TestServer): Promise<unknown> {
  const by = caller(server, await server.token('admin'));
  const around = { ...CENTRE, radius: 500, from: OLD + 300_000, to: OLD + 900_000 };
  return (await by.post('/v1/tracks/search', around)).json();
}

const archived = (folder: string) => ({ ARCHIVE_URL: pathToFileURL(folder).href });

it('a server takes what is past retention out of its database when asked, and answers for it as before [I1, I4]', async () => {
  const dataDir = await seeded('asked');
  const folder = join(home, 'asked archive');
  mkdirSync(folder);
  const plain = await serve(dataDir, {});
  const before = { track: await track(plain, 1_000), passed: await passed(plain) };
  expect(before.track).toHaveLength(OLD_ROWS + 300);
  (await caller(plain, await plain.token('admin')).post('/v1/archive', {})).problem('archive_unset');
  await stop(plain);

  const server = await serve(dataDir, archived(folder));
  const admin = caller(server, await server.token('admin'));
  const driver = caller(server, await server.token('driver', 'courier-1'));
  (await driver.post('/v1/archive', {})).problem('forbidden');
  (await driver.get('/v1/archive')).problem('forbidden');
  expect((await admin.get('/v1/archive')).as(ArchiveState)).toMatchObject({ retentionDays: 30, running: false, lastRun: null });
  expect((await admin.post('/v1/archive', {})).as(ArchiveState, 202)).toMatchObject({ running: true });
  await expect.poll(async () => (await admin.get('/v1/archive')).as(ArchiveState).running, { timeout: 30_000 }).toBe(false);
  expect((await admin.get('/v1/archive')).as(ArchiveState).lastRun).toMatchObject({
    report: { days: 2, archived: OLD_ALL, dropped: OLD_ALL },
    problem: null,
  });
  expect(oldOnes(dataDir)).toBe(0);
  expect(readdirSync(join(folder, 'history'))).toHaveLength(2);
  for (const limit of [1_000, 77]) expect(await track(server, limit)).toEqual(before.track);
  expect(await track(server, 1_000, OLD + 600_000)).toEqual(before.track.slice(600));
  expect(await passed(server)).toEqual(before.passed);
  const metrics = (await admin.get('/metrics')).text;
  expect(metrics).toContain(`waycast_archived_fixes_total ${OLD_ALL}`);
  expect(metrics).toContain(`waycast_dropped_fixes_total ${OLD_ALL}`);

  // The archive is away: what is hot is told, what is not is refused by name, and told again once it is back.
  await stop(server);
  renameSync(folder, `${folder} away`);
  const without = await serve(dataDir, archived(folder));
  const asked = await caller(without, await without.token('admin')).get('/v1/drivers/courier-1/locations?from=0');
  asked.problem('archive_unavailable');
  expect(await track(without, 1_000, RECENT)).toEqual(before.track.slice(OLD_ROWS));
  expect(without.output()).toMatch(/the archive cannot be read: see ARCHIVE_URL/);
  renameSync(`${folder} away`, folder);
  expect(await track(without, 1_000)).toEqual(before.track);
});

it('waycast archive does it where a server runs and where none does, into a bucket too, and says what is wrong [I1]', async () => {
  const dataDir = await seeded('by hand');
  const env = { JWT_SECRET_KEY: SECRET, ...bucket.env };
  const args = ['archive', '--data-dir', dataDir];
  expect(await waycast(args, { JWT_SECRET_KEY: SECRET })).toMatchObject({
    code: 1,
    err: expect.stringMatching(/ARCHIVE_URL is not set: name a folder/),
  });
  const refused = await waycast(args, { ...env, ARCHIVE_SECRET_KEY: 'not the secret' });
  expect(refused).toMatchObject({ code: 1, err: expect.stringMatching(/bucket history cannot be used \(SignatureDoesNotMatch/) });
  expect(oldOnes(dataDir)).toBe(OLD_ALL);
  const server = await serve(dataDir, bucket.env);
  const before = await track(server, 1_000);
  const away = await waycast([...args, '--url', 'http://127.0.0.1:1'], env);
  expect(away).toMatchObject({ code: 1, err: expect.stringMatching(/the server that has DATA_DIR is not at http:\/\/127.0.0.1:1/) });
  const done = await waycast([...args, '--url', server.url, '--json'], env);
  expect({ code: done.code, report: JSON.parse(done.out || 'null') }).toMatchObject({ code: 0, report: { days: 2, dropped: OLD_ALL } });
  expect(oldOnes(dataDir)).toBe(0);
  expect(await track(server, 1_000)).toEqual(before);
  await stop(server);
  expect(await waycast(args, env)).toEqual({ code: 0, out: 'Nothing is past retention.\n', err: '' });
  const again = await serve(dataDir, bucket.env);
  expect(await track(again, 333)).toEqual(before);
});

it('who is erased is out of the archive too, and nobody else is [I11, I15]', async () => {
  const dataDir = await seeded('erased');
  const folder = join(home, 'erased archive');
  mkdirSync(folder);
  expect(await waycast(['archive', '--data-dir', dataDir], archived(folder))).toMatchObject({ code: 0 });
  const server = await serve(dataDir, archived(folder));
  const admin = caller(server, await server.token('admin'));
  const others = await track(server, 1_000, 0, 'courier-3');
  expect(others).toHaveLength(OLD_ALL - OLD_ROWS);
  expect((await admin.delete('/v1/drivers/courier-1/data')).status).toBe(202);
  // Who comes back under the id has nothing of before, also while the archive still has it.
  (await admin.post('/v1/drivers/courier-1/locations', CENTRE)).as(FixReceipt);
  expect(await track(server, 1_000)).toHaveLength(1);
  const rowsLeft = () => listParts(new FolderArchive(folder)).then((parts) => parts.reduce((sum, { rows }) => sum + rows, 0));
  await expect.poll(rowsLeft, { timeout: 30_000 }).toBe(OLD_ALL - OLD_ROWS);
  await expect.poll(() => server.output(), { timeout: 40_000 }).toContain('driver data was erased');
  expect(await track(server, 1_000)).toHaveLength(1);
  expect(await track(server, 1_000, 0, 'courier-3')).toEqual(others);
});

it('what is past retention is deleted for good where ARCHIVE_URL is none', async () => {
  const dataDir = await seeded('none');
  const done = await waycast(['archive', '--data-dir', dataDir, '--archive-url', 'none']);
  expect(done).toMatchObject({ code: 0, out: `2 days left the database: 0 fixes archived in 0 bytes, ${OLD_ALL} dropped.\n` });
  expect(oldOnes(dataDir)).toBe(0);
  const wrong = await waycast(['archive', '--data-dir', dataDir, '--archive-url', 'ftp://x']);
  expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('it takes file:///folder, s3://bucket/prefix, or none') });
});
