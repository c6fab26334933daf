import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { postgresOwner } from '../tools/services/postgres.ts';
import { clusterForTest } from './support/cluster-for-test.ts';
import { doctor } from './support/doctor.ts';
import { SECRET } from './support/server-process.ts';
import { newDatabase, startPostgres } from './support/services/postgres.ts';
import { startRedis } from './support/services/redis.ts';
import { startRedisCluster } from './support/services/redis-cluster.ts';
import { startStandby } from './support/services/standby.ts';
import { until } from './support/until.ts';

const POISON = 45.1234567;

async function ask<Row extends object>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

async function database(): Promise<string> {
  const { url, drop } = await newDatabase();
  onTestFinished(() => drop());
  return url;
}

describe('several processes', () => {
  it('who serves, who owns what, what waits, and a command that was set aside [C3, P3, P6]', async () => {
    const { cluster } = await clusterForTest({ nginx: false });
    const env = { DATABASE_URL: cluster.databaseUrl, REDIS_URL: cluster.redisUrl };
    const headers = { authorization: `Bearer ${await cluster.entry.token('service')}`, 'content-type': 'application/json' };
    const report = (lat: number) =>
      fetch(`${cluster.entry.url}/v1/drivers/d/locations`, { method: 'POST', headers, body: JSON.stringify({ lat, lng: 2 }) });
    expect((await report(45)).status).toBe(200);
    const well = await doctor([], env);
    expect(well.those('failed'), well.out).toEqual([]);
    expect(well.check('ownership: processes').message).toMatch(/^2 alive: process \d+ on \S+, process \d+ on /);
    expect(well.check('ownership: partitions')).toMatchObject({ verdict: 'ok', message: '64 of 64 owned, 32 + 32' });
    expect(well.check('ownership: backlog')).toMatchObject({ verdict: 'ok' });
    expect(well.check('database: days ahead')).toMatchObject({ verdict: 'ok', message: expect.stringContaining('and 7 more') });
    expect(well.check('database: schema').message).toContain('as this program has it');
    for (const clock of ['clock: PostgreSQL', 'clock: Redis']) expect(well.check(clock)).toMatchObject({ verdict: 'ok' });
    // The test's Redis keeps nothing on disk.
    expect(well.those('warning')).toEqual(['redis: persistence']);

    await cluster.query(`ALTER TABLE location_history ADD CONSTRAINT poison CHECK (lat <> ${POISON * 1e7}) NOT VALID`);
    expect((await report(POISON)).status).toBe(500);
    await until(
      () => cluster.query('SELECT 1 FROM set_aside'),
      (rows) => rows.length === 1,
    );
    const before = await cluster.query('SELECT * FROM set_aside');
    const ill = await doctor([], env);
    expect(ill.check('ownership: set aside')).toMatchObject({ verdict: 'warning', remedy: expect.stringContaining('FROM set_aside') });
    expect(ill.check('ownership: set aside').message).toMatch(/^1 commands .* the last at 20/);
    expect(ill.code).toBe(0);
    expect(await cluster.query('SELECT * FROM set_aside')).toEqual(before);

    await Promise.all(cluster.servers.map((server) => server.kill()));
    await until(
      async () => (await doctor([], env)).check('ownership: processes').message,
      (message) => message.startsWith('none serves'),
    );
  });

  it('a Cluster: all of its slots, each of its masters [C3]', async () => {
    const redis = await startRedisCluster();
    onTestFinished(() => redis.stop());
    const env = { DATABASE_URL: await database(), REDIS_URL: redis.url };
    const report = await doctor([], env);
    expect(report.check('redis: slots')).toMatchObject({ verdict: 'ok', message: '16384 of 16384 served' });
    expect(report.check('redis: Redis').message.match(/, master/g)).toHaveLength(3);
  });
});

