import { Health, WaycastError } from '@waycast/protocol';
import type { FastifyInstance } from 'fastify';
import type { Hub } from '../../hub/hub.ts';
import type { Metrics } from '../../metrics.ts';
import { whoAsks } from './app.ts';

export interface SystemParts {
  readonly hub: Hub;
  readonly metrics: Metrics;
  readonly connections: () => number;
  readonly isDraining: () => boolean;
  /** False when /metrics has a port of its own. */
  readonly servesMetrics: boolean;
}

/** Probes, metrics and the description of the surface itself. */
export function systemRoutes(app: FastifyInstance, { hub, metrics, connections, isDraining, servesMetrics }: SystemParts): void {
  const open = { config: { open: true }, schema: { security: [] } };
  app.get('/health', { ...open, schema: { ...open.schema, summary: 'How it goes', response: { 200: Health } } }, async () => {
    const { ok } = hub.ready();
    const draining = isDraining();
    return {
      status: draining ? 'draining' : ok ? 'ok' : 'degraded',
      database: ok ? 'ok' : 'stalled',
      redis: 'unused',
      websocket: draining ? 'draining' : 'ok',
      connections: connections(),
    };
  });
  app.get('/health/live', { ...open, schema: { ...open.schema, summary: 'The event loop turns' } }, async () => ({ status: 'ok' }));
  app.get('/health/ready', { ...open, schema: { ...open.schema, summary: 'Fixes can be acknowledged' } }, async (_, reply) => {
    const { ok, problem } = hub.ready();
    if (ok && !isDraining()) return { status: 'ready' };
    return reply.code(503).send({ status: 'not ready', reason: isDraining() ? 'draining' : problem });
  });
  app.get('/openapi.json', { ...open, schema: { ...open.schema, hide: true } }, async () => app.swagger());
  if (!servesMetrics) return;
  app.get('/metrics', { schema: { summary: 'Prometheus metrics, for admins' } }, async (request, reply) => {
    if (whoAsks(request).role !== 'admin') throw new WaycastError('forbidden', 'metrics are for admins');
    return reply
      .type(metrics.contentType)
      .serializer(String)
      .send(await metrics.text());
  });
}
