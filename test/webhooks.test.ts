import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { WebhookDeliveryList, WebhookWithSecret } from '../packages/protocol/src/index.ts';
import { type Received, type Receiver, receiverForTest } from './support/receiver.ts';
import { type Caller, caller } from './support/rest.ts';
import type { TestServer } from './support/server.ts';
import { serverForTest } from './support/server-for-test.ts';
import { until } from './support/until.ts';

const ALLOWED = { WEBHOOK_ALLOW_PRIVATE: 'true', REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' };
const HOME = { lat: 44.5, lng: 11.3 };

interface Sent {
  readonly type: string;
  readonly timestamp: string;
  readonly data: {
    readonly event: { readonly id: string; readonly kind: string };
    readonly trip: { readonly id: string; readonly status: string } | null;
  };
}
const bodyOf = (received: Received): Sent => JSON.parse(received.body) as Sent;
const eventIds = (receiver: Receiver): string[] => receiver.received().map((one) => bodyOf(one).data.event?.id);

async function admin(server: TestServer): Promise<Caller> {
  return caller(server, await server.token('admin'));
}

async function hook(boss: Caller, receiver: Receiver, more: object = {}): Promise<WebhookWithSecret> {
  return (await boss.post('/v1/webhooks', { url: `${receiver.url}/hook`, ...more })).as(WebhookWithSecret, 201);
}

describe('webhooks', () => {
  it('get every event of a trip once, in order, signed as Standard Webhooks say [W1, W5, W7]', async () => {
    const server = await serverForTest({ env: ALLOWED });
    const receiver = await receiverForTest();
    const boss = await admin(server);
    const { secret } = await hook(boss, receiver, { events: ['trip.*', 'stop.*'] });
    const stops = [{ id: 'a', type: 'pickup', ...HOME }];
    await boss.post('/v1/trips', { id: 't', kind: 'ride', driverId: 'd', stops });
    for (const status of ['EN_ROUTE', 'ARRIVED']) await boss.post('/v1/trips/t/status', { status });
    await boss.post('/v1/drivers/d/locations', HOME);
    await boss.post('/v1/trips/t/status', { status: 'IN_PROGRESS' });
    await until(
      () => eventIds(receiver),
      (ids) => ids.length >= 6,
    );
    expect(eventIds(receiver)).toEqual([
      't/status/PENDING',
      't/assignment/1',
      't/status/EN_ROUTE',
      't/status/ARRIVED',
      't/a/arrived',
      't/status/IN_PROGRESS',
    ]);
    for (const { body, headers } of receiver.received()) expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
    expect(receiver.received().map((one) => bodyOf(one).type)).toEqual([
      'trip.status',
      'trip.assignment',
      'trip.status',
      'trip.status',
      'stop.arrived',
      'trip.status',
    ]);
    expect(bodyOf(receiver.received()[3] as Received)).toMatchObject({
      type: 'trip.status',
      data: {
        event: { status: 'ARRIVED', previous: 'EN_ROUTE' },
        trip: { id: 't', status: 'ARRIVED', stops: [{ id: 'a', arrivedAt: null }] },
      },
    });
    const { deliveries } = (await boss.get('/v1/webhooks')).json() as { deliveries: unknown } as never as { deliveries: [] };
    expect(deliveries).toBeUndefined();
  });
});
