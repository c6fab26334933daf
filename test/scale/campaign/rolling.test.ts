import { expect, it } from 'vitest';
import { allHolds, storedHolds } from '../../support/fault-checks.ts';
import { everybodySees, everybodyStores, seconds, underFault } from '../../support/fault-scene.ts';
import { startRedis } from '../../support/services/redis.ts';

const ROUNDS = 3;
/** DRAIN_SECONDS and some. */
const DRAINED_WITHIN_MS = 25_000;

it('rolling restart under load, each process several times: nothing stored is lost, no event repeated [P4, A1, A6]', {
  timeout: 240_000,
}, async () => {
  const redis = await startRedis();
  const scene = await underFault({ redis });
  try {
    const living = [...scene.cluster.servers];
    for (let turn = 0; turn < ROUNDS * 2; turn++) {
      const oldest = living.shift();
      const begun = performance.now();
      expect(await oldest?.stop()).toEqual({ code: 0 });
      const drained = performance.now() - begun;
      expect(drained).toBeLessThan(DRAINED_WITHIN_MS);
      await scene.cluster.settled();
      const over = performance.now() - begun;
      living.push(await scene.cluster.join());
      await scene.cluster.settled();
      const [stores, sees] = await Promise.all([everybodyStores(scene), everybodySees(scene)]);
      await storedHolds(scene);
      console.log(
        `restart ${turn}: ended after ${seconds(drained)}, all partitions with the other one after ${seconds(over)}; then stored after ${seconds(stores)}, seen after ${seconds(sees)}`,
      );
    }
    // Who goes in good order has stored all it had told.
    console.log(`rolling restart: ${await allHolds(scene, { redis: redis.client(), ownersChanged: false })}`);
  } finally {
    await scene.close();
    await redis.stop();
  }
});
