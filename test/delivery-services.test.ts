import { expect, it, onTestFinished } from 'vitest';
import { startSession } from './support/delivery.ts';
import { startOutsideServices } from './support/outside-services.ts';
import { CENTRE } from './support/places.ts';
import { serverForTest } from './support/server-for-test.ts';
import { until } from './support/until.ts';

const bodyOf = ({ body }: { readonly body: string }): unknown => JSON.parse(body);

it('texts on start, on every status and on delivery; the order service hears of the delivery; each once [Y18 W3 W4]', async () => {
  const services = await startOutsideServices();
  onTestFinished(() => services.stop());
  const server = await serverForTest({
    env: {
      ORDER_SERVICE_URL: services.url,
      NOTIFICATION_SERVICE_URL: services.url,
      PUBLIC_URL: 'https://track.example',
      LOCATION_UPDATE_RATE_LIMIT: '0',
    },
  });
  const { session, rider } = await startSession(server, { order_id: 'order/1', phone: '+49301' });
  const id = session.tracking_id;
  const update = (status: string) => rider.post(`/tracking/update/${id}`, { ...CENTRE, status });
  // As couriers do: with every position again, and once in a way that is refused.
  for (const status of ['ASSIGNED', 'DELIVERED', 'PICKED_UP', 'PICKED_UP', 'IN_TRANSIT', 'IN_TRANSIT', 'DELIVERED', 'DELIVERED'])
    await update(status);
  const without = await startSession(server, { order_id: 'order-2' });
  await without.rider.post(`/tracking/update/${without.session.tracking_id}`, { ...CENTRE, status: 'PICKED_UP' });

  const asked = await until(
    () => {
      const all = services.asked();
      return {
        order: all.filter(({ url }) => url.startsWith('/orders/')),
        notification: all.filter(({ service }) => service === 'notification'),
      };
    },
    ({ order, notification }) => order.length >= 1 && notification.length >= 6,
  );
  const text = (type: string, status: string) => ({
    channel: 'sms',
    to: '+49301',
    type,
    data: { tracking_id: id, order_id: 'order/1', status, url: `https://track.example/tracking/${id}` },
  });
  const mine = asked.notification.filter(({ body }) => body.includes(id));
  expect(mine.map(bodyOf)).toEqual([
    text('tracking_started', 'ASSIGNED'),
    text('status_changed', 'PICKED_UP'),
    text('status_changed', 'IN_TRANSIT'),
    text('status_changed', 'DELIVERED'),
    text('delivered', 'DELIVERED'),
  ]);
  expect(asked.notification.every(({ method, url }) => method === 'POST' && url === '/api/v1/notifications')).toBe(true);
  expect(asked.notification.filter(({ body }) => body.includes('order-2')).map(bodyOf)).toMatchObject([
    { channel: 'push', type: 'status_changed', data: { status: 'PICKED_UP' } },
  ]);
  expect(asked.order.map(({ method, url, body }) => ({ method, url, body: JSON.parse(body) as unknown }))).toEqual([
    {
      method: 'POST',
      url: '/orders/order%2F1/status',
      body: { status: 'DELIVERED', delivered_at: expect.any(Number), tracking_id: id },
    },
  ]);
});
