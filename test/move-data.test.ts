import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TripHistory, TripView, WebhookWithSecret } from '../packages/protocol/src/index.ts';
import { arrivals } from '../packages/server/src/adapters/postgres-store/move-in-tables.ts';
import { DEPARTURES } from '../packages/server/src/adapters/sqlite-store/move-out-tables.ts';
import { doctor } from './support/doctor.ts';
import { databaseForTest, emptyDatabase, inSource, killAmidFixes, movedHouse, refused } from './support/moved-house.ts';
import { allAnswers, quieten, SCENE_ENV } from './support/moved-scene.ts';
import { digests, killWaiting, moveData } from './support/moving.ts';
import { north, ride } from './support/places.ts';
import { type Receiver, receiverForTest } from './support/receiver.ts';
import { caller } from './support/rest.ts';
import { sameAnswers } from './support/same-answers.ts';
import { type ServerOptions, startProcess, type TestServer } from './support/server-process.ts';
import { asDatabase } from './support/services/as-database.ts';
import { until } from './support/until.ts';
import { waycast } from './support/waycast.ts';

const { home, copyOf, house } = movedHouse();

async function serverForTest(options: ServerOptions): Promise<TestServer> {
  const server = await startProcess({ ...options, env: { ...SCENE_ENV, ...options.env } });
  onTestFinished(() => server.kill());
  return server;
}

/** Many starts of programs, one after the other. */
const LONG = { timeout: 180_000 };

