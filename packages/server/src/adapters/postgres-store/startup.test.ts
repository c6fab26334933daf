import { connect, createServer } from 'node:net';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { newDatabase, withDatabase } from '../../../../../test/support/services/postgres.ts';
import { until } from '../../../../../test/support/until.ts';
import { commitOf, row } from '../../hub/contracts/samples.ts';
import { StartupError } from '../../startup-error.ts';
import { addressOf } from './address.ts';
import { migrate } from './schema.ts';
import { openPostgresStore, type PostgresOptions } from './store.ts';
import { asked, database } from './testing/database.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function fresh(): Promise<string> {
  const { url, drop } = await newDatabase();
  cleanups.push(drop);
  return url;
}

/** Why a store does not open: one line. */
async function refusal(url: string, more: Partial<PostgresOptions> = {}): Promise<string> {
  const error = await openPostgresStore({ url, connectMs: 500, ...more }).then(
    (store) => store.close().then(() => new Error('it opened')),
    (cause: Error) => cause,
  );
  expect(error).toBeInstanceOf(StartupError);
  expect(error.message).not.toContain('\n');
  return error.message;
}

describe('an address', () => {
  it.each(['postgresql://u:p@h:5433/d', 'postgres://h/d', 'postgresql+asyncpg://u:p@h/d', 'postgres+psycopg2://h/d?sslmode=disable'])(
    'may be written %s [P12]',
    (text) => {
      expect(addressOf('DATABASE_URL', text).config.connectionString).toMatch(/^postgres(ql)?:\/\//);
    },
  );

  it.each(['', 'localhost', 'mysql://h/d', 'postgresql://h', 'postgresql://h:x/d'])('cannot be %j [P12]', (text) => {
    expect(() => addressOf('DATABASE_URL', text)).toThrow(/^DATABASE_URL is no PostgreSQL address: write it as/);
  });

  it('is named without its password', () => {
    expect(addressOf('DATABASE_URL', 'postgresql://u:secret@h/d').name).toBe('h:5432/d');
  });
});

describe('it does not open, and says what to do, on', () => {
  it('a port where nobody listens, after a while [P12]', async () => {
    const began = performance.now();
    expect(await refusal('postgresql://u:secret@127.0.0.1:9/d')).toMatch(
      /^DATABASE_URL: PostgreSQL at 127\.0\.0\.1:9\/d cannot be reached .*: start it/,
    );
    expect(performance.now() - began).toBeGreaterThan(200);
  });

  it('a server that never answers [P12]', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    cleanups.push(async () => silent.close());
    const { port } = silent.address() as { port: number };
    expect(await refusal(`postgresql://u@127.0.0.1:${port}/d`)).toMatch(/cannot be reached/);
  });

  it('a host nobody knows [P12]', async () => {
    expect(await refusal('postgresql://u@nowhere.invalid/d')).toMatch(/(has no address|cannot be reached).*check/);
  });

  it('a database that is missing, also the one to read from [P12]', async () => {
    const url = await fresh();
    expect(await refusal(withDatabase(url, 'no_such'))).toMatch(/^DATABASE_URL: .* has no such database .*: create it/);
    expect(await refusal(url, { readUrl: withDatabase(url, 'no_such') })).toMatch(/^DATABASE_READ_URL: .* has no such database/);
  });

  it('a user who does not exist [P12]', async () => {
    const url = new URL(await fresh());
    url.username = 'nobody_at_all';
    expect(await refusal(url.href)).toMatch(/refuses the login .*: check user and password/);
  });

  it('a server that is read-only [P12]', async () => {
    const url = await fresh();
    await asked(url, (client) => client.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = on`));
    expect(await refusal(url)).toMatch(/is read-only: point DATABASE_URL at the primary/);
  });

  it('a user who may not create PostGIS, naming what a superuser has to run [P12]', async () => {
    const url = await fresh();
    const user = `plain_${process.pid}`;
    await asked(url, (client) => client.query(`DROP EXTENSION postgis; CREATE ROLE ${user} LOGIN; GRANT ALL ON SCHEMA public TO ${user}`));
    cleanups.push(() => asked(url, (client) => client.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)));
    const plain = new URL(url);
    plain.username = user;
    expect(await refusal(plain.href)).toMatch(/does not let this user create PostGIS .*: as a superuser run CREATE EXTENSION postgis;/);
  });

  it('a schema of a newer program, which it leaves alone [P12]', async () => {
    const url = await fresh();
    await (await openPostgresStore({ url })).close();
    await asked(url, (client) => client.query('INSERT INTO schema_version (version) VALUES (99)'));
    expect(await refusal(url)).toMatch(/has version 99, this program knows up to \d+: start a newer Waycast on it/);
  });
});

describe('the schema', () => {
  it('is made by one of many that begin at once; the others wait [P13]', async () => {
    const url = await fresh();
    const stores = await Promise.all(Array.from({ length: 4 }, () => openPostgresStore({ url, living: async () => [1, 2, 3, 4] })));
    cleanups.push(() => Promise.all(stores.map((store) => store.close())));
    expect(new Set(stores.map((store) => store.process)).size).toBe(4);
    const versions = await asked(url, async (client) => (await client.query('SELECT version FROM schema_version ORDER BY version')).rows);
    expect(versions.length).toBeGreaterThan(1);
    expect(versions).toEqual(versions.map((_, n) => ({ version: n + 1 })));
  });

  it('may become newer under a running process, which goes on [P13]', async () => {
    const place = database();
    cleanups.push(() => place.remove());
    const store = await place.open();
    cleanups.push(() => store.close());
    await store.commit(commitOf({ cursors: [{ partition: 0, from: 0, to: 1 }] }));
    await asked(place.url(), (client) =>
      client.query(
        `ALTER TABLE driver_snapshot ADD COLUMN more text; INSERT INTO schema_version (version) SELECT max(version) + 1 FROM schema_version`,
      ),
    );
    await store.commit(commitOf({ rows: [row(2, 2)], cursors: [{ partition: 0, from: 1, to: 2 }] }));
  });

  it('that cannot be brought on says so and stays as it was, and the next one tries again [P13]', async () => {
    const url = await fresh();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    cleanups.push(() => client.end());
    await expect(migrate(client, ['CREATE TABLE one (n int)', 'CREATE TABLE two (n int); SELECT 1 / 0'])).rejects.toThrow(/division/);
    const { rows } = await client.query(
      `SELECT max(version) AS version, to_regclass('one') AS one, to_regclass('two') AS two FROM schema_version`,
    );
    expect(rows).toEqual([{ version: 1, one: 'one', two: null }]);
    await migrate(client, ['CREATE TABLE one (n int)', 'CREATE TABLE two (n int)']);
  });
});

it('a server that comes up a little later is waited for [P12]', async () => {
  const url = new URL(await fresh());
  const port = Number(url.port);
  const late = createServer((socket) => {
    const through = connect(port, '127.0.0.1');
    socket.pipe(through).pipe(socket);
    for (const one of [socket, through]) one.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => late.listen(0, '127.0.0.1', resolve));
  url.port = String((late.address() as { port: number }).port);
  await new Promise((resolve) => late.close(resolve));
  const opening = openPostgresStore({ url: url.href, connectMs: 10_000 });
  let tries = 0;
  await until(
    () => ++tries,
    (n) => n > 30,
  );
  await new Promise<void>((resolve) => late.listen(Number(url.port), '127.0.0.1', resolve));
  const store = await opening;
  await store.close();
  late.close();
});
