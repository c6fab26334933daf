import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cluster } from '../../support/cluster.ts';
import { allHolds, storedHolds } from '../../support/fault-checks.ts';
import { everybodySees, everybodyStores, type FaultScene, seconds, underFault } from '../../support/fault-scene.ts';
import type { TestServer } from '../../support/server.ts';
import { startRedis, type TestRedis } from '../../support/services/redis.ts';

let redis: TestRedis;
let scene: FaultScene;
let cluster: Cluster;
let first: TestServer;
let second: TestServer;

beforeEach(async () => {
  redis = await startRedis();
  scene = await underFault({ redis });
  cluster = scene.cluster;
  [first, second] = cluster.servers as [TestServer, TestServer];
});
afterEach(async () => {
  await scene.close();
  await redis.stop();
});

/** Of the process itself, as the database knows it. */
async function numberOf(server: TestServer): Promise<string> {
  const [row] = await cluster.query<{ n: string }>(`SELECT n FROM process WHERE name LIKE 'process ${server.pid} on %'`);
  if (row === undefined) throw new Error('the database does not know this process');
  return row.n;
}

const ownedBy = async (number: string): Promise<number> =>
  (await cluster.query('SELECT 1 FROM partition_cursor WHERE owner = $1', [number])).length;

describe('two processes under load', () => {
  it('one is killed: the other takes its partitions over, clients come to it, nothing is lost [P4, A6]', async () => {
    const number = await numberOf(first);
    expect(await ownedBy(number)).toBe(32);
    const killedAt = performance.now();
    await first.kill();
    await cluster.settled([second]);
    const takeover = performance.now() - killedAt;
    await Promise.all([everybodyStores(scene), everybodySees(scene)]);
    const all = performance.now() - killedAt;
    expect(await ownedBy(number)).toBe(0);
    await storedHolds(scene);
    await cluster.join();
    const joinedAt = performance.now();
    await cluster.settled();
    const shared = performance.now() - joinedAt;
    const end = await allHolds(scene, { redis: redis.client(), ownersChanged: true });
    console.log(`kill -9 of one of two: taken over after ${seconds(takeover)}, all drivers stored and seen after ${seconds(all)}; ${end}`);
    console.log(`a new process has its share ${seconds(shared)} after it serves`);
    expect(takeover).toBeLessThan(5_000);
  });
});
