import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpSender } from '../packages/server/src/adapters/http-outbox/http-sender.ts';
import { openSqliteStore, type SqliteStore } from '../packages/server/src/adapters/sqlite-store/store.ts';
import { ManualClock } from '../packages/server/src/hub/contracts/manual-clock.ts';
import { consumerOf, HOUR, messageOf } from '../packages/server/src/hub/contracts/outbox-samples.ts';
import { commitOf } from '../packages/server/src/hub/contracts/samples.ts';
import { Dispatcher } from '../packages/server/src/hub/outbox/dispatcher.ts';
import { newSecret } from '../packages/server/src/hub/outbox/secrets.ts';
import { type Receiver, receiverForTest } from './support/receiver.ts';
import { until } from './support/until.ts';

const MINUTE = 60_000;
const SECRET = newSecret();

let dataDir: string;
let store: SqliteStore;
let clock: ManualClock;
let dispatcher: Dispatcher;
let outcomes: string[];
/** What the log was told. */
let told: string[];
let holders = 0;

function dispatch(timeoutMs = 15_000): Dispatcher {
  return new Dispatcher({
    outbox: store.outbox,
    sender: new HttpSender({ allowPrivate: true, userAgent: 'test', timeoutMs }),
    clock,
    chance: () => 0,
    holder: `h${++holders}`,
    attempted: (outcome) => outcomes.push(outcome),
    warn: (message, error) => {
      if (error instanceof Error) throw new Error(message, { cause: error });
      told.push(`${message}: ${error}`);
    },
    info: (message) => told.push(message),
  });
}

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'waycast-dispatch-'));
  store = await openSqliteStore({ dataDir });
  clock = new ManualClock();
  outcomes = [];
  told = [];
  dispatcher = dispatch();
});
afterEach(async () => {
  await dispatcher.close();
  await store.close();
  rmSync(dataDir, { recursive: true });
});

const hook = (receiver: Receiver, id = 'a') =>
  store.outbox.putConsumer(consumerOf(id, { url: `${receiver.url}/${id}`, secrets: [{ secret: SECRET, until: null }] }), 0);
const message = (id: string, key?: string) => messageOf(id, key, { at: clock.now() });
async function record(...messages: ReturnType<typeof messageOf>[]): Promise<void> {
  await store.commit(commitOf({ messages }));
  dispatcher.wake();
}
/** Lets time pass in steps, each worked off before the next. */
async function pass(ms: number, stepMs: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.pass(Math.min(stepMs, ms - passed));
    await dispatcher.idle();
  }
}
const states = async (id = 'a') => (await store.outbox.deliveries(id, null, 500, null)).items.map(({ state }) => state);
const ids = (receiver: Receiver, status?: number) =>
  receiver
    .received()
    .filter((one) => status === undefined || one.status === status)
    .map(({ headers }) => headers['webhook-id']);

