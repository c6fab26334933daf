import { Health, WaycastError } from '@waycast/protocol';
import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import type { Hub } from '../../hub/hub.ts';
import type { Metrics } from '../../metrics.ts';
import { whoAsks } from './app.ts';
import { failures, refusals } from './refusals.ts';

export interface SystemParts {
  readonly hub: Hub;
  readonly metrics: Metrics;
  readonly redis: () => Health['redis'];
  readonly connections: () => number;
  readonly isDraining: () => boolean;
  /** False when /metrics has a port of its own. */
  readonly servesMetrics: boolean;
}

const Live = Type.Object({ status: Type.Literal('ok') });
const Ready = Type.Object({ status: Type.Literal('ready') });
const NotReady = Type.Object(
  { status: Type.Literal('not ready'), reason: Type.String() },
  { description: 'Fixes cannot be acknowledged now; live delivery may go on.' },
);

/** Probes, metrics and the description of the surface itself. */
export function systemRoutes(app: FastifyInstance, { hub, metrics, redis, connections, isDraining, servesMetrics }: SystemParts): void {
  const open = { config: { open: true }, schema: { security: [], tags: ['System'] } };
  const health = { operationId: 'getHealth', summary: 'How it goes', response: { 200: Health, ...failures } };
  app.get('/health', { ...open, schema: { ...open.schema, ...health } }, async () => {
    const { ok, isStoreOk } = hub.ready();
    const draining = isDraining();
    return {
      status: draining ? 'draining' : ok ? 'ok' : 'degraded',
      database: isStoreOk ? 'ok' : 'stalled',
      redis: redis(),
      websocket: draining ? 'draining' : 'ok',
      connections: connections(),
    };
  });
  const live = { operationId: 'isLive', summary: 'Whether the event loop turns', response: { 200: Live, ...failures } };
  app.get('/health/live', { ...open, schema: { ...open.schema, ...live } }, async () => ({ status: 'ok' }));
  const ready = {
    operationId: 'isReady',
    summary: 'Whether fixes can be acknowledged',
    response: { 200: Ready, 503: NotReady, ...failures },
  };
  app.get('/health/ready', { ...open, schema: { ...open.schema, ...ready } }, async (_, reply) => {
    const { ok, problem } = hub.ready();
    if (ok && !isDraining()) return { status: 'ready' };
    return reply.code(503).send({ status: 'not ready', reason: isDraining() ? 'draining' : problem });
  });
  app.get('/openapi.json', { ...open, schema: { ...open.schema, hide: true } }, async () => app.swagger());
  if (!servesMetrics) return;
  const prometheus = {
    operationId: 'getMetrics',
    tags: ['System'],
    summary: 'Prometheus metrics, for admins',
    response: {
      200: { description: 'Prometheus text.', content: { 'text/plain': { schema: Type.String() } } },
      ...refusals('forbidden'),
      ...failures,
    },
  };
  app.get('/metrics', { schema: prometheus }, async (request, reply) => {
    if (whoAsks(request).role !== 'admin') throw new WaycastError('forbidden', 'metrics are for admins');
    return reply
      .type(metrics.contentType)
      .serializer(String)
      .send(await metrics.text());
  });
}
