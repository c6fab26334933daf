import { expect, it } from 'vitest';
import { allHolds, storedHolds } from '../../support/fault-checks.ts';
import { everybodySees, everybodyStores, seconds, underFault } from '../../support/fault-scene.ts';
import { startProxy } from '../../support/proxy.ts';
import { startRedis, type TestRedis } from '../../support/services/redis.ts';
import { until } from '../../support/until.ts';

const TURNS = 3;

async function following(replica: TestRedis, primary: TestRedis): Promise<void> {
  await replica.client().replicaof('127.0.0.1', primary.port);
  await until(
    () => replica.client().info('replication'),
    (info) => info.includes('master_link_status:up'),
  );
}

/** One address for both, as a virtual one or a service of a cluster of machines is. */
it('the primary of a single Redis is killed and its replica takes the address over, several times [P5, P7, A1]', {
  timeout: 180_000,
}, async () => {
  let [primary, replica] = await Promise.all([startRedis({ aof: true }), startRedis({ aof: true })]);
  await following(replica, primary);
  const address = await startProxy(primary.port);
  const scene = await underFault({ redis: { url: address.url.replace('http:', 'redis:') } });
  try {
    for (let turn = 0; turn < TURNS; turn++) {
      const killedAt = performance.now();
      await primary.kill('SIGKILL');
      await replica.client().replicaof('NO', 'ONE');
      address.redirect(replica.port);
      address.cut();
      const [stores, sees] = await Promise.all([everybodyStores(scene), everybodySees(scene)]);
      await storedHolds(scene);
      console.log(
        `failover ${turn}: all drivers store and are seen ${seconds(performance.now() - killedAt)} after the kill (${seconds(stores)}, ${seconds(sees)})`,
      );
      [primary, replica] = [replica, primary];
      await replica.start();
      await following(replica, primary);
    }
    console.log(`failover: ${await allHolds(scene, { redis: primary.client(), ownersChanged: false })}`);
    expect(address.accepted).toBeGreaterThan(TURNS);
  } finally {
    await scene.close();
    await address.close();
    await Promise.all([primary.stop(), replica.stop()]);
  }
});