describe('a receiver that is down for 24 h', () => {
  it('gets everything, in order per trip, each with the id it had, once it is back [W5, W7-W10]', async () => {
    const receiver = await receiverForTest();
    await hook(receiver);
    await receiver.kill();
    dispatcher.start();
    const sent: string[] = [];
    const keys = Array.from({ length: 12 }, (_, n) => `trip:${n}`);
    for (let hour = 0; hour < 24; hour++) {
      const messages = keys.filter((_, n) => (hour + n) % 3 === 0).map((key) => message(`${key.replace(':', '-')}-${hour}`, key));
      sent.push(...messages.map(({ id }) => id));
      await record(...messages);
      await pass(HOUR, 10 * MINUTE);
    }
    const triedMeanwhile = outcomes.length;
    await receiver.restart();
    await pass(2 * MINUTE, 15_000);
    await until(states, (now) => now.every((state) => state === 'delivered'));
    const got = receiver.received();
    expect(got.map(({ headers }) => headers['webhook-id']).sort()).toEqual(sent.sort());
    for (const key of keys) {
      const hours = got.map(({ body }) => /"trip-(\d+)-(\d+)"/.exec(body)).filter((found) => `trip:${found?.[1]}` === key);
      expect(hours.map((found) => Number(found?.[2]))).toEqual(hours.map((found) => Number(found?.[2])).sort((a, b) => a - b));
      expect(hours).toHaveLength(8);
    }
    expect(triedMeanwhile).toBeGreaterThan(100);
    expect(triedMeanwhile).toBeLessThan(24 * 60 + 100);
    expect(new Set(outcomes.slice(triedMeanwhile))).toEqual(new Set(['delivered']));
  });

  it('for more than 72 h gets the rest, and what was given up when it is asked for [W11, W14]', async () => {
    const receiver = await receiverForTest();
    receiver.behave({ status: 503 });
    await hook(receiver);
    dispatcher.start();
    await record(message('m1'));
    await pass(10 * HOUR, 30 * MINUTE);
    await record(message('m2'));
    await pass(63 * HOUR, 30 * MINUTE);
    expect(await states()).toEqual(['pending', 'dead']);
    const [, dead] = (await store.outbox.deliveries('a', null, 2, null)).items;
    // 5 s doubling up to an hour, then every hour.
    expect(dead?.tries).toBeGreaterThan(70);
    expect(dead?.tries).toBeLessThan(85);
    expect(dead?.attempts.at(-1)).toMatchObject({ status: 503, answer: 'thanks' });
    receiver.behave({});
    await pass(2 * HOUR, 10 * MINUTE);
    expect(await states()).toEqual(['delivered', 'dead']);
    expect(told).toEqual([
      expect.stringMatching(/^a fails again and again .*: it answered 503$/),
      expect.stringMatching(/^m1 \(.*\) was given up: once a is well, .*: it answered 503$/),
      'a takes messages again',
    ]);
    expect(await store.outbox.replay('a', { messageIds: ['m1'] }, clock.now(), null)).toMatchObject({ count: 1 });
    dispatcher.wake();
    await dispatcher.idle();
    expect(await states()).toEqual(['delivered', 'delivered']);
    expect(ids(receiver, 200)).toEqual(['m2', 'm1']);
  });
});

describe('a receiver that', () => {
  it('answers 500 now and then gets each until it takes it, in order, under the same id, with the time of the try [W5, W7-W9]', async () => {
    const receiver = await receiverForTest();
    await hook(receiver);
    receiver.behave({ status: 500, body: 'no' });
    dispatcher.start();
    await record(message('m1'), message('m2'));
    await dispatcher.idle();
    await pass(15_000, 1_000);
    expect(ids(receiver)).toEqual(['m1', 'm1', 'm1']);
    const times = receiver.received().map(({ headers }) => Number(headers['webhook-timestamp']) - clock.now() / 1000);
    expect(times).toEqual([-15, -10, 0]);
    receiver.behave({});
    await pass(20_000, 1_000);
    expect(ids(receiver)).toEqual(['m1', 'm1', 'm1', 'm1', 'm2']);
    for (const { body, headers } of receiver.received())
      expect(() => new Webhook(SECRET).verify(body, { ...headers, 'webhook-timestamp': String(Math.floor(Date.now() / 1000)) })).toThrow();
  });

  it.each([301, 302, 303, 307, 308])('redirects, %d, is not followed; that is a failure [W9]', async (status) => {
    const [receiver, elsewhere] = [await receiverForTest(), await receiverForTest()];
    receiver.behave({ status, headers: { location: `${elsewhere.url}/elsewhere` } });
    await hook(receiver);
    await record(message('m1'));
    await dispatcher.idle();
    expect([receiver.received().length, elsewhere.received().length, outcomes]).toEqual([1, 0, ['failed']]);
  });

  it('never answers fails when its time is up, and holds up nobody else [W9, W10]', async () => {
    dispatcher = dispatch(300);
    const [deaf, lively] = [await receiverForTest(), await receiverForTest()];
    deaf.behave({ hold: true });
    await hook(deaf, 'deaf');
    await hook(lively, 'lively');
    await record(...Array.from({ length: 40 }, (_, n) => message(`m${n}`, `trip:${n}`)));
    await until(
      () => lively.received().length,
      (count) => count === 40,
    );
    // Told first, then written down.
    const attempts = async () => (await store.outbox.deliveries('deaf', null, 500, null)).items.flatMap((one) => one.attempts);
    const [attempt] = await until(attempts, (made) => made.length >= 8);
    expect(attempt).toMatchObject({ status: null, error: 'no answer within 0.3 s' });
    await dispatcher.idle();
  });

  it('answers 2xx and never ends its body has it all the same [W8]', async () => {
    const receiver = await receiverForTest();
    receiver.behave({ hang: true, body: 'x'.repeat(5_000) });
    await hook(receiver);
    await record(message('m1'));
    await dispatcher.idle();
    expect(await states()).toEqual(['delivered']);
    const [delivery] = (await store.outbox.deliveries('a', null, 1, null)).items;
    expect(delivery?.attempts[0]?.answer).toBe('x'.repeat(1_024));
  });

  it('answers 410 gets nothing more, and the reason is kept [W10]', async () => {
    const receiver = await receiverForTest();
    receiver.behave({ status: 410 });
    await hook(receiver);
    dispatcher.start();
    await record(message('m1'), message('m2'));
    await dispatcher.idle();
    await record(message('m3'));
    await pass(HOUR, 10 * MINUTE);
    expect(receiver.received()).toHaveLength(1);
    expect(await store.outbox.consumers()).toMatchObject([{ enabled: false, disabledReason: expect.stringContaining('410') }]);
    expect(told).toEqual([expect.stringMatching(/^a is disabled, .*enables it again: it answered 410$/)]);
    expect(await states()).toEqual(['pending', 'pending']);
  });

  it('says Retry-After is left alone until then, whatever else there is for it [W9]', async () => {
    const receiver = await receiverForTest();
    receiver.behave({ status: 429, headers: { 'retry-after': '120' } });
    await hook(receiver);
    dispatcher.start();
    await record(message('m1'));
    await dispatcher.idle();
    receiver.behave({});
    await record(message('n1', 'trip:u'));
    await pass(119_000, 7_000);
    expect(ids(receiver)).toEqual(['m1']);
    await pass(2_000, 500);
    expect(ids(receiver).sort()).toEqual(['m1', 'm1', 'n1']);
  });

  it('fails ten times in a row gets one at a time, and all of it when it answers again [W10]', async () => {
    const receiver = await receiverForTest();
    await hook(receiver);
    receiver.behave({ status: 500 });
    dispatcher.start();
    await record(...Array.from({ length: 60 }, (_, n) => message(`m${n}`, `trip:${n}`)));
    await dispatcher.idle();
    const first = receiver.received().length;
    // Eight were under way when the tenth failed.
    expect(first).toBeGreaterThanOrEqual(10);
    expect(first).toBeLessThan(18);
    expect(dispatcher.isFailing('a')).toBe(true);
    await pass(5_000, 1_000);
    expect(receiver.received().length).toBeLessThanOrEqual(first + 1);
    receiver.behave({});
    await pass(MINUTE, 1_000);
    expect(await states()).toEqual(new Array(60).fill('delivered'));
    expect(dispatcher.isFailing('a')).toBe(false);
  });
});