describe('a move', LONG, () => {
  it('leaves every answer as it was, and the embedded database too [M1]', async () => {
    const dataDir = copyOf(house());
    quieten(dataDir);
    const copy = copyOf(dataDir);
    const url = await databaseForTest();
    const moved = await moveData(dataDir, url, '--json');
    expect(moved, moved.err).toMatchObject({ code: 0 });
    const { rows } = JSON.parse(moved.out) as { rows: Record<string, number> };
    expect(Object.keys(rows)).toEqual(Object.keys(DEPARTURES));
    for (const [part, count] of Object.entries(rows)) expect(count, part).toBeGreaterThan(0);
    const before = await serverForTest({ dataDir: copy });
    const after = await serverForTest({ dataDir, env: { DATABASE_URL: url } });
    expect(await sameAnswers(allAnswers(before), allAnswers(after))).toBeGreaterThan(90);
    const [again] = await asDatabase(url, `SELECT to_regclass('half_moved') AS "half", nextval('driver_n_seq') AS n`);
    expect(again).toEqual({ half: null, n: String(rows.drivers === undefined ? 0 : rows.drivers + 1) });
    const indexes = await asDatabase(
      url,
      `SELECT DISTINCT array_to_string(c.reloptions, ' ') AS set FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
       WHERE inhparent = 'location_history_captured'::regclass`,
    );
    expect(indexes, 'as a server makes them').toEqual([{ set: 'pages_per_range=32 autosummarize=on' }]);
  });

  it('killed amid the fixes, and again when all was compared, goes on where it stopped, and ends as if nothing had happened [M2]', async () => {
    const [inOne, inPieces] = [await databaseForTest(), await emptyDatabase()];
    expect(await moveData(copyOf(house()), inOne)).toMatchObject({ code: 0 });
    const dataDir = copyOf(house());
    await killAmidFixes(dataDir, inPieces);
    await killWaiting(dataDir, inPieces, 'LOCK TABLE driver IN SHARE UPDATE EXCLUSIVE MODE');
    expect(JSON.parse(readFileSync(join(dataDir, 'moved.json'), 'utf8'))).toMatchObject({ moved: expect.stringMatching(/^20/) });
    const moved = await moveData(dataDir, inPieces);
    expect(moved, moved.err).toMatchObject({ code: 0 });
    expect(await digests(inPieces)).toEqual(await digests(inOne));
  });

  it('keeps servers away until it is done: from PostgreSQL, and from the embedded database for good [M3 M4]', async () => {
    const dataDir = copyOf(house());
    const url = await emptyDatabase();
    await killWaiting(dataDir, url, 'LOCK TABLE trip_stop IN SHARE MODE', async () => {
      refused(await waycast(['serve', '--port', '0', '--data-dir', dataDir]), /is in use by process/);
      refused(await moveData(dataDir, url), /is in use by process/);
      refused(await moveData(copyOf(house()), url), /half moved to from another embedded database/);
    });
    const again = /run waycast move-data again, it goes on where it stopped/;
    refused(
      await waycast(['serve', '--port', '0', '--data-dir', dataDir], { DATABASE_URL: url }),
      /is half moved to from an embedded database/,
      again,
    );
    refused(await waycast(['serve', '--port', '0', '--data-dir', dataDir]), /is half moved to PostgreSQL at/, again);
    const there = await doctor(['--data-dir', dataDir], { DATABASE_URL: url });
    expect(there.check('database: schema')).toMatchObject({ verdict: 'failed', remedy: expect.stringMatching(again) });
    const here = await doctor(['--data-dir', dataDir]);
    expect(here.check('folder: DATA_DIR')).toMatchObject({ verdict: 'failed', remedy: expect.stringMatching(again) });
    refused(await moveData(dataDir, await databaseForTest()), /half moved to PostgreSQL at .*, not at .*: run waycast move-data again/);

    expect(await moveData(dataDir, url)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/each of them compared.*Tokens stay good while the server has this DATA_DIR/),
    });
    refused(
      await waycast(['serve', '--port', '0', '--data-dir', dataDir]),
      /was moved to PostgreSQL at \S+ on 20.*: set DATABASE_URL; or .* remove .*moved\.json/,
    );
    refused(await moveData(dataDir, url), /was moved to PostgreSQL at .*there is nothing left to move/);
    expect((await doctor(['--data-dir', dataDir])).check('folder: DATA_DIR')).toMatchObject({
      verdict: 'failed',
      message: expect.stringContaining('was moved to PostgreSQL'),
    });
    const moved = await doctor(['--data-dir', dataDir], { DATABASE_URL: url, JWT_SECRET_KEY: '' });
    expect(moved.check('folder: DATA_DIR')).toMatchObject({ verdict: 'ok', message: expect.stringContaining('was moved to PostgreSQL') });
    expect(moved.check('database: days ahead')).toMatchObject({ verdict: 'ok' });
    const backup = join(home, 'backup');
    expect(await waycast(['backup', backup, '--data-dir', dataDir])).toMatchObject({ code: 0 });
    // A backup that is put in its place has not been moved anywhere; neither has this one once somebody says so.
    const restored = copyOf(dataDir);
    expect(await waycast(['restore', backup, '--data-dir', restored, '--replace'])).toMatchObject({ code: 0 });
    expect(existsSync(join(restored, 'moved.json'))).toBe(false);
    rmSync(join(dataDir, 'moved.json'));
    await serverForTest({ dataDir });
  });

  it('takes text along that an older server let in and PostgreSQL cannot hold, with U+FFFD for what is no character [M1, S10]', async () => {
    const dataDir = copyOf(house());
    const url = await databaseForTest();
    const [trip] = inSource(dataDir, `SELECT id FROM trip WHERE instr(doc, '"\u00dcnter ') > 0`);
    inSource(dataDir, `UPDATE trip SET doc = replace(doc, '"\u00dcnter ', '"\\ud83d\\u0000\\\\u0000 ') RETURNING id`);
    expect(await moveData(dataDir, url)).toMatchObject({ code: 0 });
    const rows = await asDatabase(url, 'SELECT id FROM trip_tracking WHERE position($1 IN doc::text) > 0', ['"\ufffd\ufffd\\\\u0000 ']);
    expect(rows).toEqual([trip]);
  });

  it('finds a value and a row that are not the same, and is not done [M2]', async () => {
    const dataDir = copyOf(house());
    const url = await emptyDatabase();
    await killWaiting(dataDir, url, 'LOCK TABLE driver IN SHARE UPDATE EXCLUSIVE MODE');
    await asDatabase(url, `UPDATE driver_locations SET bearing = 1 WHERE driver_id = 'bulk0'`);
    refused(await moveData(dataDir, url), /what was moved is not the same/, /has 1 as bearing of driver_id bulk0/);
    await asDatabase(url, `UPDATE driver_locations SET bearing = 359.99 WHERE driver_id = 'bulk0'`);
    await asDatabase(url, `INSERT INTO stream (n, driver, id) OVERRIDING SYSTEM VALUE VALUES (99, 1, 'more')`);
    refused(await moveData(dataDir, url), /has a row of n \d+ in stream where the embedded database has none/);
    await asDatabase(url, `DELETE FROM stream WHERE id = 'more'`);
    expect(await moveData(dataDir, url)).toMatchObject({ code: 0 });
  });
});

