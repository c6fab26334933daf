import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { startRedis } from '../../../../../test/support/services/redis.ts';
import { until } from '../../../../../test/support/until.ts';
import { activeTrip, type Driver, newDriver, type SeenDriver } from '../../core/driver.ts';
import { newLife } from '../../core/life.ts';
import { countFix, patchTrip } from '../../core/trip.ts';
import { busContract, EVERY_KIND } from '../../hub/contracts/bus.ts';
import { hotContract } from '../../hub/contracts/hot.ts';
import { BY, driverAt, fixAt, happening, location, sampleTrip, T0 } from '../../hub/contracts/samples.ts';
import type { Delivery } from '../../hub/delivery.ts';
import type { Clock } from '../../hub/ports.ts';
import { openRedis } from '../redis/open-redis.ts';
import { systemClock } from '../system-clock.ts';
import { openLive } from './open-live.ts';

const redis = await startRedis();
afterAll(() => redis.stop());
const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

const fresh = (): string => `test-${randomUUID()}:`;

/** A process of its own, as far as Redis can tell. */
async function processOf(prefix: string, home: number, clock: Clock = systemClock, url = redis.url) {
  const connection = await openRedis({ url, prefix });
  const live = await openLive({ connection, clock, home });
  const got: Delivery[] = [];
  const doubts: number[] = [];
  live.bus.listen(
    (delivery) => got.push(delivery),
    () => void doubts.push(clock.now()),
  );
  opened.push(async () => {
    await live.close();
    connection.close();
  });
  return { ...live, connection, got, doubts };
}

busContract('RedisBus', async () => (await processOf(fresh(), 1)).bus);
hotContract('RedisHot', async (clock) => (await processOf(fresh(), 1, clock)).hot);

/** As others see it. */
function seen(driver: Driver): SeenDriver {
  const { judgement: _, identities: __, adopted: ___, ...rest } = driver;
  return rest;
}