describe('PostgreSQL', () => {
  it('with nothing in it is looked at and left empty [C5]', async () => {
    const url = await database();
    const tables = `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1`;
    const before = await ask(url, tables);
    const report = await doctor([], { DATABASE_URL: url });
    expect([report.code, report.those('failed')]).toEqual([0, []]);
    expect(report.check('database: schema').message).toContain('first start');
    expect(report.check('database: connections')).toMatchObject({ verdict: 'ok' });
    expect(await ask(url, tables)).toEqual(before);
  });

  it('refuses a password, which is told nowhere [C2, C3]', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'waycast-hba-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const rules = join(folder, 'hba.conf');
    writeFileSync(rules, 'host all postgres all trust\nhost all all all scram-sha-256\n');
    const owner = postgresOwner();
    if (owner !== null) for (const path of [folder, rules]) chownSync(path, owner.uid, owner.gid);
    const postgres = await startPostgres([`hba_file = '${rules}'`]);
    onTestFinished(() => postgres.remove());
    await ask(postgres.url, `CREATE ROLE tracker LOGIN PASSWORD 'the-right-one'`);
    const url = `postgresql://tracker:the-wrong-one@127.0.0.1:${postgres.port}/postgres`;
    const report = await doctor([], { DATABASE_URL: url });
    expect(report.code).toBe(1);
    expect(report.check('database: PostgreSQL')).toMatchObject({
      verdict: 'failed',
      message: expect.stringContaining('refuses the login'),
      remedy: 'check user and password in DATABASE_URL',
    });
    expect(`${report.out}${report.err}`).not.toMatch(/the-wrong-one|the-right-one/);
    expect(report.out).not.toContain(SECRET);
    const plain = await doctor([], { DATABASE_URL: url.replace('wrong', 'right') });
    expect(plain.check('database: PostGIS')).toMatchObject({ verdict: 'warning', remedy: expect.stringContaining('CREATE EXTENSION') });
    expect(plain.check('database: rights')).toMatchObject({ verdict: 'failed', remedy: expect.stringContaining('GRANT CREATE') });
  });

  it('has a replica, whose distance is told; and that cannot be the primary [C3]', async () => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.remove());
    const standby = await startStandby(postgres);
    onTestFinished(() => standby.stop());
    const env = { DATABASE_URL: postgres.url, DATABASE_READ_URL: standby.url, DB_CONNECT_TIMEOUT_MS: '3500' };
    const report = await doctor([], env);
    expect(report.check('database: replica')).toMatchObject({ verdict: 'ok', message: expect.stringMatching(/ is \d+\.\d s behind$/) });
    const turned = await doctor([], { DATABASE_URL: standby.url, DATABASE_READ_URL: postgres.url });
    expect(turned.check('database: PostgreSQL')).toMatchObject({ verdict: 'failed', remedy: 'point DATABASE_URL at the primary' });
    expect(turned.check('database: replica')).toMatchObject({ verdict: 'warning', message: expect.stringContaining('is no replica') });
  });

  it('in which somebody holds a table hangs that check alone, and not for long [C4]', async () => {
    const url = await database();
    await ask(url, 'CREATE TABLE schema_version (version integer PRIMARY KEY, since timestamptz NOT NULL DEFAULT now())');
    const holder = new pg.Client({ connectionString: url });
    await holder.connect();
    onTestFinished(() => holder.end());
    await holder.query('BEGIN; LOCK TABLE schema_version');
    const begun = performance.now();
    const report = await doctor([], { DATABASE_URL: url });
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(report.check('database: schema')).toMatchObject({ verdict: 'failed', message: expect.stringContaining('timeout') });
    for (const name of ['database: PostgreSQL', 'database: connections', 'clock: PostgreSQL'])
      expect(report.check(name), name).toMatchObject({ verdict: 'ok' });
  });

  it('of a newer program, with no days ahead, fails and stays as it is [C3, C5]', async () => {
    const url = await database();
    await ask(
      url,
      `CREATE TABLE schema_version (version integer PRIMARY KEY, since timestamptz NOT NULL DEFAULT now());
       INSERT INTO schema_version (version) VALUES (99);
       CREATE TABLE location_history (received bigint) PARTITION BY RANGE (received);
       CREATE TABLE location_history_20260101 PARTITION OF location_history FOR VALUES FROM (0) TO (1)`,
    );
    const report = await doctor([], { DATABASE_URL: url });
    expect(report.check('database: schema')).toMatchObject({ verdict: 'failed', remedy: 'start a newer Waycast on it' });
    expect(report.check('database: days ahead')).toMatchObject({ verdict: 'warning', message: expect.stringContaining('for today') });
    expect(await ask(url, 'SELECT version FROM schema_version')).toEqual([{ version: 99 }]);
  });
});

it('a Redis that evicts, nearly full, and then one that wants a password [C2, C3]', async () => {
  const redis = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] });
  onTestFinished(() => redis.stop());
  const env = { DATABASE_URL: 'postgresql://127.0.0.1:9/none', DB_CONNECT_TIMEOUT_MS: '100', REDIS_URL: redis.url };
  for (let n = 0; n < 20; n++) await redis.client().set(`much${n}`, 'x'.repeat(1_000_000));
  await redis.client().config('SET', 'maxmemory', '24mb');
  const report = await doctor([], env);
  expect(report.check('redis: maxmemory-policy')).toMatchObject({ verdict: 'warning', remedy: 'set maxmemory-policy noeviction' });
  expect(report.check('redis: memory')).toMatchObject({ verdict: 'warning' });
  await redis.client().config('SET', 'requirepass', 'the-right-one');
  const refused = await doctor([], { ...env, REDIS_PASSWORD: 'the-wrong-one' });
  expect(refused.check('redis: Redis')).toMatchObject({ verdict: 'failed', remedy: 'correct REDIS_PASSWORD, or the URL' });
  expect(refused.out).not.toMatch(/the-wrong-one|the-right-one/);
});
