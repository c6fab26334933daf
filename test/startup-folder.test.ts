import { once } from 'node:events';
import { mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import { FixReceipt, LocationList, Session, TripList } from '../packages/protocol/src/index.ts';
import { dial } from './support/peer.ts';
import { CENTRE } from './support/places.ts';
import { freePort } from './support/port.ts';
import { caller } from './support/rest.ts';
import { SECRET, startServer, type TestServer, tempDir } from './support/server.ts';
import { until } from './support/until.ts';
import { type Ended, waycast } from './support/waycast.ts';

const home = tempDir();
afterAll(() => rmSync(home, { recursive: true, force: true }));
/** Takes the variable of the test server away again. */
const NO_SECRET = { JWT_SECRET_KEY: undefined } as unknown as Record<string, string>;
let dirs = 0;
const fresh = () => join(home, `data-${++dirs}`);
const serve = (dir: string, ...more: string[]) => waycast(['serve', '--port', '0', '--data-dir', dir, ...more], { JWT_SECRET_KEY: SECRET });

function expectOneLine({ code, out, err }: Ended, ...names: (string | RegExp)[]): void {
  expect(out, 'it came up').not.toContain('Waycast is up');
  expect(err.trim().split('\n'), err).toHaveLength(1);
  for (const name of names) expect(err).toMatch(name);
  expect(err).not.toMatch(/\n\s+at /);
  expect(code, err).toBe(1);
}

/** The URL it prints for the person at the console. */
const signIn = (server: TestServer) =>
  until(
    () => /http:\S+#signin=[\w-]{16,}(?=\s)/.exec(server.output())?.[0] ?? '',
    (url) => url !== '',
  );

describe('a first run without a secret', () => {
  it('generates one, mode 0600, and prints a URL that signs in once [S8]', async () => {
    const dir = fresh();
    const server = await startServer({ dataDir: dir, env: NO_SECRET });
    const holds = readdirSync(dir).find((name) => name.includes('secret')) ?? '';
    expect(statSync(join(dir, holds)).mode & 0o777).toBe(0o600);
    const secret = readFileSync(join(dir, holds), 'utf8').trim();
    expect(secret.length).toBeGreaterThanOrEqual(32);
    expect(server.output()).not.toContain(secret);

    const url = new URL(await signIn(server));
    expect(url.origin).toBe(server.url);
    expect(url.search, 'the code is in the fragment: no server and no proxy logs it').toBe('');
    expect((await caller(server).get(url.pathname)).type).toContain('text/html');
    const code = url.hash.replace('#signin=', '');
    const session = (await caller(server).post('/v1/session', { code })).as(Session, 201);
    (await caller(server, session.token).get('/v1/trips')).as(TripList);
    (await caller(server).post('/v1/session', { code })).problem('unauthenticated');

    const { code: exit, out, err } = await waycast(['token', '--role', 'driver', '--sub', 'd1', '--data-dir', dir]);
    expect([exit, err]).toEqual([0, '']);
    (await caller(server, out.trim()).post('/v1/drivers/d1/locations', CENTRE)).as(FixReceipt);
    const peer = await dial(server, { token: out.trim() });
    expect(peer.all('welcome')[0]).toMatchObject({ sub: 'd1', role: 'driver' });
    await server.stop();

    const again = await startServer({ dataDir: dir, env: NO_SECRET });
    expect(
      (await caller(again, out.trim()).get('/v1/drivers/d1/locations')).as(LocationList).locations,
      'the same secret after a restart',
    ).toHaveLength(1);
    (await caller(again).post('/v1/session', { code })).problem('unauthenticated');
    await again.stop();
  });
});

describe('waycast token', () => {
  it('signs for a role, a subject, a time and scopes, and --json says what', async () => {
    const server = await startServer();
    const args = ['--role', 'dispatcher', '--sub', 'dora', '--ttl', '90s', '--trips', 't1,t2', '--labels', 'a', '--json'];
    const { out } = await waycast(['token', ...args], { JWT_SECRET_KEY: SECRET });
    const told = JSON.parse(out) as { token: string; sub: string; role: string; expiresAt: string };
    expect(told).toMatchObject({ sub: 'dora', role: 'dispatcher' });
    expect(Math.abs(Date.parse(told.expiresAt) - Date.now() - 90_000)).toBeLessThan(5_000);
    expect(JSON.parse(Buffer.from(told.token.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({
      trips: ['t1', 't2'],
      labels: ['a'],
    });
    expect((await caller(server, told.token).get('/v1/trips')).as(TripList).trips).toEqual([]);
    await server.stop();
  });

  it('signs with the first of two secrets', async () => {
    const { out } = await waycast(['token', '--role', 'admin'], { JWT_SECRET_KEY: `${SECRET},an-older-secret-to-be-rotated` });
    const server = await startServer();
    expect((await caller(server, out.trim()).get('/v1/trips')).status).toBe(200);
    await server.stop();
  });
});

describe('settings', () => {
  it('come from file, then environment, then flags; the later wins', async () => {
    const file = join(home, 'order.json');
    writeFileSync(file, JSON.stringify({ SERVICE_NAME: 'from-file', LOG_LEVEL: 'info' }));
    const name = async (env: Record<string, string>, ...args: string[]) => {
      const server = await startServer({ env, args: ['--config', file, ...args] });
      await server.stop();
      return /"name":"([^"]+)"/.exec(server.output())?.[1];
    };
    expect(await Promise.all([name({}), name({ SERVICE_NAME: 'from-env' })])).toEqual(['from-file', 'from-env']);
    expect(
      await Promise.all([
        name({ SERVICE_NAME: 'a', WAYCAST_SERVICE_NAME: 'prefixed' }),
        name({ SERVICE_NAME: 'from-env' }, '--service-name', 'from-flag'),
      ]),
    ).toEqual(['prefixed', 'from-flag']);
  });

  it('leaves the variables Kubernetes injects alone', async () => {
    const server = await startServer({
      env: {
        WAYCAST_SERVICE_HOST: '10.0.0.1',
        WAYCAST_SERVICE_PORT: '8080',
        WAYCAST_SERVICE_PORT_HTTP: '8080',
        WAYCAST_PORT: 'tcp://10.0.0.1:8080',
        WAYCAST_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
        WAYCAST_PORT_8080_TCP_ADDR: '10.0.0.1',
        WAYCAST_PORT_8080_TCP_PORT: '8080',
        WAYCAST_PORT_8080_TCP_PROTO: 'tcp',
        KUBERNETES_SERVICE_HOST: '10.0.0.1',
      },
    });
    expect((await caller(server).get('/health/ready')).status).toBe(200);
    await server.stop();
  });

  it('listens on every port of PORT', async () => {
    const [one, two] = [await freePort(), await freePort()];
    const server = await startServer({ args: ['--port', `${one},${two}`] });
    for (const port of [one, two]) expect((await fetch(`http://127.0.0.1:${port}/health/live`)).status).toBe(200);
    await server.stop();
  });
});

describe('a server that cannot have what it needs', () => {
  it('names a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = String(typeof address === 'object' && address !== null ? address.port : 0);
    expectOneLine(await waycast(['serve', '--port', port, '--data-dir', fresh()], { JWT_SECRET_KEY: SECRET }), port);
    other.close();
  });

  it('names the process that has the folder, and that one goes on [A8]', async () => {
    const dir = fresh();
    const first = await startServer({ dataDir: dir });
    expectOneLine(await serve(dir), String(first.pid), dir);
    expect((await caller(first, await first.token('service')).post('/v1/drivers/d/locations', CENTRE)).as(FixReceipt).stored).toBe(1);
    await first.kill();
    const next = await startServer({ dataDir: dir });
    expect(
      (await caller(next, await next.token('admin')).get('/v1/drivers/d/locations')).as(LocationList).locations,
      'a killed one leaves no lock',
    ).toHaveLength(1);
    await next.stop();
  });

  /** A folder a server has written to and left. */
  async function used(): Promise<{ dir: string; database: string }> {
    const dir = fresh();
    const server = await startServer({ dataDir: dir });
    (await caller(server, await server.token('service')).post('/v1/drivers/d/locations', CENTRE)).as(FixReceipt);
    await server.stop();
    const database = join(dir, 'waycast.db');
    // All of it into the one file: a log beside it would heal what a test damages.
    const db = new DatabaseSync(database);
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    db.close();
    return { dir, database };
  }

  it('names a database whose header was overwritten, and leaves it as it is', async () => {
    const { dir, database } = await used();
    const file = openSync(database, 'r+');
    writeSync(file, Buffer.from('THIS IS NOT SQLITE'), 0, 18, 0);
    const before = readFileSync(database);
    expectOneLine(await serve(dir), /database/);
    expect(readFileSync(database).equals(before)).toBe(true);
  });

  it('names a database that was cut off', async () => {
    const { dir, database } = await used();
    writeFileSync(database, readFileSync(database).subarray(0, 6_000));
    expectOneLine(await serve(dir), /database/);
  });

  it('names a database of a newer version, and leaves it as it is', async () => {
    const { dir, database } = await used();
    const db = new DatabaseSync(database);
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
    expect(version).toBeGreaterThan(0);
    db.exec('PRAGMA user_version = 9999');
    db.close();
    expectOneLine(await serve(dir), /newer/, /9999/);
  });

  it('names a secret file it cannot use', async () => {
    const dir = fresh();
    mkdirSync(dir);
    writeFileSync(join(dir, 'secret'), '');
    expectOneLine(await waycast(['serve', '--port', '0', '--data-dir', dir]), /secret/);
  });
});