describe('a bus that processes share', () => {
  it('brings what one publishes to whoever wants it elsewhere, whole and in order, and to nobody else [P7]', async () => {
    const prefix = fresh();
    const [one, two, three] = [await processOf(prefix, 1), await processOf(prefix, 2), await processOf(prefix, 3)];
    const wanted = [...new Set(EVERY_KIND.map(({ feed }) => feed))].filter((feed) => feed !== 'process:1' && feed !== 'fleet');
    for (const feed of wanted) two.bus.join(feed);
    await until(
      () => wanted.every((feed) => one.isWanted(feed)),
      (all) => all,
    );
    const sent = EVERY_KIND.filter(({ feed }) => wanted.includes(feed));
    for (let n = 0; n < 20; n++) for (const delivery of sent) one.bus.publish(delivery);
    await until(
      () => two.got.length,
      (count) => count === 20 * sent.length,
    );
    expect(two.got).toEqual(Array.from({ length: 20 }, () => sent).flat());
    two.bus.leave('trip:t');
    three.bus.join('trip:t');
    await until(
      () => one.bus.publish(location('trip:t', 'e', 1)) ?? three.got.length,
      (count) => count > 0,
    );
    expect(one.got).toEqual([]);
    expect(two.got.length).toBe(20 * sent.length);
  });

  it('sends what is for a process to just that one, and the fleet to all but the sender [P7]', async () => {
    const prefix = fresh();
    const all = [await processOf(prefix, 1), await processOf(prefix, 2), await processOf(prefix, 3)] as const;
    for (const [i, { bus }] of all.entries()) {
      bus.join(`process:${i + 1}`);
      bus.join('fleet');
    }
    const telling: Delivery = {
      type: 'telling',
      feed: 'process:2',
      telling: { kind: 'stored', sender: 1, driverId: 'd', stream: 's', upTo: 5 },
    };
    all[0].bus.publish(telling);
    const frame: Delivery = { type: 'fleet', feed: 'fleet', full: false, home: 1, number: 1, rows: [], gone: ['x'] };
    all[0].bus.publish(frame);
    await until(
      () => all.map(({ got }) => got.length),
      (counts) => counts.join() === '1,2,1',
    );
    expect(all.map(({ got }) => got)).toEqual([[frame], [telling, frame], [frame]]);
    all[1].bus.publish(telling);
    expect(all[1].got, 'its own at once').toHaveLength(3);
    // There and back again: what it had sent to itself would have come before.
    all[1].bus.publish({ ...telling, feed: 'process:1' });
    await until(
      () => all[0].got.length,
      (count) => count === 2,
    );
    const last: Delivery = { type: 'removed', feed: 'process:2' };
    all[0].bus.publish(last);
    await until(
      () => all[1].got.at(-1)?.type,
      (type) => type === 'removed',
    );
    expect(all[1].got).toEqual([telling, frame, telling, last]);
  });

  it('knows when nothing of what it wants can pass by any more: what was published before can be read then [P7]', async () => {
    const prefix = fresh();
    const [one, two, three] = [await processOf(prefix, 1), await processOf(prefix, 2), await processOf(prefix, 3)];
    await until(
      () => two.bus.known(),
      (known) => known,
    );
    await until(
      () => three.bus.known(),
      (known) => known,
    );
    const driver = newDriver('d', 'e');
    let missed = 0;
    for (let n = 0; n < 200; n++) {
      // A driver that never rests: a number is in the state that is read, or it comes.
      driver.seq = 0;
      let running = true;
      const feed = `driver:d${n}`;
      const publishing = (async () => {
        while (running) {
          driver.seq++;
          one.hot.put(driver);
          one.bus.publish(location(feed, 'e', driver.seq));
          await new Promise(setImmediate);
        }
      })();
      two.bus.join(feed);
      while (!(await two.bus.known()));
      const stands = (await two.hot.driver('d'))?.seq ?? 0;
      const last = driver.seq + 1;
      await until(
        () => two.got.at(-1),
        (delivery) => delivery?.feed === feed && 'seq' in delivery && delivery.seq >= last,
      );
      running = false;
      await publishing;
      const came = two.got.filter((delivery) => delivery.feed === feed).map((delivery) => ('seq' in delivery ? delivery.seq : 0));
      if ((came[0] as number) > stands + 1) missed++;
      two.got.length = 0;
    }
    expect(missed).toBe(0);
  });

  it('doubts whatever was published while it could not hear, when somebody new comes, and when one could not send [P7]', async () => {
    const prefix = fresh();
    const one = await processOf(prefix, 1);
    const two = await processOf(prefix, 2);
    await until(
      () => [one.doubts.length, two.doubts.length],
      ([a, b]) => a === 1 && b === 1,
    );
    const cut = () => one.connection.run([{ key: 'x', args: ['CLIENT', 'KILL', 'TYPE', 'pubsub'] }]);
    await cut();
    await until(
      () => [one.doubts.length, two.doubts.length],
      ([a, b]) => Number(a) >= 2 && Number(b) >= 2,
    );
    // Who cannot hear does not know what is wanted, and nobody says it does.
    for (let n = 0; n < 2; n++) {
      await cut();
      two.bus.join(`driver:d${n}`);
      while (!(await two.bus.known()));
      expect(one.isWanted(`driver:d${n}`)).toBe(true);
    }
  });

  it('tells whoever comes later what is wanted already, and forgets whoever goes [P7]', async () => {
    const prefix = fresh();
    const one = await processOf(prefix, 1);
    for (let n = 0; n < 2_500; n++) one.bus.join(`trip:${n}`);
    const two = await processOf(prefix, 2);
    await until(
      () => two.isWanted('trip:0') && two.isWanted('trip:2499'),
      (both) => both,
    );
    two.bus.publish(location('trip:7', 'e', 1));
    await until(
      () => one.got.length,
      (count) => count === 1,
    );
    one.bus.leave('trip:7');
    await until(
      () => two.bus.publish(location('trip:7', 'e', 2)) ?? redis.client().sismember(`${prefix}wants:1`, 'trip:7'),
      (member) => member === 0,
    );
    expect(two.isWanted('trip:7'), 'lately wanted').toBe(true);
    expect(one.got.every(({ feed }) => feed === 'trip:7')).toBe(true);
    await one.close();
    expect(await redis.client().exists(`${prefix}wants:1`)).toBe(0);
    expect(await redis.client().ttl(`${prefix}wants:2`)).toBeGreaterThan(0);
  });

  it('back without what it took last: a driver that rests is shown as it is [P7]', async () => {
    const prefix = fresh();
    const own = await startRedis();
    opened.push(() => own.stop());
    const [one, two] = [await processOf(prefix, 1, systemClock, own.url), await processOf(prefix, 2, systemClock, own.url)];
    const tripsOf = async () => (await two.hot.driver('d'))?.trips.map(({ trip }) => trip.id).join();
    const driver = driverAt('d', 5);
    driver.trips = [activeTrip(driver, sampleTrip('a'))];
    one.hot.put(driver);
    await until(tripsOf, (ids) => ids === 'a');
    const keys = [`${prefix}{driver.d}:light`, `${prefix}{driver.d}:heavy`] as const;
    const before = (await own.client().mget(...keys)) as string[];
    driver.trips = [...driver.trips, activeTrip(driver, sampleTrip('b'))];
    one.hot.put(driver);
    await until(tripsOf, (ids) => ids === 'a,b');
    // As after a crash that lost the last second.
    await own.client().mset(keys[0], before[0] as string, keys[1], before[1] as string);
    expect(await tripsOf()).toBe('a');
    await own.client().call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await until(tripsOf, (ids) => ids === 'a,b');
  });

  it('wiped: within seconds everybody is known again, and drivers are there again [P7]', async () => {
    const prefix = fresh();
    const own = await startRedis();
    opened.push(() => own.stop());
    const [one, two] = [await processOf(prefix, 1, systemClock, own.url), await processOf(prefix, 2, systemClock, own.url)];
    two.bus.join('trip:t');
    const driver = driverAt('d', 5);
    one.hot.put(driver);
    await until(
      () => one.isWanted('trip:t'),
      (wanted) => wanted,
    );
    await own.client().flushall();
    await until(
      () => own.client().exists(`${prefix}wants:1`, `${prefix}wants:2`),
      (there) => there === 2,
      5_000,
    );
    await until(
      () => two.hot.driver('d'),
      (found) => found != null,
      5_000,
    );
    const three = await processOf(prefix, 3, systemClock, own.url);
    await until(
      () => three.isWanted('trip:t'),
      (wanted) => wanted,
    );
    three.bus.publish(location('trip:t', 'e', 1));
    await until(
      () => two.got.length,
      (count) => count === 1,
    );
  });

  it('killed and back: drops what nobody can hear, keeps the latest of drivers, and goes on [P7]', async () => {
    const prefix = fresh();
    const own = await startRedis({ aof: true });
    opened.push(() => own.stop());
    const [one, two] = [await processOf(prefix, 1, systemClock, own.url), await processOf(prefix, 2, systemClock, own.url)];
    two.bus.join('trip:t');
    await until(
      () => one.isWanted('trip:t'),
      (wanted) => wanted,
    );
    one.hot.append(location('trip:t', 'e', 0));
    await until(
      () => two.hot.heads(['trip:t']),
      ([head]) => head?.seq === 0,
    );
    await own.kill('SIGKILL');
    await until(
      () => one.connection.health().ok,
      (ok) => !ok,
    );
    for (let seq = 1; seq <= 100; seq++) {
      one.bus.publish(location('trip:t', 'e', seq));
      one.hot.append(location('trip:t', 'e', seq));
    }
    one.hot.put(driverAt('d', 9));
    expect(await two.hot.driver('d'), 'it cannot be asked').toBeNull();
    expect(await two.hot.since('trip:t', 'e', 1)).toBeNull();
    await own.start();
    await until(
      () => two.hot.heads(['trip:t']),
      ([head]) => head === null && two.connection.health().ok,
    );
    expect(await own.client().exists(`${prefix}ring:trip:t`), 'what it had looked like the newest').toBe(0);
    let seq = 100;
    await until(
      () => {
        const message = location('trip:t', 'e', ++seq);
        one.hot.append(message);
        one.bus.publish(message);
        return two.got.length;
      },
      (count) => count > 0,
    );
    const [first] = two.got;
    expect(first).toMatchObject({ type: 'location' });
    await until(
      () => two.hot.driver('d'),
      (driver) => driver?.position === 9,
    );
    expect(await two.hot.since('trip:t', 'e', 99), 'a hole is not passed over').toBeNull();
    // What is told and what is kept travel apart: the last one may still be on its way into the ring.
    await until(
      () => two.hot.since('trip:t', 'e', seq - 1),
      (kept) => kept?.length === 1,
    );
  });
});