describe('is refused, and nothing is changed [M5]', () => {
  it('without a database to move, one of a newer program, or an address', async () => {
    const url = await databaseForTest();
    const tables = `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace`;
    const before = await asDatabase(url, tables);
    refused(await moveData(join(home, 'nothing'), url), /holds no database to move/);
    refused(await waycast(['move-data', '--data-dir', house()]), /DATABASE_URL is not set/);
    const newer = copyOf(house());
    inSource(newer, 'PRAGMA user_version = 99');
    refused(await moveData(newer, url), /version 99.*start a newer Waycast/);
    const foreign = copyOf(house());
    inSource(foreign, 'PRAGMA user_version = 0');
    refused(await moveData(foreign, url), /is no database of Waycast/);
    const damaged = copyOf(house());
    inSource(damaged, `UPDATE snapshot SET state = '{' WHERE driver = (SELECT id FROM driver WHERE name = 'kim')`);
    refused(await moveData(damaged, url), /of driver kim cannot be read/);
    const erasing = copyOf(house());
    inSource(erasing, `INSERT INTO erasure (driver, number, at) VALUES ('kim', 1, 1)`);
    refused(await moveData(erasing, url), /a driver is being erased.*start a server on it/);
    expect(await asDatabase(url, tables)).toEqual(before);
    refused(
      await moveData(copyOf(house()), 'postgresql://postgres@127.0.0.1:1/none'),
      /DATABASE_URL: PostgreSQL at 127.0.0.1:1\/none cannot be reached/,
    );
  });

  it('while a server runs on either side', async () => {
    const dataDir = copyOf(house());
    const url = await databaseForTest();
    const here = await serverForTest({ dataDir });
    refused(await moveData(dataDir, url), /is in use by process/);
    await here.stop();
    const there = await serverForTest({ dataDir, env: { DATABASE_URL: url } });
    refused(await moveData(dataDir, url), /is served by process \d+ on .*: stop it first/);
    expect(existsSync(join(dataDir, 'moved.json'))).toBe(false);
    await there.stop();
    // It served nobody: that is as good as empty.
    expect(await moveData(dataDir, url)).toMatchObject({ code: 0 });
  });

  it('into a database that is of a newer program, or not empty, whatever is in it', async () => {
    const dataDir = copyOf(house());
    const url = await emptyDatabase();
    await asDatabase(url, 'INSERT INTO schema_version (version) VALUES (99)');
    refused(await moveData(dataDir, url), /version 99.*start a newer Waycast/);
    await asDatabase(
      url,
      `DELETE FROM schema_version WHERE version = 99; INSERT INTO outgoing (id, topic, type, key, at, labels, body) VALUES ('a', 'b', 'c', 'd', 1, '[]', '{}')`,
    );
    refused(await moveData(dataDir, url), /is not empty \(its table outgoing has rows\)/);
    expect(existsSync(join(dataDir, 'moved.json'))).toBe(false);
    await asDatabase(url, 'DELETE FROM outgoing');
    expect(await moveData(dataDir, url)).toMatchObject({ code: 0 });
    refused(await moveData(copyOf(house()), url), /is not empty \(its table \w+ has rows\)/);
  });
});

