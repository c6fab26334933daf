import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isId, WebhookWithSecret } from '../packages/protocol/src/index.ts';
import { canaryOf } from '../packages/server/src/core/canary.ts';
import { canaryCounts, canarySings } from './support/canary.ts';
import { dialTracking } from './support/delivery.ts';
import { refusal } from './support/fleet-client.ts';
import { dial, refused } from './support/peer.ts';
import { CENTRE, unique } from './support/places.ts';
import { receiverForTest } from './support/receiver.ts';
import { type Caller, caller } from './support/rest.ts';
import { oldToken, refusedRide, ridePath } from './support/rideshare.ts';
import { startProcess, type TestServer } from './support/server-process.ts';
import { until } from './support/until.ts';

/** Of a process that is alone. */
const CANARY = canaryOf(0);
const ISLAND = { lat: 0, lng: 0 };

let server: TestServer;
let boss: Caller;
beforeAll(async () => {
  // One process with its embedded database: what it has stored can be looked at in full.
  server = await startProcess({
    env: { CANARY_SECONDS: '0.1', WEBHOOK_ALLOW_PRIVATE: 'true', REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '60' },
  });
  boss = caller(server, await server.token('admin'));
});
afterAll(() => server.stop());

describe('the canary', () => {
  it('drives the whole road, and says how long that took [U3]', async () => {
    const counts = await canarySings(server, 15);
    expect(counts.failures).toEqual({ watcher: 0, stored: 0 });
    expect(Math.abs(Date.now() / 1_000 - counts.lastSuccess)).toBeLessThan(5);
    expect(server.output()).not.toContain('canary');
  });

  it('is nowhere to be seen [U5]', async () => {
    const receiver = await receiverForTest();
    (await boss.post('/v1/webhooks', { url: receiver.url })).as(WebhookWithSecret, 201);
    const watcher = await dial(server, { token: await server.token('dispatcher') });
    await watcher.ask({ type: 'subscribe', feed: 'fleet' });
    const driver = unique('driver');
    const { id } = (await boss.post('/v1/trips', { kind: 'delivery', driverId: driver, stops: [] })).json() as { id: string };
    await boss.post(`/v1/drivers/${driver}/locations`, ISLAND);
    await canarySings(server, 5);
    await until(
      () => receiver.received().length,
      (count) => count >= 3,
    );
    const nearby = () => boss.get('/v1/drivers/nearby?lat=0&lng=0&radius=5000&status=ONLINE,ON_TRIP,BUSY');
    await until(
      async () => (await nearby()).text,
      (text) => text.includes(driver),
    );
    const seen = [
      (await boss.get('/v1/positions')).text,
      (await boss.get('/v1/trips')).text,
      (await nearby()).text,
      (await boss.get('/v1/connections')).text,
      (await boss.get('/stats/tracking')).text,
      (
        await boss.post('/v1/tracks/search', {
          ...ISLAND,
          radius: 5_000,
          from: new Date(Date.now() - 3_600_000).toISOString(),
          to: new Date(Date.now() + 60_000).toISOString(),
        })
      ).text,
      JSON.stringify(watcher.messages),
      JSON.stringify(receiver.received()),
    ];
    for (const text of seen) expect(text).not.toContain('canary');
    // It would have been: a driver at the same place is.
    for (const index of [0, 2, 5, 6, 7]) expect(seen[index], String(index)).toContain(driver);
    expect(seen[1]).toContain(id);
    const metrics = (await boss.get('/metrics')).text;
    expect(metrics).toMatch(/^location_updates_total 1$/m);
    expect(metrics).toMatch(/^waycast_stored_fixes_total 1$/m);
    expect(metrics).toMatch(/^waycast_stage_seconds_count\{stage="stored"\} 1$/m);
    expect(metrics).toMatch(/^websocket_connections_total 1$/m);
    await watcher.close();
  });

  it('leaves nothing in the database but how far its partition has come [U5]', async () => {
    await canarySings(server);
    const db = new DatabaseSync(join(server.dataDir, 'waycast.db'), { readOnly: true });
    const tables = (db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[]).map(({ name }) => name);
    expect(tables.length).toBeGreaterThan(10);
    for (const table of tables) {
      const rows = db.prepare(`SELECT * FROM "${table}"`).all();
      if (table === 'cursor') expect(rows.some(({ position }) => Number(position) > 10)).toBe(true);
      expect(JSON.stringify(rows), table).not.toContain('canary');
    }
    expect((db.prepare('SELECT count(*) AS n FROM journal').get() as { n: number }).n).toBeLessThanOrEqual(1);
    db.close();
  });

  it('has ids that nobody can use [U4]', async () => {
    expect(isId(CANARY)).toBe(false);
    const path = encodeURIComponent(CANARY);
    const order = { order_id: unique('order'), rider_id: CANARY, dropoff_lat: 0, dropoff_lng: 0 };
    const answers = [
      await boss.post(`/v1/drivers/${path}/locations`, CENTRE),
      await boss.post(`/v1/drivers/${CANARY}/locations`, CENTRE),
      await boss.get(`/v1/drivers/${path}`),
      await boss.get(`/v1/drivers/${path}/status`),
      await boss.get(`/v1/drivers/${path}/locations?from=2020-01-01T00:00:00Z`),
      await boss.put(`/v1/drivers/${path}`, { name: 'Tweety' }),
      await boss.put(`/v1/drivers/${path}/availability`, { available: false }),
      await boss.get(`/v1/trips/${path}`),
      await boss.get(`/v1/trips/${path}/track`),
      await boss.get(`/v1/trips/${path}/history`),
      await boss.post(`/v1/trips/${path}/status`, { status: 'CANCELLED' }),
      await boss.patch(`/v1/trips/${path}`, { driverName: 'Tweety' }),
      await boss.delete(`/v1/trips/${path}`),
      await boss.post('/v1/trips', { id: CANARY, kind: 'ride', stops: [] }),
      await boss.post('/v1/trips', { kind: 'ride', driverId: CANARY, stops: [] }),
      await boss.post('/tracking/start', order),
      await boss.get(`/tracking/${path}`),
      await boss.get(`/api/v1/tracking/ride/${path}/status`),
      await caller(server, await server.token('driver', CANARY)).post(`/v1/drivers/${path}/locations`, CENTRE),
    ];
    for (const [index, { status }] of answers.entries()) expect([400, 403, 404, 422], String(index)).toContain(status);
    const peer = await dial(server, { token: await server.token('admin') });
    for (const feed of [`trip:${CANARY}`, `driver:${CANARY}`, `jobs:${CANARY}`, `party:${CANARY}`])
      expect(await peer.ask({ type: 'subscribe', feed }), feed).toMatchObject({ type: 'error' });
    await peer.close();
    expect((await refused(server, { authorization: `Bearer ${await server.token('driver', CANARY)}` })).status).toBe(403);
    await refusal(server.url, { token: await server.token('driver', CANARY) });
    for (const side of ['driver', 'passenger'] as const)
      expect((await refusedRide(server, ridePath(CANARY, side, oldToken(CANARY)))).status).toBe(403);
    const visitor = await dialTracking(server, path);
    expect((await visitor.closed).code).toBe(1008);
    expect(visitor.messages.filter(({ type }) => type !== 'error')).toEqual([]);
    expect((await canarySings(server)).failures).toEqual({ watcher: 0, stored: 0 });
  });

  it('is there again after a crash, without a word, and not at all with CANARY_SECONDS=0 [U3, U5]', async () => {
    const receiver = await receiverForTest();
    (await boss.post('/v1/webhooks', { url: receiver.url })).as(WebhookWithSecret, 201);
    await server.kill();
    const { dataDir } = server;
    server = await startProcess({ dataDir, env: { CANARY_SECONDS: '0.1', WEBHOOK_ALLOW_PRIVATE: 'true' } });
    expect((await canarySings(server)).failures).toEqual({ watcher: 0, stored: 0 });
    boss = caller(server, await server.token('admin'));
    // What came online with the server came before this.
    await boss.post('/v1/trips', { id: 'after', kind: 'ride', stops: [] });
    await until(
      () => JSON.stringify(receiver.received()),
      (text) => text.includes('after/status/PENDING'),
    );
    expect(JSON.stringify(receiver.received())).not.toContain('canary');
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
    server = await startProcess({ env: { CANARY_SECONDS: '0' } });
    expect((await caller(server, await server.token('admin')).get('/metrics')).text).not.toContain('canary');
    expect((await canaryCounts(server)).watcher).toBeNaN();
  });
});
