import { afterAll, beforeAll, describe, it } from 'vitest';
import { allHolds, storedHolds } from '../../support/fault-checks.ts';
import { everybodySees, everybodyStores, type FaultScene, seconds, underFault } from '../../support/fault-scene.ts';
import { startRedisCluster, type TestRedisCluster } from '../../support/services/redis-cluster.ts';

let redis: TestRedisCluster;
let scene: FaultScene;

beforeAll(async () => {
  redis = await startRedisCluster();
  scene = await underFault({ redis, watchers: 2 });
});
afterAll(async () => {
  await scene?.close();
  await redis?.stop();
});

describe('two processes on a Redis Cluster, under load', () => {
  it('a master is killed: its replica takes over, nothing stored is lost, watchers converge [P5, P7, A1]', async () => {
    await storedHolds(scene);
    // The one through which the processes hear what is wanted where.
    const master = await redis.masterOf('waycast:interest');
    const killedAt = performance.now();
    await master.kill('SIGKILL');
    await Promise.all([everybodyStores(scene), everybodySees(scene)]);
    const over = performance.now() - killedAt;
    await storedHolds(scene);
    const left = redis.nodes.filter((node) => node !== master).map((node) => node.client());
    const end = await allHolds(scene, { redis: left, ownersChanged: false });
    console.log(`a master of the Cluster killed: all drivers stored and seen again after ${seconds(over)}; ${end}`);
  });
});
