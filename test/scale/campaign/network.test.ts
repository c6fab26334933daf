import { it } from 'vitest';
import { allHolds, storedHolds } from '../../support/fault-checks.ts';
import { everybodySees, everybodyStores, lasting, seconds, underFault } from '../../support/fault-scene.ts';
import { type BadNetwork, startProxy } from '../../support/proxy.ts';
import { newDatabase } from '../../support/services/postgres.ts';
import { startRedis } from '../../support/services/redis.ts';

const FROZEN_MS = 10_000;
const CUTS = 10;
const TRICKLED_MS = 5_000;
const BYTES_A_SECOND = 20_000;

const FAULTS: Readonly<Record<string, (network: BadNetwork) => Promise<void>>> = {
  frozen: async (network) => {
    network.freeze();
    await lasting(FROZEN_MS);
    network.heal();
  },
  cut: async (network) => {
    for (let time = 0; time < CUTS; time++) {
      network.cut();
      await lasting(200);
    }
  },
  'with lost answers, then cut': async (network) => {
    for (let time = 0; time < CUTS; time++) {
      network.dropReplies();
      await lasting(100);
      network.cut();
      network.heal();
      await lasting(300);
    }
  },
  trickling: async (network) => {
    network.trickle(BYTES_A_SECOND);
    await lasting(TRICKLED_MS);
    network.heal();
  },
};

it('the network between the servers and what they share freezes, breaks and trickles [P5, P7, A1, A6]', { timeout: 300_000 }, async () => {
  const [redis, database] = await Promise.all([startRedis(), newDatabase()]);
  const behind = new URL(database.url);
  const [toRedis, toDatabase] = await Promise.all([startProxy(redis.port), startProxy(Number(behind.port))]);
  behind.port = new URL(toDatabase.url).port;
  const scene = await underFault({ redis: { url: toRedis.url.replace('http:', 'redis:') }, database: { url: behind.href } });
  try {
    for (const [place, network] of Object.entries({ Redis: toRedis, PostgreSQL: toDatabase })) {
      for (const [name, inject] of Object.entries(FAULTS)) {
        await inject(network);
        const [stores, sees] = await Promise.all([everybodyStores(scene), everybodySees(scene)]);
        await storedHolds(scene);
        console.log(`the way to ${place} ${name}: all drivers store ${seconds(stores)} later, watchers see ${seconds(sees)} later`);
      }
    }
    await scene.cluster.settled();
    // Sessions that fell silent were given up, and with them partitions.
    console.log(`network: ${await allHolds(scene, { redis: redis.client(), ownersChanged: true })}`);
  } finally {
    await scene.close();
    await Promise.all([toRedis.close(), toDatabase.close()]);
    await redis.stop();
    await database.drop();
  }
});
