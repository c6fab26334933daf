import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TripHistory, WebhookDeliveryList, WebhookWithSecret } from '../packages/protocol/src/index.ts';
import { stablePort } from './support/port.ts';
import { type Receiver, receiverForTest } from './support/receiver.ts';
import { type Caller, caller } from './support/rest.ts';
import type { TestServer } from './support/server.ts';
import { serverForTest } from './support/server-for-test.ts';
import { until } from './support/until.ts';

const ENV = { WEBHOOK_ALLOW_PRIVATE: 'true', REST_RATE_LIMIT_PER_MINUTE: '10000000', LOCATION_UPDATE_RATE_LIMIT: '0' };
const ROUNDS = 4;
const STATUSES = ['EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED'];

function dataFolder(): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'waycast-hooks-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  return dataDir;
}

const boss = async (server: TestServer): Promise<Caller> => caller(server, await server.token('admin'));

async function hook(server: TestServer, receiver: Receiver): Promise<string> {
  const input = { url: `${receiver.url}/hook`, events: ['trip.*', 'stop.*'] };
  return (await (await boss(server)).post('/v1/webhooks', input)).as(WebhookWithSecret, 201).id;
}

/** Nothing waits any more. */
async function settled(server: TestServer, id: string): Promise<void> {
  const who = await boss(server);
  await until(
    async () => (await who.get(`/v1/webhooks/${id}/deliveries?state=pending`)).as(WebhookDeliveryList).deliveries.length,
    (pending) => pending === 0,
    30_000,
  );
}

/** What the receiver took, by its own log: event ids in the order they first came, and how often each came. */
function taken(receiver: Receiver): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { body, status } of receiver.received()) {
    if (status === null) continue;
    const { id } = (JSON.parse(body) as { data: { event: { id: string } } }).data.event;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

async function recorded(server: TestServer, trip: string): Promise<string[]> {
  const answer = await (await boss(server)).get(`/v1/trips/${trip}/history`);
  return answer.status === 404 ? [] : answer.as(TripHistory).events.map(({ id }) => id);
}

describe('kill -9', () => {
  it('between dispatch and mark, and between commit and dispatch: both are sent, under their ids, in order [W5, W7, W8]', async () => {
    const dataDir = dataFolder();
    const receiver = await receiverForTest();
    receiver.behave({ hold: true });
    const first = await serverForTest({ dataDir, env: ENV });
    const id = await hook(first, receiver);
    const who = await boss(first);
    await who.post('/v1/trips', { id: 't', kind: 'ride', stops: [] });
    // It has the first message and holds its answer; the second one is stored and waits behind it.
    await until(
      () => receiver.received().length,
      (count) => count === 1,
    );
    expect((await who.post('/v1/trips/t/status', { status: 'EN_ROUTE' })).status).toBe(200);
    await first.kill();
    receiver.behave({});
    const second = await serverForTest({ dataDir, env: ENV });
    await settled(second, id);
    const ids = receiver.received().map(({ headers }) => headers['webhook-id']);
    expect(ids[0]).toBe(ids[1]);
    expect(new Set(ids).size).toBe(2);
    expect([...taken(receiver)]).toEqual([
      ['t/status/PENDING', 1],
      ['t/status/EN_ROUTE', 1],
    ]);
    expect(await recorded(second, 't')).toEqual(['t/status/PENDING', 't/status/EN_ROUTE']);
  });

  it(`${ROUNDS} times under load: what history has the receiver has, in its order per trip [W1, W7, W8]`, async () => {
    const dataDir = dataFolder();
    const receiver = await receiverForTest();
    receiver.behave({ afterMs: 3 });
    const port = await stablePort();
    let server = await serverForTest({ dataDir, env: ENV, port });
    const id = await hook(server, receiver);
    const trips: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const who = await boss(server);
      const load = Array.from({ length: 12 }, async (_, n) => {
        const trip = `r${round}-${n}`;
        trips.push(trip);
        await who.post('/v1/trips', { id: trip, kind: 'ride', stops: [], ...(n % 2 === 0 && { driverId: `d${n}` }) });
        for (const status of STATUSES) await who.post(`/v1/trips/${trip}/status`, { status });
      });
      // Whoever was not answered does not know: history decides.
      const over = Promise.allSettled(load);
      await until(
        () => receiver.received().length,
        (count) => count >= trips.length * 2,
      );
      await sleep(Math.random() * 40);
      await server.kill();
      await over;
      server = await serverForTest({ dataDir, env: ENV, port });
    }
    await settled(server, id);
    const got = taken(receiver);
    const order = [...got.keys()];
    let events = 0;
    for (const trip of trips) {
      const ids = await recorded(server, trip);
      events += ids.length;
      expect(order.filter((one) => one.startsWith(`${trip}/`))).toEqual(ids);
    }
    const again = [...got.values()].reduce((sum, count) => sum + count - 1, 0);
    console.log(`webhooks: ${ROUNDS} kills, ${events} events, none lost, ${again} delivered again`);
    expect(got.size).toBe(events);
    // Only what was on its way when it died: eight to one receiver.
    expect(again).toBeLessThanOrEqual(ROUNDS * 8);
  });
});

describe('SIGTERM', () => {
  it('finishes what is on its way; what waits goes after the next start [W8]', async () => {
    const dataDir = dataFolder();
    const receiver = await receiverForTest();
    receiver.behave({ afterMs: 300 });
    const first = await serverForTest({ dataDir, env: ENV });
    const id = await hook(first, receiver);
    const who = await boss(first);
    await who.post('/v1/trips', { id: 't', kind: 'ride', stops: [] });
    await who.post('/v1/trips/t/status', { status: 'EN_ROUTE' });
    await until(
      () => receiver.received().length,
      (count) => count === 1,
    );
    expect(await first.stop()).toEqual({ code: 0 });
    expect(receiver.received()).toHaveLength(1);
    const second = await serverForTest({ dataDir, env: ENV });
    await settled(second, id);
    expect([...taken(receiver)]).toEqual([
      ['t/status/PENDING', 1],
      ['t/status/EN_ROUTE', 1],
    ]);
  });
});
