import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { FolderArchive } from '../packages/server/src/adapters/archive-folder.ts';
import { writePart } from '../packages/server/src/archive/keeping.ts';
import { PartWriter } from '../packages/server/src/archive/part-writer.ts';
import { DAY_MS } from '../packages/server/src/archive/ports.ts';
import { fix } from '../packages/server/src/archive/testing/fixes.ts';
import { doctor } from './support/doctor.ts';
import { freePort } from './support/port.ts';
import { SECRET, startProcess, type TestServer, tempDir } from './support/server-process.ts';
import { waycast } from './support/waycast.ts';

const home = tempDir();
afterAll(() => rmSync(home, { recursive: true, force: true }));
let folders = 0;
const fresh = (): string => join(home, `dir-${++folders}`);

/** Listens at a port of its own until the test ends; answers the port. */
async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function running(dataDir: string, env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startProcess({ dataDir, env });
  onTestFinished(() => server.kill());
  return server;
}

/** A data folder as a server leaves it. */
async function used(): Promise<string> {
  const dataDir = fresh();
  const server = await running(dataDir);
  expect((await server.stop()).code).toBe(0);
  return dataDir;
}

/** All of its database in one file; answers which. */
function atRest(dataDir: string): string {
  const path = join(dataDir, 'waycast.db');
  const db = new DatabaseSync(path);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
  expect(existsSync(`${path}-wal`)).toBe(false);
  return path;
}

describe('where all is well', () => {
  it('before the first start: nothing fails, and nothing is made [C1, C5]', async () => {
    const dataDir = fresh();
    const report = await doctor(['--data-dir', dataDir]);
    expect([report.code, report.ok, report.err]).toEqual([0, true, '']);
    expect([...report.those('failed'), ...report.those('warning')]).toEqual([]);
    expect(report.check('database: file')).toMatchObject({ verdict: 'not applicable', message: expect.stringContaining('first start') });
    expect(existsSync(dataDir)).toBe(false);
  });

  it('the archive is read and told of, and one that is not there fails [C3, I5]', async () => {
    const folder = tempDir();
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const at = (path: string) => ['--data-dir', fresh(), '--archive-url', pathToFileURL(path).href];
    const none = await doctor(['--data-dir', fresh()]);
    expect(none.check('archive: ARCHIVE_URL')).toMatchObject({ verdict: 'not applicable' });
    const empty = await doctor(at(folder));
    expect(empty.check('archive: ARCHIVE_URL')).toMatchObject({ verdict: 'ok', message: expect.stringContaining('nothing is there yet') });
    expect(empty.check('archive: writable')).toMatchObject({ message: expect.stringMatching(/ free, .* of the disk/) });
    const day = Date.UTC(2026, 0, 2) / DAY_MS;
    const writer = new PartWriter(day);
    for (let n = 0; n < 300; n++) writer.add(fix('d', n, day));
    const { name } = await writePart(new FolderArchive(folder), writer);
    const some = await doctor(at(folder));
    expect(some.check('archive: ARCHIVE_URL').message).toMatch(/has 300 fixes in .*received from 2026-01-02 to 2026-01-02/);
    truncateSync(join(folder, name), 1_000);
    const damaged = await doctor(at(folder));
    expect(damaged.check('archive: ARCHIVE_URL')).toMatchObject({
      verdict: 'failed',
      message: expect.stringContaining(`${name} of the archive is damaged`),
    });
    const away = await doctor(at(join(folder, 'away')));
    expect(away.check('archive: ARCHIVE_URL')).toMatchObject({ verdict: 'failed', message: expect.stringContaining('ENOENT') });
    expect(away.code).toBe(1);
  });

  it('beside a running server: it is found, its database is read and left as it was [C3, C5]', async () => {
    const dataDir = fresh();
    const metricsPort = await freePort();
    const server = await running(dataDir, { METRICS_PORT: String(metricsPort) });
    const before = readdirSync(dataDir).sort();
    const report = await doctor(['--data-dir', dataDir, '--port', String(server.port), '--metrics-port', String(metricsPort)]);
    expect(report.those('failed'), report.out).toEqual([]);
    expect(report.check(`ports: PORT ${server.port}`).message).toMatch(/a Waycast serves there: ok, 0 connections/);
    expect(report.check(`ports: METRICS_PORT ${metricsPort}`)).toMatchObject({ verdict: 'ok' });
    expect(report.check('database: file').message).toContain(`in use by process ${server.pid}`);
    expect(report.check('database: integrity')).toMatchObject({ verdict: 'ok' });
    expect(report.check('ownership: set aside')).toMatchObject({ verdict: 'ok', message: 'none' });
    expect(readdirSync(dataDir).sort()).toEqual(before);
    expect((await server.stop()).code).toBe(0);
  });

  it.each(['as it was left', 'without a write-ahead log'])('after a server, %s: nothing is left beside its database [C5]', async (how) => {
    const dataDir = await used();
    if (how !== 'as it was left') atRest(dataDir);
    const before = readdirSync(dataDir).sort();
    const database = readFileSync(join(dataDir, 'waycast.db'));
    const report = await doctor(['--data-dir', dataDir]);
    expect(report.those('failed'), report.out).toEqual([]);
    expect(report.check('database: schema').message).toMatch(/^version \d+, as this program has it$/);
    expect(readdirSync(dataDir).sort()).toEqual(before);
    expect(readFileSync(join(dataDir, 'waycast.db')).equals(database)).toBe(true);
  });

  it('as text, for people: every setting and every check has its line [C1, C2]', async () => {
    const { code, out } = await waycast(['doctor', '--port', '0', '--data-dir', fresh()], { SECRET_KEY: SECRET });
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}JWT_SECRET_KEY +set +environment SECRET_KEY$/m);
    expect(out).toMatch(/^ {2}ok +machine: Node +24\./m);
    expect(out).toMatch(/\n0 failed, 0 warnings, \d+ ok, \d+ not applicable\n$/);
    expect(out).not.toContain(SECRET);
  });
});