describe('hot state that processes share', () => {
  it('shows a driver to others as its owner has it, after plain fixes and after commands [D1, P1]', async () => {
    const prefix = fresh();
    const [one, two] = [await processOf(prefix, 1), await processOf(prefix, 2)];
    const driver = driverAt('d', 1, { latest: fixAt(1), profile: { name: 'Ada', vehicle: null, plate: 'B 1' } });
    const active = activeTrip(driver, sampleTrip('t', { driverId: 'd' }));
    driver.trips = [active];
    const shows = async (): Promise<void> => {
      one.hot.put(driver);
      await until(
        () => two.hot.driver('d'),
        (found) => found?.position === driver.position,
      );
      expect(await two.hot.driver('d')).toEqual(seen(driver));
    };
    await shows();
    expect(await one.hot.driver('d'), 'its own from memory').toBe(driver);
    driver.position = 2;
    driver.seq = 4;
    driver.latest = fixAt(60, 90_000);
    active.seq = 3;
    countFix(active.trip, fixAt(60, 90_000));
    await shows();
    driver.position = 3;
    patchTrip(active.trip, { driverName: 'Bo', stops: [] }, T0 + 9, BY);
    active.plan = { kind: 'ride', stops: [] };
    await shows();
    driver.position = 4;
    driver.profile = { ...driver.profile, vehicle: 'van' };
    await shows();
    driver.position = 5;
    driver.trips = [];
    await shows();
    expect(await redis.client().ttl(`${prefix}{driver.d}:light`)).toBeGreaterThan(86_000);
    expect(await redis.client().ttl(`${prefix}{driver.d}:heavy`)).toBeGreaterThan(86_000);
  });

  it.each(['wiped', 'killed'])('does not say that nobody has a driver while Redis, %s, may have lost who has it [O1]', async (fault) => {
    const prefix = fresh();
    // Without a log on disk it comes back empty.
    const own = await startRedis();
    opened.push(() => own.stop());
    const [one, two] = [await processOf(prefix, 1, systemClock, own.url), await processOf(prefix, 2, systemClock, own.url)];
    for (let n = 0; n < 100; n++) one.hot.put(driverAt(`d${n}`, 1));
    const shown = () => Promise.all(['d0', 'd50', 'd99', 'nobody'].map((id) => two.hot.driver(id)));
    await until(shown, (found) => found.filter((driver) => driver != null).length === 3);
    await until(shown, (found) => found.at(-1) === undefined);
    if (fault === 'wiped') await own.client().flushall();
    // Feeds that are wanted anew make what was wiped look as if it were there.
    if (fault === 'wiped') for (const { bus } of [one, two]) bus.join('driver:d0');
    else await own.kill('SIGKILL').then(() => own.start());
    const had = new Set<boolean | null | undefined>();
    const nobody: (SeenDriver | null | undefined)[] = [];
    await until(
      async () => {
        const found = await shown();
        nobody.push(found.pop());
        for (const driver of found) had.add(driver && true);
        return found;
      },
      (found) => found.every((driver) => driver != null),
    );
    expect(had).toEqual(new Set([null, true]));
    expect(new Set(nobody)).toEqual(new Set([null]));
    await until(shown, (found) => found.at(-1) === undefined);
  });

  it('drops a driver only while no later life of it was put there, and what is left of an earlier one [P2]', async () => {
    const prefix = fresh();
    const [one, two, three] = [await processOf(prefix, 1), await processOf(prefix, 2), await processOf(prefix, 3)];
    const [earlier, epoch, later] = [T0, T0 + 1, T0 + 2].map((at) => newLife(at, 'life')) as [string, string, string];
    for (const id of ['d', 'e', 'f', 'g']) one.hot.put(driverAt(id, 1, { epoch }));
    await until(
      () => three.hot.driver('g'),
      (found) => found != null,
    );
    two.hot.put(driverAt('d', 2, { epoch: later }));
    two.hot.put(driverAt('f', 1, { epoch: earlier }));
    // Of a clock that is behind: it has gone on in the log.
    two.hot.put(driverAt('g', 2, { epoch: earlier }));
    await until(
      () => three.hot.driver('g'),
      (found) => found?.position === 2,
    );
    for (const id of ['d', 'e', 'f', 'g']) one.hot.drop(id);
    await until(
      () => Promise.all(['e', 'f'].map((id) => three.hot.driver(id))),
      (found) => found.every((driver) => driver === undefined),
    );
    expect(await three.hot.driver('d')).toMatchObject({ epoch: later, position: 2 });
    expect(await three.hot.driver('g')).toMatchObject({ epoch: earlier, position: 2 });
    expect(await one.hot.driver('d'), 'not from its own memory any more').toMatchObject({ epoch: later });
  });

  it('keeps for others what is wanted anywhere, and ends a ring when a message is left out [O2]', async () => {
    const prefix = fresh();
    const [one, two] = [await processOf(prefix, 1), await processOf(prefix, 2)];
    two.bus.join('trip:t');
    await until(
      () => one.isWanted('trip:t'),
      (wanted) => wanted,
    );
    for (let seq = 1; seq <= 500; seq++) one.hot.append(seq % 7 === 0 ? happening('trip:t', 'e', seq) : location('trip:t', 'e', seq));
    await until(
      () => two.hot.heads(['trip:t', 'trip:none']),
      ([head]) => head?.seq === 500,
    );
    expect(await two.hot.since('trip:t', 'e', 498)).toEqual([location('trip:t', 'e', 499), location('trip:t', 'e', 500)]);
    expect(await two.hot.since('trip:t', 'e', 199)).toBeNull();
    expect(await two.hot.since('trip:t', 'e', 200)).toHaveLength(300);
    expect(await redis.client().llen(`${prefix}ring:trip:t`)).toBeLessThan(340);
    expect(await redis.client().ttl(`${prefix}ring:trip:t`)).toBeGreaterThan(500);
    for (const seq of [501, 503, 504]) one.hot.append(location('trip:t', 'e', seq));
    expect(await one.hot.since('trip:t', 'e', 500), 'one is missing').toBeNull();
    expect(await one.hot.since('trip:t', 'e', 502)).toHaveLength(2);
    one.hot.append(location('trip:unwanted', 'e', 1));
    expect(await one.hot.since('trip:unwanted', 'e', 0)).toBeNull();
    expect(await redis.client().exists(`${prefix}ring:trip:unwanted`)).toBe(0);
  });
});

