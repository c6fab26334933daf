import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canaryCounts, canarySings } from '../support/canary.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { caller } from '../support/rest.ts';
import type { TestServer } from '../support/server-process.ts';
import { type PostgresServer, startPostgres } from '../support/services/postgres.ts';
import { startRedis, type TestRedis } from '../support/services/redis.ts';
import { until } from '../support/until.ts';

let postgres: PostgresServer;
let redis: TestRedis;
let cluster: Cluster;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  const env = { CANARY_SECONDS: '0.2', REST_RATE_LIMIT_PER_MINUTE: '1000000' };
  cluster = await startCluster({ redis, database: postgres, nginx: false, env });
  await cluster.settled();
});
afterAll(async () => {
  await cluster?.stop();
  await Promise.all([redis?.stop(), postgres?.remove()]);
});

/** The id of each process's canary. */
async function canaries(): Promise<Map<TestServer, string>> {
  const rows = await cluster.query<{ n: string; name: string }>('SELECT n, name FROM process');
  const of = ({ pid }: TestServer) => rows.find(({ name }) => name.includes(`process ${pid}`))?.n;
  return new Map(cluster.servers.map((server) => [server, `~canary.${of(server)}`]));
}

/** Whoever has a canary that another process drives; more processes come until somebody has. */
async function farCanary(): Promise<TestServer> {
  for (;;) {
    for (const [server, id] of await canaries()) if ((await cluster.ownerOf(id)) !== server) return server;
    expect(cluster.servers.length).toBeLessThan(8);
    await cluster.join();
    await cluster.settled();
  }
}

const said = (server: TestServer, what: string) =>
  server
    .output()
    .split('\n')
    .filter((line) => line.includes(what)).length;
const says = (server: TestServer, what: string, times = 1) =>
  until(
    () => said(server, what),
    (count) => count >= times,
    40_000,
  );

describe('the canary of each of several processes', () => {
  it('goes by whichever process owns its partition, and other services do not find it [U3, U5]', async () => {
    const far = await farCanary();
    for (const server of cluster.servers)
      expect((await canarySings(server, 5)).failures, server.output()).toEqual({ watcher: 0, stored: 0 });
    const metrics = (await caller(far, await far.token('admin')).get('/metrics')).text;
    expect(metrics).toMatch(/^location_updates_total 0$/m);
    const keys = await redis.client().keys('*canary*');
    const mirrored = await redis.client().keys('*');
    expect(mirrored.length).toBeGreaterThan(keys.length);
    // Its state and what its watcher may have missed: nothing under the names other services know.
    for (const key of keys) expect(key).toMatch(/^waycast:(\{driver\.|ring:)/);
    for (const table of ['driver', 'driver_snapshot', 'trip_tracking', 'event', 'outgoing', 'set_aside'])
      expect(JSON.stringify(await cluster.query(`SELECT to_json(t) FROM ${table} t`)), table).not.toContain('canary');
  });

  it('tells with what to do about it when nothing is stored, and when it is again [U3]', async () => {
    const [server] = cluster.servers as [TestServer];
    await postgres.stop('SIGKILL');
    await says(server, 'is live, but not stored: look at');
    const during = await canaryCounts(server);
    expect(during.failures.stored).toBeGreaterThan(0);
    expect(during.failures.watcher).toBe(0);
    await postgres.start();
    await says(server, 'goes through again');
    expect(said(server, 'is live, but not stored')).toBe(1);
    await canarySings(server);
  });

  it('tells it when nothing is taken [U3]', async () => {
    const [server] = cluster.servers as [TestServer];
    const before = said(server, 'goes through again');
    await redis.kill('SIGSTOP');
    await says(server, 'got nowhere: look at');
    await redis.kill('SIGCONT');
    await says(server, 'goes through again', before + 1);
    expect((await canaryCounts(server)).failures.watcher).toBeGreaterThan(0);
    await canarySings(server);
  });
});
