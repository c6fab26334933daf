import { expect, it } from 'vitest';
import { random } from '../../oracle/random.ts';
import { allHolds, storedHolds } from '../../support/fault-checks.ts';
import { everybodySees, everybodyStores, type FaultScene, lasting, seconds, underFault } from '../../support/fault-scene.ts';
import type { TestServer } from '../../support/server.ts';
import { type PostgresServer, startPostgres } from '../../support/services/postgres.ts';
import { startRedis, type TestRedis } from '../../support/services/redis.ts';

/** `SCALE_ROUNDS=20 npm run test:scale`: as many as wanted; each is all faults, in an order of its own, on a fleet of its own. */
const ROUNDS = Number(process.env.SCALE_ROUNDS ?? 3);
const SEED = Number(process.env.SCALE_SEED ?? Date.now() % 1_000_000);
const ROUND_WITHIN_MS = 300_000;

interface Victims {
  readonly scene: FaultScene;
  readonly redis: TestRedis;
  readonly postgres: PostgresServer;
  readonly living: TestServer[];
}

async function killServer({ scene, living }: Victims): Promise<void> {
  await living.shift()?.kill();
  await scene.cluster.settled();
}

async function join({ scene, living }: Victims): Promise<void> {
  living.push(await scene.cluster.join());
  await scene.cluster.settled();
}

const FAULTS: Readonly<Record<string, (victims: Victims) => Promise<void>>> = {
  'Redis killed, 1 s': async ({ redis }) => {
    await redis.kill('SIGKILL');
    await lasting(1_000);
    await redis.start();
  },
  'Redis wiped, five times in 2 s': async ({ redis }) => {
    for (let time = 0; time < 5; time++) {
      await redis.client().flushall();
      await lasting(400);
    }
  },
  'Redis hung, 8 s': async ({ redis }) => {
    await redis.kill('SIGSTOP');
    await lasting(8_000);
    await redis.kill('SIGCONT');
  },
  'PostgreSQL killed, 3 s': async ({ postgres }) => {
    await postgres.stop('SIGKILL');
    await lasting(3_000);
    await postgres.start();
  },
  'PostgreSQL and Redis killed, 2 s': async ({ postgres, redis }) => {
    await Promise.all([postgres.stop('SIGKILL'), redis.kill('SIGKILL')]);
    await lasting(2_000);
    await Promise.all([postgres.start(), redis.start()]);
  },
  'a server killed, another one joins': async (victims) => {
    await killServer(victims);
    await join(victims);
  },
  'a server and Redis killed together': async (victims) => {
    const { redis } = victims;
    await Promise.all([killServer(victims), redis.kill('SIGKILL').then(() => redis.start())]);
    await join(victims);
  },
  'a server asleep, 12 s': async ({ scene, living }) => {
    const [asleep] = living;
    if (asleep === undefined) throw new Error('nobody lives');
    process.kill(asleep.pid, 'SIGSTOP');
    // As any balancer that asks for readiness would find out.
    await scene.cluster.nginx?.serve(living.filter((one) => one !== asleep).map(({ port }) => port));
    await lasting(12_000);
    process.kill(asleep.pid, 'SIGCONT');
    await scene.cluster.nginx?.serve(living.map(({ port }) => port));
    await scene.cluster.settled();
  },
  'all servers asleep, 4 s': async ({ living }) => {
    for (const { pid } of living) process.kill(pid, 'SIGSTOP');
    await lasting(4_000);
    for (const { pid } of living) process.kill(pid, 'SIGCONT');
  },
};

it.each(Array.from({ length: ROUNDS }, (_, round) => round))(
  'round %i of all faults, one after another: I1 to I4 [P2, P4, P5, P7, A1, A6]',
  { timeout: ROUND_WITHIN_MS },
  async (round) => {
    const seed = SEED + round;
    const chance = random(seed);
    const [postgres, redis] = await Promise.all([startPostgres(), startRedis({ aof: true })]);
    const scene = await underFault({ redis, database: postgres, seed });
    const victims = { scene, redis, postgres, living: [...scene.cluster.servers] };
    try {
      const order = Object.entries(FAULTS)
        .map((fault) => ({ fault, place: chance.whole(0, 1_000_000) }))
        .sort((a, b) => a.place - b.place);
      for (const { fault } of order) {
        const [name, inject] = fault;
        await inject(victims);
        const [stores, sees] = await Promise.all([everybodyStores(scene), everybodySees(scene)]);
        const rows = await storedHolds(scene);
        console.log(
          `round ${round}, ${name}: all drivers store ${seconds(stores)} later, watchers see ${seconds(sees)} later; ${rows} rows`,
        );
      }
      await scene.cluster.settled();
      console.log(`round ${round} (seed ${seed}): ${await allHolds(scene, { redis: redis.client(), ownersChanged: true })}`);
      expect(victims.living).toHaveLength(2);
    } finally {
      await scene.close();
      await Promise.all([redis.stop(), postgres.remove()]);
    }
  },
);