describe('what a process left of a driver when it was killed between the commit and the removal [I11, I14]', () => {
  it('is removed by any other, which knows nothing of it; whoever came after stays', async () => {
    const prefix = fresh();
    const [one, two] = [await processOf(prefix, 1), await processOf(prefix, 2)];
    const left = async () =>
      (await redis.client().keys(`${prefix}*`)).filter((key) => key.includes('driver') && key.includes('gone')).sort();
    two.hot.hold('driver:gone');
    await until(
      () => one.isWanted('driver:gone'),
      (isWanted) => isWanted,
    );
    one.hot.put(driverAt('gone', 1, { latest: fixAt(1), lastSeenAt: T0 }));
    one.hot.append(location('driver:gone', 'e', 1));
    await until(left, (keys) => keys.length === 3);
    expect(await two.hot.driver('gone')).toMatchObject({ latest: fixAt(1) });
    expect(await two.hot.wipe('gone', T0)).toBe(true);
    expect(await left()).toEqual([]);
    expect(await two.hot.driver('gone')).toBeUndefined();
    one.hot.put(driverAt('gone', 2, { latest: fixAt(2), lastSeenAt: T0 + 1 }));
    await until(left, (keys) => keys.length === 2);
    expect(await two.hot.wipe('gone', T0)).toBe(false);
    expect(await two.hot.driver('gone')).toMatchObject({ position: 2, latest: fixAt(2) });
  });

  it('is not said to be gone while Redis cannot be asked', async () => {
    const own = await startRedis();
    try {
      const { hot } = await processOf(fresh(), 1, systemClock, own.url);
      expect(await hot.wipe('gone', T0)).toBe(true);
      await own.stop();
      await expect(hot.wipe('gone', T0)).rejects.toThrow();
    } finally {
      await own.stop();
    }
  });
});