describe('settings', () => {
  it('are told with where each came from: the later wins [C2]', async () => {
    mkdirSync(home, { recursive: true });
    const file = join(home, 'settings.json');
    writeFileSync(file, JSON.stringify({ DRAIN_SECONDS: 5, LOG_LEVEL: 'warn', SERVICE_NAME: 'of-the-file' }));
    const env = { WAYCAST_LOG_LEVEL: 'error', SERVICE_NAME: 'of-the-environment', ALGORITHM: 'HS256' };
    const report = await doctor(['--config', file, '--data-dir', fresh(), '--service-name', 'of-the-flag'], env);
    const of = (name: string) => report.settings.find((one) => one.name === name);
    expect(of('DRAIN_SECONDS')).toEqual({ name: 'DRAIN_SECONDS', value: '5', source: `file ${file}` });
    expect(of('LOG_LEVEL')).toEqual({ name: 'LOG_LEVEL', value: 'error', source: 'environment WAYCAST_LOG_LEVEL' });
    expect(of('SERVICE_NAME')).toEqual({ name: 'SERVICE_NAME', value: 'of-the-flag', source: 'flag --service-name' });
    expect(of('JWT_ALGORITHM')).toEqual({ name: 'JWT_ALGORITHM', value: 'HS256', source: 'environment ALGORITHM' });
    expect(of('TRUST_PROXY')).toEqual({ name: 'TRUST_PROXY', value: 'false', source: 'default' });
  });

  it('that are wrong are all named, and the rest is checked all the same [C3]', async () => {
    const file = join(home, 'wrong.json');
    writeFileSync(file, '{"UNHEARD": 1}');
    const env = { WAYCAST_PROT: '1', LOG_LEVEL: 'loud', REDIS_URL: 'http://:hunter2hunter2@redis' };
    const report = await doctor(['--config', file, '--data-dir', fresh(), '--workers', '2'], env);
    expect(report.code).toBe(1);
    const problems = report.checks.filter(({ group }) => group === 'config');
    const named = [/UNHEARD/, /WAYCAST_PROT/, /REDIS_URL/, /LOG_LEVEL.*loud.*will not do/, /WORKERS needs/];
    expect(problems.map(({ message }) => message)).toEqual(named.map((name) => expect.stringMatching(name)));
    for (const { remedy } of problems) expect(remedy).toMatch(/^(correct it,|it takes) /);
    expect(report.check('redis: REDIS_URL')).toMatchObject({ verdict: 'failed' });
    expect(report.check('machine: Node')).toMatchObject({ verdict: 'ok' });
    expect(report.check('folder: DATA_DIR')).toMatchObject({ verdict: 'ok' });
    expect(report.out).not.toContain('hunter2');
  });

  it('that let too many in are warned of [C3]', async () => {
    const args = ['--data-dir', fresh(), '--host', '0.0.0.0', '--cors-origins', '*', '--jwt-require-exp', 'false'];
    const report = await doctor(args, { JWT_SECRET_KEY: 'sixteen-letters!' });
    expect(report.those('warning')).toEqual(['access: secret', 'access: CORS_ORIGINS', 'access: open doors']);
    expect(report.code).toBe(0);
    for (const { verdict, remedy } of report.checks) if (verdict === 'warning') expect(remedy).toMatch(/\w/);
  });
});

