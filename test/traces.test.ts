import { describe, expect, it, onTestFinished } from 'vitest';
import { WebhookWithSecret } from '../packages/protocol/src/index.ts';
import { unique } from './support/places.ts';
import { receiverForTest } from './support/receiver.ts';
import { refusedUpgrade } from './support/refused-upgrade.ts';
import { caller } from './support/rest.ts';
import { oldToken, ridePath } from './support/rideshare.ts';
import { serverForTest } from './support/server-for-test.ts';
import { startProcess } from './support/server-process.ts';
import { until } from './support/until.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const HEADERS = { traceparent: `00-${TRACE}-${SPAN}-00`, tracestate: 'congo=t61rcWkgMzE' };

describe('a request that brings a traceparent', () => {
  it('is told its trace id with every refusal, and one that brings none gets a trace of its own [U1]', async () => {
    // Straight to a process: nginx answers some of it by itself.
    const server = await startProcess();
    onTestFinished(() => server.kill());
    const boss = caller(server, await server.token('admin'));
    const refused = [
      await boss.call('GET', '/v1/trips/unheard', undefined, HEADERS),
      await boss.call('POST', '/v1/trips', '{"kind":', HEADERS),
      await boss.call('POST', '/v1/trips', { kind: 'boat' }, HEADERS),
      await boss.call('GET', '/no/such/path', undefined, HEADERS),
      await boss.call('GET', '/v1/trips/%zz', undefined, HEADERS),
      await caller(server).call('GET', '/v1/trips', undefined, HEADERS),
      await caller(server).call('GET', '/socket.io/?EIO=3&transport=polling', undefined, {
        ...HEADERS,
        origin: 'https://elsewhere.example',
      }),
    ];
    expect(refused.map((answer) => (answer.json() as { trace?: string }).trace)).toEqual(refused.map(() => TRACE));
    const own = [await boss.get('/v1/trips/unheard'), await boss.call('GET', '/v1/trips/unheard', undefined, { traceparent: 'nonsense' })];
    const ids = own.map((answer) => answer.problem('not_found').trace);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set([...ids, TRACE]).size).toBe(3);
    expect(await refusedUpgrade(`${server.url}/v1/nowhere`, HEADERS)).toMatchObject({ body: expect.stringContaining(TRACE) });
  });

  it('passes it on to the services that are asked because of it, and to the log [U1, U2]', async () => {
    const outside = await receiverForTest();
    const server = await serverForTest({ env: { RIDE_SERVICE_URL: outside.url } });
    const ask = async (ride: string, headers: object) =>
      fetch(`${server.url}/api/v1/tracking/ride/${ride}/status`, { headers: { authorization: `Bearer ${oldToken('dan')}`, ...headers } });
    outside.behave({ status: 404 });
    await ask('one', HEADERS);
    const [asked] = outside.received();
    expect(asked?.headers).toMatchObject({ tracestate: HEADERS.tracestate });
    expect(asked?.headers.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
    expect(asked?.headers.traceparent).not.toContain(SPAN);
    await ask('two', {});
    expect(outside.received()[1]?.headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(outside.received()[1]?.headers.traceparent).not.toContain(TRACE);
    expect(outside.received()[1]?.headers).not.toHaveProperty('tracestate');
    await refusedUpgrade(server.url + ridePath('three', 'driver', oldToken('dan')), HEADERS);
    expect(outside.received()[2]?.headers.traceparent).toContain(TRACE);
    outside.behave({ status: 500 });
    expect((await ask('four', HEADERS)).status).toBe(503);
    const line = await until(
      () =>
        server
          .output()
          .split('\n')
          .find((one) => one.includes('ride service is of no use')),
      (found) => found !== undefined,
    );
    expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 40, trace: TRACE });
  });
});

it('a webhook’s delivery is a trace by itself, the same at every try [U2]', async () => {
  const receiver = await receiverForTest();
  const server = await serverForTest({ env: { WEBHOOK_ALLOW_PRIVATE: 'true', NOTIFICATION_SERVICE_URL: receiver.url } });
  const boss = caller(server, await server.token('admin'));
  const label = unique('label');
  receiver.behave({ status: 503, headers: { 'retry-after': '0' } });
  (await boss.post('/v1/webhooks', { url: `${receiver.url}/hook`, labels: [label] })).as(WebhookWithSecret, 201);
  await boss.call('POST', '/v1/trips', { kind: 'ride', labels: [label], stops: [] }, HEADERS);
  const [first, second] = await until(
    () => receiver.received(),
    (received) => received.length >= 2,
    20_000,
  );
  const [one, two] = [first, second].map((received) => received?.headers.traceparent ?? '');
  expect(one).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  expect(two?.slice(0, 35)).toBe(one?.slice(0, 35));
  expect(two).not.toBe(one);
});
