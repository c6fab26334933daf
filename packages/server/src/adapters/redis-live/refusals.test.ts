import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { startRedis } from '../../../../../test/support/services/redis.ts';
import { until } from '../../../../../test/support/until.ts';
import { driverAt, location } from '../../hub/contracts/samples.ts';
import { openRedis } from '../redis/open-redis.ts';
import { systemClock } from '../system-clock.ts';
import { openLive } from './open-live.ts';

const redis = await startRedis();
afterAll(() => redis.stop());
const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

/** Two processes; feeds are wanted by the second one and written by the first. */
async function twoProcesses(feeds: readonly string[]) {
  const prefix = `test-${randomUUID()}:`;
  const open = async (home: number) => {
    const connection = await openRedis({ url: redis.url, prefix });
    const live = await openLive({ connection, clock: systemClock, home });
    opened.push(async () => {
      await live.close();
      connection.close();
    });
    return live;
  };
  const [one, two] = [await open(1), await open(2)];
  for (const feed of feeds) two.bus.join(feed);
  await until(
    () => feeds.every((feed) => one.isWanted(feed)),
    (all) => all,
  );
  const headOf = async (feed: string) => (await two.hot.heads([feed]))[0]?.seq;
  const write = async (feed: string, seq: number): Promise<void> => {
    one.hot.append(location(feed, 'e', seq));
    await until(
      () => headOf(feed),
      (head) => head === seq,
    );
  };
  return { prefix, one, two, write };
}

async function refusing<T>(during: () => Promise<T>): Promise<T> {
  await redis.client().config('SET', 'maxmemory', '1');
  try {
    return await during();
  } finally {
    await redis.client().config('SET', 'maxmemory', '0');
  }
}

/** How many commands of this name Redis refused. */
async function rejected(name: string): Promise<number> {
  const stats = await redis.client().info('commandstats');
  return Number(new RegExp(`^cmdstat_${name}:.*rejected_calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0);
}

describe('what Redis does not take', () => {
  it('costs the ring it was of, and no other [O2, P7]', async () => {
    const { prefix, one, two, write } = await twoProcesses(['trip:a', 'trip:b']);
    for (const feed of ['trip:a', 'trip:b']) for (const seq of [1, 2]) await write(feed, seq);
    // Whatever it is that cannot be written: one call of one ring fails.
    await redis.client().set(`${prefix}ring:trip:a`, 'not a list');
    one.hot.append(location('trip:a', 'e', 3));
    await until(
      () => redis.client().exists(`${prefix}ring:trip:a`),
      (there) => there === 0,
    );
    await write('trip:b', 3);
    expect(await two.hot.since('trip:b', 'e', 0)).toHaveLength(3);
    await write('trip:a', 4);
    expect(await two.hot.since('trip:a', 'e', 3)).toHaveLength(1);
    expect(await two.hot.since('trip:a', 'e', 2), 'a hole is not passed over').toBeNull();
  });

  it('leaves no ring behind that looks like the newest, though nothing more is published [O2, P7]', async () => {
    const { prefix, one, two, write } = await twoProcesses(['trip:a']);
    await write('trip:a', 1);
    await refusing(async () => {
      const before = await rejected('rpush');
      one.hot.append(location('trip:a', 'e', 2));
      await until(
        () => rejected('rpush'),
        (count) => count > before,
      );
    });
    await until(
      () => redis.client().exists(`${prefix}ring:trip:a`),
      (there) => there === 0,
    );
    expect(await two.hot.since('trip:a', 'e', 1)).toBeNull();
  });

  it('of drivers is written as soon as it takes it, without anything new, and not over and over until then [D1]', async () => {
    const { one, two } = await twoProcesses([]);
    const drivers = Array.from({ length: 5_000 }, (_, n) => driverAt(`d${n}`, 1));
    for (const driver of drivers) one.hot.put(driver);
    await until(
      () => two.hot.driver('d4999'),
      (found) => found?.position === 1,
    );
    await refusing(async () => {
      const before = await rejected('set');
      const began = performance.now();
      for (const driver of drivers) {
        driver.position = 2;
        one.hot.put(driver);
      }
      await until(
        () => rejected('set'),
        (count) => count > before + 7_000,
      );
      // Each once, then 200 of them every 100 ms, with their heavy part.
      expect((await rejected('set')) - before).toBeLessThan(5_000 + 400 * (2 + (performance.now() - began) / 100));
    });
    const some = drivers.filter((_, n) => n % 100 === 99);
    await until(
      async () => (await Promise.all(some.map(({ id }) => two.hot.driver(id)))).filter((found) => found?.position === 2).length,
      (count) => count === some.length,
    );
  });
});
