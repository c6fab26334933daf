import { expect, it } from 'vitest';
import { FixReceipt, WebhookWithSecret } from '../packages/protocol/src/index.ts';
import { canarySings } from './support/canary.ts';
import { CENTRE } from './support/places.ts';
import { type Receiver, receiverForTest } from './support/receiver.ts';
import { caller } from './support/rest.ts';
import { startProcess, type TestServer } from './support/server-process.ts';
import { until } from './support/until.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const COLLECTOR = '/v1/traces';

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: { stringValue?: string; intValue?: number } }[];
  readonly status: { code?: number; message?: string };
}
interface OtlpBody {
  readonly resourceSpans: readonly {
    readonly resource: { attributes: OtlpSpan['attributes'] };
    readonly scopeSpans: readonly { spans: readonly OtlpSpan[] }[];
  }[];
}

/** All that a collector was sent. */
function collected(receiver: Receiver): { spans: OtlpSpan[]; services: Set<unknown> } {
  const bodies = receiver
    .received()
    .filter(({ path }) => path === COLLECTOR)
    .map(({ body }) => JSON.parse(body) as OtlpBody);
  const all = bodies.flatMap(({ resourceSpans }) => resourceSpans);
  return {
    spans: all.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    services: new Set(all.map(({ resource }) => attributesOf(resource)['service.name'])),
  };
}

function attributesOf({ attributes }: Pick<OtlpSpan, 'attributes'>): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]));
}

const ms = ({ startTimeUnixNano, endTimeUnixNano }: OtlpSpan) => Number(BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano)) / 1e6;

async function withCollector(run: (server: TestServer, collector: Receiver) => Promise<void>, env: object = {}): Promise<void> {
  const collector = await receiverForTest();
  collector.behave({ status: 200, headers: { 'content-type': 'application/json' }, body: '{}' }, COLLECTOR);
  const server = await startProcess({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_SERVICE_NAME: 'waycast-of-a-test',
      WEBHOOK_ALLOW_PRIVATE: 'true',
      CANARY_SECONDS: '0.2',
      LOCATION_UPDATE_RATE_LIMIT: '0',
      ...env,
    },
  });
  try {
    await run(server, collector);
  } finally {
    await server.stop();
  }
}

it('requests, deliveries, commits and the canary are spans, each in its trace [U8]', async () => {
  let collector: Receiver | undefined;
  await withCollector(async (server, receiver) => {
    collector = receiver;
    const boss = caller(server, await server.token('admin'));
    const headers = { traceparent: `00-${TRACE}-${SPAN}-01` };
    await boss.call('GET', '/v1/trips/person-in-a-path', undefined, headers);
    await boss.call('GET', '/v1/trips/unsampled', undefined, { traceparent: `00-${TRACE}-${SPAN}-00` });
    const own = (await boss.get('/v1/trips/unheard')).problem('not_found').trace;
    (await boss.post('/v1/drivers/dan/locations', CENTRE)).as(FixReceipt);
    (await boss.post('/v1/webhooks', { url: `${receiver.url}/hook-with-a-secret` })).as(WebhookWithSecret, 201);
    await boss.post('/v1/trips', { kind: 'ride', stops: [] });
    const delivered = await until(
      () => receiver.received().find(({ path }) => path === '/hook-with-a-secret'),
      (found) => found !== undefined,
    );
    await canarySings(server);
    // What is left is sent as it ends.
    expect((await server.stop()).code).toBe(0);
    const { spans, services } = collected(receiver);
    expect([...services]).toEqual(['waycast-of-a-test']);
    const [request, ...others] = spans.filter(({ traceId }) => traceId === TRACE);
    expect(others).toEqual([]);
    expect(request).toMatchObject({ parentSpanId: SPAN, name: 'GET /v1/trips/:id', kind: 2 });
    expect(request && attributesOf(request)).toEqual({
      'http.request.method': 'GET',
      'http.route': '/v1/trips/:id',
      'http.response.status_code': 404,
    });
    expect(request && ms(request)).toBeGreaterThan(0);
    expect(request && ms(request)).toBeLessThan(10_000);
    const ownSpan = spans.find(({ traceId }) => traceId === own);
    expect(ownSpan?.name).toBe('GET /v1/trips/:id');
    expect(ownSpan?.parentSpanId ?? '').toBe('');
    const [, traceId, spanId] = delivered?.headers.traceparent?.split('-') ?? [];
    const delivery = spans.find((span) => span.spanId === spanId);
    expect(delivery).toMatchObject({ traceId, name: 'deliver trip.status', kind: 3 });
    expect(delivery && attributesOf(delivery)).toMatchObject({
      'waycast.message': delivered?.headers['webhook-id'],
      'http.response.status_code': 200,
    });
    for (const name of ['store fixes', 'canary to watcher', 'canary to stored']) expect(spans.map((span) => span.name)).toContain(name);
    expect(JSON.stringify(spans)).not.toMatch(/person-in-a-path|hook-with-a-secret|~canary/);
  });
  expect(collector).toBeDefined();
});

it('a collector that is away, or hangs, holds nothing up, the end neither [U8]', async () => {
  await withCollector(async (server, collector) => {
    collector.behave({ hold: true }, COLLECTOR);
    const boss = caller(server, await server.token('admin'));
    for (let n = 0; n < 20; n++) (await boss.post('/v1/drivers/dan/locations', { ...CENTRE, timestamp: Date.now() + n })).as(FixReceipt);
    const began = performance.now();
    expect((await server.stop()).code).toBe(0);
    expect(performance.now() - began).toBeLessThan(8_000);
  });
});

it('without its packages the server serves, and one line says which to install [U8]', async () => {
  const code = [
    'import{registerHooks}from"node:module";',
    'registerHooks({resolve(what,context,next){',
    // The api itself is there anyway: prom-client has it.
    'if(/^@opentelemetry.(?!api$)/.test(what))throw(Object.assign(new(Error)("not there"),{code:"ERR_MODULE_NOT_FOUND"}));',
    'return(next(what,context))}})',
  ].join('');
  const absent = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
  await withCollector(async (server, collector) => {
    expect((await caller(server).get('/health')).status).toBe(200);
    const lines = server
      .output()
      .split('\n')
      .filter((line) => line.includes('OTEL_EXPORTER_OTLP_ENDPOINT'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('npm install --no-save @opentelemetry/api@');
    for (const name of ['sdk-trace', 'resources', 'exporter-trace-otlp-http']) expect(lines[0]).toContain(`@opentelemetry/${name}@`);
    await server.stop();
    expect(collector.received()).toEqual([]);
  }, absent);
});
