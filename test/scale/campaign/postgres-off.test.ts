import { expect, it } from 'vitest';
import { allHolds, inLog, storedHolds } from '../../support/fault-checks.ts';
import { everybodySees, everybodyStores, lasting, STREAMING, seconds, underFault } from '../../support/fault-scene.ts';
import { startPostgres } from '../../support/services/postgres.ts';
import { startRedis } from '../../support/services/redis.ts';

const OFF_MS = 60_000;
/** Looked at so often while it is off. */
const LOOKS = 6;

it('PostgreSQL off for a minute: live goes on, stored stalls, then drains [A7, P2, A1]', { timeout: 240_000 }, async () => {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  // Slowly, so that senders have room for a minute.
  const scene = await underFault({ redis, database: postgres, pace: 300 });
  try {
    await postgres.stop('SIGINT');
    const live: number[] = [];
    for (let look = 0; look < LOOKS; look++) {
      live.push(await everybodySees(scene, STREAMING));
      await lasting(OFF_MS / LOOKS);
    }
    const backlog = await inLog(redis.client());
    expect(backlog).toBeGreaterThan(0);
    const startedAt = performance.now();
    await postgres.start();
    await everybodyStores(scene);
    const drained = performance.now() - startedAt;
    await storedHolds(scene);
    await scene.cluster.settled();
    const end = await allHolds(scene, { redis: redis.client(), ownersChanged: false });
    console.log(
      `PostgreSQL off for ${seconds(OFF_MS)}: live within ${seconds(Math.max(...live))}, ${backlog} entries waited, all drivers stored ${seconds(drained)} after the start; ${end}`,
    );
  } finally {
    await scene.close();
    await Promise.all([redis.stop(), postgres.remove()]);
  }
});
