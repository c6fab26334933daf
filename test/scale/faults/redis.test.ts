import { afterAll, beforeAll, describe, it } from 'vitest';
import { allHolds, storedHolds } from '../../support/fault-checks.ts';
import { everybodySees, everybodyStores, type FaultScene, lasting, seconds, underFault } from '../../support/fault-scene.ts';
import { startRedis, type TestRedis } from '../../support/services/redis.ts';

let redis: TestRedis;
let scene: FaultScene;

beforeAll(async () => {
  redis = await startRedis({ aof: true });
  scene = await underFault({ redis });
});
afterAll(async () => {
  await scene?.close();
  await redis?.stop();
});

/** One fault after another happens to the same fleet; what must hold at rest is asked at the end. */
describe('two processes under load, and their Redis', () => {
  it('killed, its log on disk, and started after 1 s [P5, P7, A1]', async () => {
    await redis.kill('SIGKILL');
    await lasting(1_000);
    await redis.start();
    const [stores, sees] = await Promise.all([everybodyStores(scene), everybodySees(scene)]);
    const stored = await storedHolds(scene);
    console.log(`Redis killed: all drivers store again ${seconds(stores)} after it is back, watchers see ${seconds(sees)}; ${stored} rows`);
  });

  it('wiped [P5, P7, A1, O1]', async () => {
    for (let time = 0; time < 3; time++) {
      await redis.client().flushall();
      const [stores, sees] = await Promise.all([everybodyStores(scene), everybodySees(scene)]);
      console.log(`Redis wiped: all drivers store again after ${seconds(stores)}, watchers see ${seconds(sees)}`);
    }
    await storedHolds(scene);
  });

  it('and at rest everything holds: I1 to I4', async () => {
    console.log(`Redis: ${await allHolds(scene, { redis: redis.client(), ownersChanged: false })}`);
  });
});