describe('a bad day', () => {
  it('a port is taken, by what is silent and by what is no Waycast [C3]', async () => {
    const silent = await listening(createServer());
    const other = await listening(createHttp((_, response) => void response.end('hello')));
    const report = await doctor(['--data-dir', fresh(), '--port', `${silent},${other}`]);
    expect(report.code).toBe(1);
    expect(report.those('failed')).toEqual([`ports: PORT ${silent}`, `ports: PORT ${other}`]);
    expect(report.check(`ports: PORT ${other}`)).toMatchObject({ message: expect.stringContaining('is taken'), remedy: /set PORT/ });
  });

  it('DATA_DIR is below a file [C3]', async () => {
    const file = join(home, 'a-file');
    writeFileSync(file, '');
    const report = await doctor(['--data-dir', join(file, 'data')]);
    expect(report.code).toBe(1);
    expect(report.check('folder: DATA_DIR')).toMatchObject({ verdict: 'failed', message: expect.stringContaining(`${file} is a file`) });
    expect(report.those('failed')).toEqual(['folder: DATA_DIR']);
  });

  it('DATA_DIR holds a restore that did not get to its end [C3, Z2]', async () => {
    const dataDir = fresh();
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'restoring.json'), '{}');
    const report = await doctor(['--data-dir', dataDir]);
    expect(report.check('folder: DATA_DIR')).toMatchObject({ verdict: 'failed', remedy: expect.stringContaining('restore again') });
  });

  it('the secret is for others to read [C3]', async () => {
    const dataDir = fresh();
    mkdirSync(dataDir, { mode: 0o700 });
    writeFileSync(join(dataDir, 'secret'), 's'.repeat(64), { mode: 0o644 });
    const report = await doctor(['--data-dir', dataDir]);
    expect(report.check('folder: rights')).toMatchObject({ verdict: 'warning', remedy: expect.stringContaining('chmod 600') });
  });

  it('the database is no database, or damaged amid it [C3]', async () => {
    const none = fresh();
    mkdirSync(none);
    writeFileSync(join(none, 'waycast.db'), Buffer.alloc(8_192, 'not a database '));
    const first = await doctor(['--data-dir', none]);
    expect(first.check('database: integrity')).toMatchObject({ verdict: 'failed', message: expect.stringContaining('not a database') });
    const damaged = await used();
    const path = atRest(damaged);
    writeFileSync(path, readFileSync(path).fill(0xff, 4_096 * 2, 4_096 * 4));
    const second = await doctor(['--data-dir', damaged]);
    expect(second.code).toBe(1);
    expect(second.check('database: integrity')).toMatchObject({ verdict: 'failed', remedy: expect.stringContaining('backup') });
  });

  it('the database is of a newer program, and holds a command that was set aside [C3]', async () => {
    const dataDir = await used();
    const db = new DatabaseSync(join(dataDir, 'waycast.db'));
    db.exec(`INSERT INTO set_aside VALUES (3, 7, 0, 'CHECK', '{}'); PRAGMA user_version = 99`);
    db.close();
    const report = await doctor(['--data-dir', dataDir]);
    expect(report.check('database: schema')).toMatchObject({ verdict: 'failed', remedy: 'start a newer Waycast on it' });
    expect(report.check('ownership: set aside')).toMatchObject({ verdict: 'warning', remedy: expect.stringContaining('FROM set_aside') });
    const kept = new DatabaseSync(join(dataDir, 'waycast.db'), { readOnly: true });
    expect(kept.prepare('PRAGMA user_version').get()).toEqual({ user_version: 99 });
    kept.close();
  });

  it('PostgreSQL and Redis take connections and say nothing: it ends within 10 s [C4]', async () => {
    const [database, redis] = [await listening(createServer()), await listening(createServer())];
    const begun = performance.now();
    const report = await doctor(['--data-dir', fresh()], {
      DATABASE_URL: `postgresql://waycast:not-for-others@127.0.0.1:${database}/waycast`,
      DATABASE_READ_URL: `postgresql://waycast:not-for-others@127.0.0.1:${database}/waycast`,
      DB_CONNECT_TIMEOUT_MS: '60000',
      REDIS_URL: `redis://:not-for-others@127.0.0.1:${redis}`,
    });
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(report.code).toBe(1);
    expect(report.those('failed')).toEqual(['database: PostgreSQL', 'database: replica', 'redis: Redis']);
    expect(report.out).not.toContain('not-for-others');
  });
});
