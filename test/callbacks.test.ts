import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebhookDeliveryList, WebhookList } from '../packages/protocol/src/index.ts';
import { CENTRE, north } from './support/places.ts';
import { type Receiver, receiverForTest } from './support/receiver.ts';
import { type Caller, caller } from './support/rest.ts';
import type { TestServer } from './support/server.ts';
import { serverForTest } from './support/server-for-test.ts';
import { until } from './support/until.ts';

const ENV = { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0', PUBLIC_URL: 'https://track.example' };
const DELIVERY = ['PICKED_UP', 'IN_TRANSIT', 'DELIVERED'];

const boss = async (server: TestServer): Promise<Caller> => caller(server, await server.token('admin'));
const bodies = (receiver: Receiver) => receiver.received().map(({ body }) => JSON.parse(body) as Record<string, unknown>);
const gets = (receiver: Receiver, count: number) =>
  until(
    () => bodies(receiver),
    (got) => got.length >= count,
  );
const deliveries = async (who: Caller, id: string, state: string) =>
  (await who.get(`/v1/webhooks/${id}/deliveries?state=${state}`)).as(WebhookDeliveryList).deliveries;

async function deliver(who: Caller, id: string, more: object): Promise<void> {
  const stops = [{ id: 'door', type: 'dropoff', ...CENTRE }];
  expect((await who.post('/v1/trips', { id, kind: 'delivery', driverId: 'rob', stops, ...more })).status).toBe(201);
  for (const status of DELIVERY) expect((await who.post(`/v1/trips/${id}/status`, { status })).status).toBe(200);
}

describe('the notification service [W2-W4]', () => {
  it('hears of a driver who approaches and arrives, each once, with the minutes to the pickup', async () => {
    const service = await receiverForTest();
    const server = await serverForTest({ env: { ...ENV, NOTIFICATION_SERVICE_URL: `${service.url}/` } });
    const who = await boss(server);
    const stops = [
      { type: 'pickup', ...CENTRE, partyId: 'pia', bookingId: 'b1', bookingStatus: 'approved' },
      { type: 'pickup', ...north(20), partyId: 'pending', bookingId: 'b2', bookingStatus: 'pending' },
      { type: 'dropoff', ...north(30_000), partyId: 'pia', bookingId: 'b1', bookingStatus: 'approved' },
    ];
    await who.post('/v1/trips', { id: 'r', kind: 'ride', driverId: 'd', driverName: 'Drew', stops });
    for (const metres of [600, 400, 380, 50, 40]) await who.post('/v1/drivers/d/locations', { ...north(-metres), speed: 36 });
    const data = { ride_id: 'r', booking_id: 'b1', driver_name: 'Drew' };
    expect(await gets(service, 2)).toEqual([
      // 400 m at 36 km/h: 40 s and 8 more.
      { user_id: 'pia', type: 'driver_approaching', data: { ...data, eta_minutes: 1 } },
      { user_id: 'pia', type: 'driver_arrived', data },
    ]);
    expect(service.received().map(({ path }) => path)).toEqual(['/api/v1/notifications', '/api/v1/notifications']);
    for (const { headers } of service.received()) {
      expect(headers['idempotency-key']).toMatch(/^msg_/);
      expect(headers['webhook-signature']).toBeUndefined();
    }
    // Had first, noted as delivered then.
    await until(
      () => deliveries(who, 'notifications', 'pending'),
      (left) => left.length === 0,
    );
  });

  it('that is slow and wrong gets the texts of a delivery in order, until it takes them', async () => {
    const service = await receiverForTest();
    service.behave({ status: 500, afterMs: 200 });
    const server = await serverForTest({ env: { ...ENV, NOTIFICATION_SERVICE_URL: service.url } });
    const who = await boss(server);
    await deliver(who, 'TRK-1', { orderId: 'o-1', phone: '+4912345' });
    await gets(service, 1);
    service.behave({ afterMs: 50 });
    const got = (await gets(service, 6)).map(({ channel, to, type, data }) =>
      [channel, to, type, (data as { status: string }).status].join(' '),
    );
    expect(got).toEqual([
      'sms +4912345 tracking_started ASSIGNED',
      'sms +4912345 tracking_started ASSIGNED',
      'sms +4912345 status_changed PICKED_UP',
      'sms +4912345 status_changed IN_TRANSIT',
      'sms +4912345 status_changed DELIVERED',
      'sms +4912345 delivered DELIVERED',
    ]);
    expect(bodies(service)[0]?.data).toEqual({
      tracking_id: 'TRK-1',
      order_id: 'o-1',
      status: 'ASSIGNED',
      url: 'https://track.example/tracking/TRK-1',
    });
    const [first, again] = service.received();
    expect(again?.headers['idempotency-key']).toBe(first?.headers['idempotency-key']);
    // Whom it went to is nobody's to see there.
    expect((await who.get('/v1/webhooks/notifications/deliveries')).text).not.toContain('12345');
  });
});

describe('the order service [W3, W4]', () => {
  it('that was dead hears of the delivery when it is back, once, and when it was delivered', async () => {
    const service = await receiverForTest();
    await service.kill();
    const server = await serverForTest({ env: { ...ENV, ORDER_SERVICE_URL: service.url } });
    const who = await boss(server);
    await deliver(who, 'TRK-2', { orderId: 'o/2 ü' });
    await until(
      async () => (await deliveries(who, 'orders', 'pending'))[0]?.attempts.length,
      (tried) => tried === 1,
    );
    await service.restart();
    const [body] = await gets(service, 1);
    const { completedAt } = (await who.get('/v1/trips/TRK-2')).json() as { completedAt: string };
    expect(body).toEqual({ status: 'DELIVERED', delivered_at: Math.floor(Date.parse(completedAt ?? '') / 1000), tracking_id: 'TRK-2' });
    expect(service.received().map(({ path }) => path)).toEqual([`/orders/${encodeURIComponent('o/2 ü')}/status`]);
    const [done] = await until(
      () => deliveries(who, 'orders', 'delivered'),
      (all) => all.length === 1,
    );
    expect(done?.attempts.map(({ status, error }) => status ?? error)).toEqual([expect.stringContaining('ECONNREFUSED'), 200]);
  });

  it('that is named only later gets what waited for it, after a restart [W4]', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'waycast-callbacks-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
    const service = await receiverForTest();
    const before = await serverForTest({ dataDir, env: ENV });
    const asked = await boss(before);
    await deliver(asked, 'TRK-3', { orderId: 'o-3' });
    expect((await asked.get('/v1/webhooks')).as(WebhookList).webhooks.map(({ id, state }) => `${id} ${state}`)).toEqual([
      'notifications paused',
      'orders paused',
    ]);
    expect(await deliveries(asked, 'orders', 'pending')).toMatchObject([{ type: 'DELIVERED', feed: 'trip:TRK-3', tries: 0 }]);
    await before.stop();
    const after = await serverForTest({ dataDir, env: { ...ENV, ORDER_SERVICE_URL: service.url } });
    expect(await gets(service, 1)).toMatchObject([{ status: 'DELIVERED', tracking_id: 'TRK-3' }]);
    const who = await boss(after);
    expect((await deliveries(who, 'notifications', 'pending')).map(({ type }) => type)).toEqual([
      'delivered',
      'status_changed',
      'status_changed',
      'status_changed',
    ]);
  });
});
