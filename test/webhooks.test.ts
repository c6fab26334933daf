import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  Replayed,
  WebhookDeliveryList,
  type WebhookInput,
  WebhookList,
  WebhookTest,
  WebhookView,
  WebhookWithSecret,
} from '../packages/protocol/src/index.ts';
import { unique } from './support/places.ts';
import { type Received, type Receiver, receiverForTest } from './support/receiver.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

const HOME = { lat: 44.5, lng: 11.3 };

let server: TestServer;
let boss: Caller;
beforeAll(async () => {
  server = await startServer({
    env: { WEBHOOK_ALLOW_PRIVATE: 'true', REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' },
  });
  boss = caller(server, await server.token('admin'));
});
afterAll(() => server.stop());

interface Body {
  readonly type: string;
  readonly timestamp: string;
  readonly data: { readonly event: { readonly id: string; readonly at: string }; readonly trip: { readonly status: string } | null };
}
const bodyOf = ({ body }: Received): Body => JSON.parse(body) as Body;
/** What a hook of its own label gets: tests share the server. */
async function hook(receiver: Receiver, more: Partial<WebhookInput> = {}): Promise<WebhookWithSecret & { label: string }> {
  const label = unique('label');
  const made = (await boss.post('/v1/webhooks', { url: `${receiver.url}/${label}`, labels: [label], ...more })).as(WebhookWithSecret, 201);
  return { ...made, label };
}
const ride = async (label: string, more: object = {}) => {
  const id = unique('ride');
  const stops = [{ id: 'a', type: 'pickup', ...HOME }];
  expect((await boss.post('/v1/trips', { id, kind: 'ride', labels: [label], stops, ...more })).status).toBe(201);
  return id;
};
const status = (id: string, to: string) => boss.post(`/v1/trips/${id}/status`, { status: to });
const gets = (receiver: Receiver, count: number) =>
  until(
    () => receiver.received(),
    (received) => received.length >= count,
  );
const deliveries = async (id: string, query = '') =>
  (await boss.get(`/v1/webhooks/${id}/deliveries${query}`)).as(WebhookDeliveryList).deliveries;

describe('a webhook', () => {
  it('gets every event of a trip once, in order, signed as Standard Webhooks say, as things stood then [W1, W5, W7]', async () => {
    const receiver = await receiverForTest();
    const { secret, label } = await hook(receiver);
    const id = await ride(label, { driverId: unique('driver') });
    for (const to of ['EN_ROUTE', 'ARRIVED']) await status(id, to);
    await boss.patch(`/v1/trips/${id}`, { driverName: 'Drew' });
    await status(id, 'CANCELLED');
    const received = await gets(receiver, 6);
    expect(received.map((one) => bodyOf(one).data.event.id)).toEqual([
      `${id}/status/PENDING`,
      `${id}/assignment/1`,
      `${id}/status/EN_ROUTE`,
      `${id}/status/ARRIVED`,
      `${id}/changed/4`,
      `${id}/status/CANCELLED`,
    ]);
    expect(received.map((one) => bodyOf(one).type).join(' ')).toBe(
      'trip.status trip.assignment trip.status trip.status trip.changed trip.status',
    );
    for (const { body, headers } of received) expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(6);
    for (const { headers } of received) expect(headers['webhook-id']).toMatch(/^[A-Za-z0-9_-]+$/);
    const [first, , third] = received.map(bodyOf);
    const { events } = (await boss.get(`/v1/trips/${id}/history`)).json() as { events: unknown[] };
    expect(received.map((one) => bodyOf(one).data.event)).toEqual(events);
    expect(first).toMatchObject({ timestamp: first?.data.event.at, data: { trip: { id, status: 'PENDING', driverName: null } } });
    expect(third).toMatchObject({ data: { trip: { status: 'EN_ROUTE', arrivedAt: null } } });
  });

  it('hears of the types it names, and with labels not of drivers [W6]', async () => {
    const [some, all] = [await receiverForTest(), await receiverForTest()];
    const { label } = await hook(some, { events: ['stop.*'] });
    const everything = await hook(all, { labels: null, events: ['driver.online', 'stop.arrived'] });
    const driverId = unique('driver');
    await ride(label, { driverId });
    await boss.post(`/v1/drivers/${driverId}/locations`, HOME);
    expect((await gets(some, 1)).map((one) => bodyOf(one).type)).toEqual(['stop.arrived']);
    const received = await until(
      () => all.received().filter(({ body }) => body.includes(driverId)),
      (ours) => ours.length >= 2,
    );
    expect(received.map((one) => bodyOf(one).type).sort()).toEqual(['driver.online', 'stop.arrived']);
    expect(received.map(bodyOf).find(({ type }) => type === 'driver.online')?.data.trip).toBeNull();
    await boss.delete(`/v1/webhooks/${everything.id}`);
  });

  it('hears of a trip that was removed and came again under its id as of another one [W1]', async () => {
    const receiver = await receiverForTest();
    const { label } = await hook(receiver);
    const id = await ride(label);
    expect((await boss.delete(`/v1/trips/${id}`)).status).toBe(204);
    await boss.post('/v1/trips', { id, kind: 'ride', labels: [label], stops: [] });
    const received = await gets(receiver, 2);
    expect(received.map((one) => bodyOf(one).data.event.id)).toEqual([`${id}/status/PENDING`, `${id}/status/PENDING`]);
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(2);
  });

  it('is tried out by a message of its own [W5]', async () => {
    const receiver = await receiverForTest();
    const { id, secret } = await hook(receiver);
    const { messageId } = (await boss.post(`/v1/webhooks/${id}/test`)).as(WebhookTest, 202);
    const [received] = await gets(receiver, 1);
    expect(received?.headers['webhook-id']).toBe(messageId);
    expect(new Webhook(secret).verify(received?.body ?? '', received?.headers ?? {})).toMatchObject({
      type: 'webhook.test',
      data: { webhookId: id },
    });
  });

  it('is signed by the new secret and the old one while they change over, then by the new one alone [W5]', async () => {
    const receiver = await receiverForTest();
    const { id, secret: old } = await hook(receiver);
    const { secret } = (await boss.post(`/v1/webhooks/${id}/secret`, {})).as(WebhookWithSecret, 201);
    expect(secret).not.toBe(old);
    await boss.post(`/v1/webhooks/${id}/test`);
    const [both] = await gets(receiver, 1);
    for (const one of [secret, old]) expect(() => new Webhook(one).verify(both?.body ?? '', both?.headers ?? {})).not.toThrow();
    const given = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
    expect((await boss.post(`/v1/webhooks/${id}/secret`, { secret: given, overlapSeconds: 0 })).as(WebhookWithSecret, 201).secret).toBe(
      given,
    );
    await boss.post(`/v1/webhooks/${id}/test`);
    const [, alone] = await gets(receiver, 2);
    expect(alone?.headers['webhook-signature']?.split(' ')).toHaveLength(1);
    expect(() => new Webhook(given).verify(alone?.body ?? '', alone?.headers ?? {})).not.toThrow();
  });

  it('that answers 410 is disabled with the reason, and goes on when it is enabled [W10]', async () => {
    const receiver = await receiverForTest();
    receiver.behave({ status: 410 });
    const { id, label } = await hook(receiver);
    await ride(label);
    const disabled = await until(
      async () => (await boss.get(`/v1/webhooks/${id}`)).as(WebhookView),
      ({ enabled }) => !enabled,
    );
    expect(disabled).toMatchObject({ state: 'disabled', disabledReason: expect.stringContaining('410') });
    (await boss.post(`/v1/webhooks/${id}/test`)).problem('webhook_disabled');
    receiver.behave({});
    expect((await boss.patch(`/v1/webhooks/${id}`, { enabled: true })).as(WebhookView)).toMatchObject({
      state: 'active',
      disabledReason: null,
    });
    expect((await gets(receiver, 2)).map(({ status: answered }) => answered)).toEqual([410, 200]);
  });

  it('shows its deliveries with their attempts, and makes them again when asked, under their ids [W14]', async () => {
    const receiver = await receiverForTest();
    receiver.behave({ body: 'fine, thank you' });
    const from = new Date().toISOString();
    const { id, label } = await hook(receiver);
    const trip = await ride(label);
    await status(trip, 'EN_ROUTE');
    await gets(receiver, 2);
    const allSettled = () =>
      until(
        () => deliveries(id),
        (all) => all.every(({ state }) => state === 'delivered'),
      );
    const shown = await allSettled();
    expect(shown).toMatchObject([
      { type: 'trip.status', feed: `trip:${trip}`, tries: 1, attempts: [{ status: 200, error: null, answer: 'fine, thank you' }] },
      { type: 'trip.status' },
    ]);
    expect([(await deliveries(id, '?state=pending')).length, (await deliveries(id, '?state=dead')).length]).toEqual([0, 0]);
    const page = (await boss.get(`/v1/webhooks/${id}/deliveries?limit=1`)).as(WebhookDeliveryList);
    expect(page.deliveries).toEqual(shown.slice(0, 1));
    expect(await deliveries(id, `?limit=1&cursor=${page.cursor}`)).toEqual(shown.slice(1));
    const last = shown[0]?.messageId;
    expect((await boss.post(`/v1/webhooks/${id}/replay`, { deliveries: [last, 'none'] })).as(Replayed, 202)).toEqual({ replayed: 1 });
    expect((await gets(receiver, 3)).map(({ headers }) => headers['webhook-id'])[2]).toBe(last);
    // It has been received before the store knows: only what is settled is made again.
    await allSettled();
    expect((await boss.post(`/v1/webhooks/${id}/replay`, { since: from })).as(Replayed, 202)).toEqual({ replayed: 2 });
    const ids = (await gets(receiver, 5)).map(({ headers }) => headers['webhook-id']);
    expect(ids.slice(3)).toEqual(shown.map(({ messageId }) => messageId).reverse());
  });

  it('is changed and removed; what is left of it gets nothing more', async () => {
    const receiver = await receiverForTest();
    const { id, label } = await hook(receiver, { description: 'mine' });
    const changed = (await boss.patch(`/v1/webhooks/${id}`, { url: `${receiver.url}/new`, events: ['trip.status'], description: null })).as(
      WebhookView,
    );
    expect(changed).toMatchObject({ url: `${receiver.url}/new`, events: ['trip.status'], labels: [label], description: null });
    await ride(label);
    expect((await gets(receiver, 1))[0]?.path).toBe('/new');
    expect((await boss.patch(`/v1/webhooks/${id}`, { enabled: false })).as(WebhookView)).toMatchObject({ state: 'disabled' });
    expect((await boss.delete(`/v1/webhooks/${id}`)).status).toBe(204);
    for (const gone of [
      await boss.get(`/v1/webhooks/${id}`),
      await boss.delete(`/v1/webhooks/${id}`),
      await boss.post(`/v1/webhooks/${id}/test`),
    ])
      gone.problem('not_found');
  });
});

describe('the built-in consumers [W4, W12]', () => {
  it('are listed, wait without an address, and follow the configuration alone', async () => {
    const { webhooks } = (await boss.get('/v1/webhooks')).as(WebhookList);
    for (const id of ['notifications', 'orders']) {
      expect(webhooks.find((one) => one.id === id)).toMatchObject({ kind: id, url: null, enabled: true, state: 'paused' });
      (await boss.patch(`/v1/webhooks/${id}`, { enabled: false })).problem('forbidden');
      (await boss.delete(`/v1/webhooks/${id}`)).problem('forbidden');
      (await boss.post(`/v1/webhooks/${id}/secret`, {})).problem('forbidden');
      (await boss.post(`/v1/webhooks/${id}/test`)).problem('forbidden');
      expect((await boss.post(`/v1/webhooks/${id}/replay`, { since: 0 })).status).toBe(202);
    }
  });
});

describe('bad input', () => {
  it.each([
    ['no body', undefined],
    ['no url', {}],
    ['a url that is none', { url: 'example' }],
    ['a url of another kind', { url: 'ftp://example.com' }],
    ['a user in the url', { url: 'https://me:pw@example.com' }],
    ['an event nobody knows', { url: 'https://example.com', events: ['trip.statuses'] }],
    ['no events at all', { url: 'https://example.com', events: [] }],
    ['a short secret', { url: 'https://example.com', secret: `whsec_${Buffer.alloc(20).toString('base64')}` }],
    ['a secret that is no base64', { url: 'https://example.com', secret: `whsec_${'A'.repeat(33)}` }],
    ['an unknown member', { url: 'https://example.com', extra: 1 }],
    ['a member __proto__', '{"url":"https://example.com","__proto__":{"enabled":false}}'],
  ])('%s is refused', async (_, body) => {
    expect((await boss.post('/v1/webhooks', body)).status).toBe(400);
  });

  it('of a replay, and of lists, is refused', async () => {
    for (const body of [{}, { since: 'yesterday' }, { since: 1, deliveries: ['x'] }, { deliveries: [] }])
      (await boss.post('/v1/webhooks/orders/replay', body)).problem('bad_request');
    for (const query of ['?state=lost', '?cursor=x', '?limit=0', '?x=1'])
      (await boss.get(`/v1/webhooks/orders/deliveries${query}`)).problem('bad_request');
  });
});

describe('who may [W12]', () => {
  it('manage: admins; look: dispatchers without scopes too', async () => {
    const receiver = await receiverForTest();
    const { id } = await hook(receiver);
    const calls = (who: Caller) => ({
      look: [() => who.get('/v1/webhooks'), () => who.get(`/v1/webhooks/${id}`), () => who.get(`/v1/webhooks/${id}/deliveries`)],
      manage: [
        () => who.post('/v1/webhooks', { url: 'https://example.com' }),
        () => who.patch(`/v1/webhooks/${id}`, { enabled: false }),
        () => who.delete(`/v1/webhooks/${id}`),
        () => who.post(`/v1/webhooks/${id}/secret`, {}),
        () => who.post(`/v1/webhooks/${id}/test`),
        () => who.post(`/v1/webhooks/${id}/replay`, { since: 0 }),
      ],
    });
    const dispatcher = calls(caller(server, await server.token('dispatcher')));
    for (const call of dispatcher.look) expect((await call()).status).toBe(200);
    for (const call of dispatcher.manage) (await call()).problem('forbidden');
    const others = [
      await server.token('dispatcher', 'narrow', { labels: ['x'] }),
      ...(await Promise.all((['driver', 'passenger', 'merchant', 'service'] as const).map((role) => server.token(role)))),
    ];
    for (const token of others) {
      const { look, manage } = calls(caller(server, token));
      for (const call of [...look, ...manage]) (await call()).problem('forbidden');
    }
    for (const call of calls(caller(server)).look) (await call()).problem('unauthenticated');
  });
});

describe('secrets [W5]', () => {
  it('are shown by the answers that make them, and nowhere else: no list, no delivery, no log', async () => {
    const receiver = await receiverForTest();
    receiver.behave({ status: 500 });
    const planted = `whsec_${Buffer.from('a planted secret of 32 bytes xxx').toString('base64')}`;
    const made = await boss.post('/v1/webhooks', { url: `${receiver.url}/s`, secret: planted });
    const { id, secret } = made.as(WebhookWithSecret, 201);
    expect([secret, made.headers.get('cache-control')]).toEqual([planted, 'no-store']);
    await boss.post(`/v1/webhooks/${id}/test`);
    await gets(receiver, 1);
    const told = [await boss.get('/v1/webhooks'), await boss.get(`/v1/webhooks/${id}`), await boss.get(`/v1/webhooks/${id}/deliveries`)];
    told.push(await boss.patch(`/v1/webhooks/${id}`, { description: 'x' }), await boss.get('/metrics'));
    for (const { text } of told) expect(text).not.toContain(planted.slice(6, 30));
    expect(server.output()).not.toContain(planted.slice(6, 30));
    await boss.delete(`/v1/webhooks/${id}`);
  });
});

describe('metrics', () => {
  it('count tries by what came of them, and what waits', async () => {
    const text = await until(
      async () => (await boss.get('/metrics')).text,
      (one) => /^waycast_outbox_attempts_total\{outcome="delivered"\} [1-9]/m.test(one),
    );
    expect(text).toMatch(/^waycast_outbox_attempts_total\{outcome="failed"\} [1-9]/m);
    expect(text).toMatch(/^waycast_outbox_pending \d+$/m);
    expect(text).toMatch(/^waycast_outbox_dead \d+$/m);
  });
});
