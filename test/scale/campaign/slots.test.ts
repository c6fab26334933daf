import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { it } from 'vitest';
import { allHolds, storedHolds } from '../../support/fault-checks.ts';
import { everybodySees, everybodyStores, seconds, underFault } from '../../support/fault-scene.ts';
import { startRedisCluster } from '../../support/services/redis-cluster.ts';

const MOVED = 2_000;
const run = promisify(execFile);

it('slots of a Redis Cluster move from master to master under load, and a master is killed amid it [P5, P7, A1]', {
  timeout: 240_000,
}, async () => {
  const redis = await startRedisCluster();
  const scene = await underFault({ redis, watchers: 2 });
  try {
    const ids = await Promise.all(redis.nodes.map(async (node) => ({ node, id: String(await node.client().cluster('MYID')) })));
    const masters = [];
    for (const one of ids) if ((await one.node.client().info('replication')).includes('role:master')) masters.push(one);
    for (const [i, from] of masters.entries()) {
      const to = masters[(i + 1) % masters.length];
      const begun = performance.now();
      const moving = ['--cluster-from', from.id, '--cluster-to', to?.id ?? '', '--cluster-slots', String(MOVED), '--cluster-yes'];
      await run('redis-cli', ['--cluster', 'reshard', `127.0.0.1:${from.node.port}`, ...moving], { maxBuffer: 1e8 });
      const moved = performance.now() - begun;
      const [stores, sees] = await Promise.all([everybodyStores(scene), everybodySees(scene)]);
      await storedHolds(scene);
      console.log(
        `${MOVED} slots moved in ${seconds(moved)}: then all drivers store after ${seconds(stores)}, watchers see after ${seconds(sees)}`,
      );
    }
    const victim = await redis.masterOf('waycast:{log.0}');
    const killedAt = performance.now();
    await victim.kill('SIGKILL');
    await Promise.all([everybodyStores(scene), everybodySees(scene)]);
    console.log(`a master killed afterwards: all drivers stored and seen again after ${seconds(performance.now() - killedAt)}`);
    await storedHolds(scene);
    const left = redis.nodes.filter((node) => node !== victim).map((node) => node.client());
    console.log(`moving slots: ${await allHolds(scene, { redis: left, ownersChanged: false })}`);
  } finally {
    await scene.close();
    await redis.stop();
  }
});
