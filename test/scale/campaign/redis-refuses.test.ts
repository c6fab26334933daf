import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, startCluster } from '../../support/cluster.ts';
import { caller } from '../../support/rest.ts';
import { startRedis, type TestRedis } from '../../support/services/redis.ts';
import { until } from '../../support/until.ts';

let redis: TestRedis;
let cluster: Cluster;
beforeAll(async () => {
  redis = await startRedis();
  cluster = await startCluster({ redis, processes: 1, nginx: false, env: { LOG_LEVEL: 'info' } });
  await cluster.settled();
});
afterAll(async () => {
  await cluster?.stop();
  await redis?.stop();
});

describe('a Redis that is full and throws nothing away', () => {
  it('costs readiness and the answers, by name; nothing that was taken is lost, and it is said once what to do [P5, A7]', async () => {
    const { entry } = cluster;
    const api = caller(entry, await entry.token('service'));
    const report = (n: number) => api.post(`/v1/drivers/car-${n}/locations`, { lat: 44.5, lng: 11.3, timestamp: Date.now(), speed: 0 });
    const ready = async () => (await fetch(`${entry.url}/health/ready`)).status;
    expect((await report(0)).status).toBe(200);
    await redis.client().config('SET', 'maxmemory', '1');
    const refused = await Promise.all([1, 2, 3, 4].map(report));
    expect(refused.map(({ status }) => status)).toEqual([503, 503, 503, 503]);
    expect(refused[0]?.json()).toMatchObject({ code: 'storage_unavailable' });
    expect(await ready()).toBe(503);
    await redis.client().config('SET', 'maxmemory', '0');
    await until(ready, (status) => status === 200);
    const rows = async () => cluster.query('SELECT 1 FROM driver_locations');
    await until(rows, (all) => all.length === 5);
    expect((await report(5)).status).toBe(200);
    await until(
      () => entry.output(),
      (output) => output.includes('Redis takes commands for the log again'),
    );
    expect(entry.output().match(/Redis refuses commands for the log \(OOM\): it is full: give it more memory/g)).toHaveLength(1);
  });
});