describe('the dispatcher', () => {
  it('has no more than 32 under way, and 8 to one [W10]', async () => {
    const receiver = await receiverForTest();
    receiver.behave({ hold: true });
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await hook(receiver, id);
    dispatcher.start();
    await record(...Array.from({ length: 20 }, (_, n) => message(`m${n}`, `trip:${n}`)));
    await until(
      () => receiver.received().length,
      (count) => count >= 32,
    );
    // More would have come with the first: the next look finds no room.
    clock.pass(1_000);
    await store.outbox.counts();
    const paths = receiver.received().map(({ path }) => path);
    expect(paths).toHaveLength(32);
    for (const path of new Set(paths)) expect(paths.filter((one) => one === path).length).toBeLessThanOrEqual(8);
  });

  it('gives back what it could not finish when it closes; the next one sends it [W8]', async () => {
    const receiver = await receiverForTest();
    receiver.behave({ hold: true });
    await hook(receiver);
    await record(message('m1'));
    await until(
      () => receiver.received().length,
      (count) => count === 1,
    );
    await dispatcher.close();
    expect(outcomes).toEqual(['given back']);
    receiver.behave({});
    dispatcher = dispatch();
    dispatcher.start();
    await dispatcher.idle();
    expect(ids(receiver)).toEqual(['m1', 'm1']);
    expect(await states()).toEqual(['delivered']);
  });

  it('sends nothing to private addresses unless it may, and says why [W13]', async () => {
    const receiver = await receiverForTest();
    const sender = new HttpSender({ allowPrivate: false, userAgent: 'test' });
    const about = consumerOf('a', { url: `https://127.0.0.1:${new URL(receiver.url).port}/` });
    expect(await sender.send(about, message('m1'), clock.now(), new AbortController().signal)).toMatchObject({
      status: null,
      error: '127.0.0.1 is not public',
    });
    expect(receiver.received()).toEqual([]);
  });
});
