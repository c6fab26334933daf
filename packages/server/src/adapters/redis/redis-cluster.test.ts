import { afterAll, afterEach, expect, it } from 'vitest';
import { startRedisCluster } from '../../../../../test/support/services/redis-cluster.ts';
import { until } from '../../../../../test/support/until.ts';
import { driverAt, location, T0 } from '../../hub/contracts/samples.ts';
import type { Delivery } from '../../hub/delivery.ts';
import type { LogEntry } from '../../hub/ports.ts';
import { openLive } from '../redis-live/open-live.ts';
import { RedisLog } from '../redis-log/redis-log.ts';
import { RedisPresence } from '../redis-presence/redis-presence.ts';
import { systemClock } from '../system-clock.ts';
import { keySlot } from './key-slot.ts';
import { openRedis } from './open-redis.ts';

const cluster = await startRedisCluster();
afterAll(() => cluster.stop());
const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function processOf(home: number, url: string) {
  const connection = await openRedis({ url });
  const log = new RedisLog({ connection, warn: () => undefined });
  const live = await openLive({ connection, clock: systemClock, home });
  const presence = new RedisPresence({ connection });
  const got: Delivery[] = [];
  live.bus.listen(
    (delivery) => got.push(delivery),
    () => undefined,
  );
  opened.push(async () => {
    await Promise.all([log.shut(), live.close(), presence.close()]);
    connection.close();
  });
  return { connection, log, ...live, presence, got };
}

it('follows a slot while it moves, and after it has [P1]', async () => {
  const { connection } = await processOf(9, cluster.url);
  const slot = String(keySlot('{moving}'));
  const from = await cluster.masterOf('{moving}');
  const to = await cluster.masterOf('waycast:inbox:2').then(async (one) => (one === from ? cluster.masterOf('waycast:inbox:3') : one));
  expect(to).not.toBe(from);
  const [idFrom, idTo] = [String(await from.client().cluster('MYID')), String(await to.client().cluster('MYID'))];
  await to.client().cluster('SETSLOT', slot, 'IMPORTING', idFrom);
  await from.client().cluster('SETSLOT', slot, 'MIGRATING', idTo);
  // Keys that are not there any more are at the other end already.
  expect(await connection.run([{ key: '{moving}', args: ['INCR', '{moving}'] }])).toEqual([1]);
  for (const node of [to, from]) await node.client().cluster('SETSLOT', slot, 'NODE', idTo);
  expect(await connection.run(['{moving}', 'other'].map((key) => ({ key, args: ['INCR', key] })))).toEqual([2, 1]);
  expect(await to.client().get('{moving}')).toBe('2');
});

it('two processes share a Cluster, by one node of it or by all, and a master that is killed holds them up for seconds only [P1]', async () => {
  const one = await processOf(1, cluster.nodes[5]?.url ?? '');
  const two = await processOf(2, cluster.url);
  expect(one.connection.cluster).toBe(true);

  const entries: LogEntry[] = [];
  two.log.consume((batch) => entries.push(...batch));
  for (let partition = 0; partition < 64; partition++) two.log.open(partition, 0);
  let appended = 0;
  const append = (): void => {
    const fix = { lat: 1, lng: 2, at: T0, speed: null, bearing: null, accuracy: null, altitude: null };
    const reply = ++appended;
    one.log.append(reply % 64, {
      kind: 'fixes',
      driverId: 'd',
      receivedAt: T0,
      reply,
      live: true,
      stream: 's',
      base: null,
      sender: 1,
      fixes: [{ seq: reply, fix }],
    });
  };
  for (let n = 0; n < 1_000; n++) append();
  const missing = (): number => appended - new Set(entries.map(({ command }) => command.reply)).size;
  await until(missing, (count) => count === 0);
  for (let partition = 0; partition < 64; partition++) {
    const replies = entries.filter((entry) => entry.partition === partition).map(({ command }) => command.reply);
    expect(replies).toEqual(replies.toSorted((a, b) => a - b));
  }

  for (let n = 0; n < 20; n++) two.bus.join(`trip:${n}`);
  await until(
    () => one.isWanted('trip:19'),
    (wanted) => wanted,
  );
  for (let n = 0; n < 20; n++) one.bus.publish(location(`trip:${n}`, 'e', 1));
  for (let n = 0; n < 20; n++) one.hot.append(location(`trip:${n}`, 'e', 1));
  for (let n = 0; n < 20; n++) one.hot.put(driverAt(`d${n}`, 7));
  await until(
    () => two.got.length,
    (count) => count === 20,
  );
  await until(
    async () => (await Promise.all(Array.from({ length: 20 }, (_, n) => two.hot.driver(`d${n}`)))).every((found) => found?.position === 7),
    (all) => all,
  );
  expect(await two.hot.heads(Array.from({ length: 20 }, (_, n) => `trip:${n}`))).toEqual(new Array(20).fill({ epoch: 'e', seq: 1 }));
  expect(await one.presence.enter('r', 'a', 1)).toBe(1);
  expect(await two.presence.enter('r', 'b', 1)).toBeNull();

  const dies = await cluster.masterOf('waycast:inbox:2');
  await dies.kill('SIGKILL');
  const timer = setInterval(append, 2);
  await until(
    () => one.connection.health().ok,
    (ok) => !ok,
  );
  await until(
    () => [one, two].map(({ connection }) => connection.health().ok),
    (oks) => oks.every(Boolean),
    15_000,
  );
  clearInterval(timer);
  await until(
    () => one.log.held(),
    (held) => held === 0,
  );
  // What a master had taken and not passed on yet is lost with it; it was never stored.
  const after = appended;
  for (let n = 0; n < 640; n++) append();
  await until(
    () => new Set(entries.map(({ command }) => command.reply).filter((reply) => reply > after)).size,
    (count) => count === 640,
  );
  expect(missing()).toBeLessThan(1_000);
  const before = two.got.length;
  await until(
    () => one.bus.publish(location('trip:3', 'e', 2)) ?? two.got.length,
    (count) => count > before,
  );
  expect(await two.presence.enter('r', 'b', 2)).toBe(2);
});