describe('after a move', () => {
  const FAST = { MAX_PLAUSIBLE_SPEED_KMH: '0' };
  const events = (receiver: Receiver): string[] =>
    receiver
      .received()
      .filter(({ status }) => status === 200)
      .map(({ body }) => (JSON.parse(body) as { data: { event: { id: string } } }).data.event.id);

  it('open trips go on, and webhooks deliver the rest: nothing twice, in order [M1 W7 G8]', async () => {
    const dataDir = mkdtempSync(join(home, 'data-'));
    const receiver = await receiverForTest();
    const first = await serverForTest({ dataDir, env: FAST });
    const staff = caller(first, await first.token('admin'));
    (await staff.post('/v1/webhooks', { url: `${receiver.url}/hook`, events: ['trip.*', 'stop.*'] })).as(WebhookWithSecret, 201);
    (await staff.post('/v1/trips', ride({ id: 't', driverId: 'd' }))).as(TripView, 201);
    await staff.post('/v1/trips/t/status', { status: 'EN_ROUTE' });
    const by = caller(first, await first.token('driver', 'd'));
    const start = Date.now() - 30_000;
    const report = (who: typeof by, metres: number, second: number) =>
      who.post('/v1/drivers/d/locations', { ...north(metres), timestamp: start + second * 1_000 });
    await until(
      () => events(receiver),
      (seen) => seen.length === 3,
    );
    receiver.behave({ hold: true });
    await report(by, -2_000, 0);
    await report(by, -300, 10);
    // On its way when the server dies; behind it waits the next one.
    await until(
      () => receiver.received().length,
      (count) => count === 4,
    );
    await report(by, 0, 20);
    await first.kill();
    receiver.behave({});
    const url = await databaseForTest();
    expect(await moveData(dataDir, url)).toMatchObject({ code: 0 });

    const second = await serverForTest({ dataDir, env: { ...FAST, DATABASE_URL: url } });
    const driver = caller(second, await second.token('driver', 'd'));
    const boss = caller(second, await second.token('admin'));
    // The same again, and on.
    await report(driver, 0, 20);
    for (const status of ['ARRIVED', 'IN_PROGRESS']) (await boss.post('/v1/trips/t/status', { status })).as(TripView);
    await report(driver, 200, 22);
    await report(driver, 400, 24);
    for (const [metres, at] of [
      [4_700, 26],
      [5_000, 28],
    ] as const)
      await report(driver, metres, at);
    (await boss.post('/v1/trips/t/status', { status: 'COMPLETED' })).as(TripView);
    const { events: history } = (await boss.get('/v1/trips/t/history')).as(TripHistory);
    const ids = history.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)]);
    for (const one of ['t/from/approaching', 't/from/arrived', 't/from/departed', 't/to/approaching', 't/to/arrived'])
      expect(
        ids.filter((id) => id === one || id.includes(one)),
        `${one} of ${ids.join(' ')}`,
      ).toHaveLength(1);
    await until(
      () => events(receiver).length,
      (count) => count >= ids.length,
    );
    expect(events(receiver).toSorted()).toEqual(ids.toSorted());
    const { locations } = (await boss.get('/v1/drivers/d/locations')).json() as { locations: unknown[] };
    expect(locations).toHaveLength(7);
  });
});

describe('every table', () => {
  it('of both databases, with all of its columns, is moved or named here as left out [M1]', async () => {
    const dataDir = copyOf(house());
    const tables = inSource(
      dataDir,
      `SELECT m.name AS "table", c.name AS "column" FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'`,
    );
    const from = Object.values(DEPARTURES).flatMap((departure) => Object.entries(departure.from as Record<string, readonly string[]>));
    // Counters, read by themselves.
    // And what a move waits for.
    expect(named(tables, ['sqlite_sequence', 'erasure'])).toEqual(
      from.flatMap(([table, columns]) => columns.map((column) => `${table}.${column}`)).sort(),
    );

    const columns = await asDatabase(
      await emptyDatabase(),
      `SELECT c.relname AS "table", a.attname AS "column" FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition`,
    );
    const looks = Object.values(arrivals(1)).flatMap((arrival) => arrival.looks);
    const into = looks.flatMap((look) => Object.keys(look.columns).map((column) => `${look.table}.${column}`));
    // Who serves and how; which only servers know.
    const own = ['partition_cursor.owner', 'partition_cursor.deaths'];
    expect(named(columns, ['process', 'schema_version', 'spatial_ref_sys', 'erasure'])).toEqual([...new Set([...into, ...own])].sort());
  });
});

function named(rows: readonly Record<string, unknown>[], without: readonly string[]): string[] {
  return rows
    .filter(({ table }) => !without.includes(String(table)))
    .map(({ table, column }) => `${String(table)}.${String(column)}`)
    .sort();
}
