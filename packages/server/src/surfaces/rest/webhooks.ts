import {
  DELIVERY_STATES,
  isoTime,
  Replayed,
  ReplayInput,
  SecretInput,
  Text,
  type WebhookDelivery,
  WebhookDeliveryList,
  WebhookInput,
  WebhookList,
  WebhookPatch,
  WebhookTest,
  WebhookView,
  WebhookWithSecret,
} from '@waycast/protocol';
import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import type { DeliveryRecord } from '../../hub/outbox/ports.ts';
import type { Webhook, Webhooks } from '../../hub/outbox/webhooks.ts';
import { whoAsks } from './app.ts';
import { failures, refusals } from './refusals.ts';

const WebhookId = Type.Object({ id: Text({ minLength: 1, maxLength: 64 }) });
type WebhookId = Static<typeof WebhookId>;
const DeliveriesQuery = Type.Object(
  {
    state: Type.Optional(Type.Enum([...DELIVERY_STATES])),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
    cursor: Type.Optional(Type.String({ pattern: '^\\d{1,15}$' })),
  },
  { additionalProperties: false },
);

/** `/v1/webhooks`. */
export function webhookRoutes(app: FastifyInstance, webhooks: Webhooks): void {
  collectionRoutes(app, webhooks);
  deliveryRoutes(app, webhooks);
  app.get<{ Params: WebhookId }>(
    '/v1/webhooks/:id',
    {
      schema: {
        operationId: 'getWebhook',
        tags: ['Webhooks'],
        summary: 'One webhook',
        params: WebhookId,
        response: { 200: WebhookView, ...refusals('forbidden', 'not_found'), ...failures },
      },
    },
    async (request) => webhookView(await webhooks.find(whoAsks(request), request.params.id)),
  );
  app.patch<{ Params: WebhookId; Body: WebhookPatch }>(
    '/v1/webhooks/:id',
    {
      schema: {
        operationId: 'changeWebhook',
        tags: ['Webhooks'],
        summary: 'Change a webhook, disable it, enable it again',
        params: WebhookId,
        body: WebhookPatch,
        response: { 200: WebhookView, ...refusals('forbidden', 'not_found', 'revision_conflict'), ...failures },
      },
    },
    async (request) => webhookView(await webhooks.patch(whoAsks(request), request.params.id, request.body)),
  );
  app.delete<{ Params: WebhookId }>(
    '/v1/webhooks/:id',
    {
      schema: {
        operationId: 'removeWebhook',
        tags: ['Webhooks'],
        summary: 'Remove a webhook, with what waits for it',
        params: WebhookId,
        response: { 204: Type.Null(), ...refusals('forbidden', 'not_found'), ...failures },
      },
    },
    async (request, reply) => {
      await webhooks.remove(whoAsks(request), request.params.id);
      return reply.code(204).send();
    },
  );
  app.post<{ Params: WebhookId; Body: SecretInput }>(
    '/v1/webhooks/:id/secret',
    {
      schema: {
        operationId: 'rotateWebhookSecret',
        tags: ['Webhooks'],
        summary: 'A new secret; those before sign beside it for a while',
        params: WebhookId,
        body: SecretInput,
        response: { 201: WebhookWithSecret, ...refusals('forbidden', 'not_found', 'revision_conflict'), ...failures },
      },
    },
    async (request, reply) => {
      const { secret, ...webhook } = await webhooks.rotate(whoAsks(request), request.params.id, request.body);
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...webhookView(webhook), secret });
    },
  );
}

function collectionRoutes(app: FastifyInstance, webhooks: Webhooks): void {
  app.post<{ Body: WebhookInput }>(
    '/v1/webhooks',
    {
      schema: {
        operationId: 'createWebhook',
        tags: ['Webhooks'],
        summary: 'Have events sent to an address; the answer shows the secret, once',
        body: WebhookInput,
        response: { 201: WebhookWithSecret, ...refusals('forbidden', 'too_many_webhooks'), ...failures },
      },
    },
    async (request, reply) => {
      const { secret, ...webhook } = await webhooks.create(whoAsks(request), request.body);
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...webhookView(webhook), secret });
    },
  );
  app.get(
    '/v1/webhooks',
    {
      schema: {
        operationId: 'listWebhooks',
        tags: ['Webhooks'],
        summary: 'Webhooks, and the services built in',
        response: { 200: WebhookList, ...refusals('forbidden'), ...failures },
      },
    },
    async (request) => ({ webhooks: (await webhooks.list(whoAsks(request))).map(webhookView) }),
  );
}

function deliveryRoutes(app: FastifyInstance, webhooks: Webhooks): void {
  app.post<{ Params: WebhookId }>(
    '/v1/webhooks/:id/test',
    {
      schema: {
        operationId: 'testWebhook',
        tags: ['Webhooks'],
        summary: 'Send a message that says it is a test',
        params: WebhookId,
        response: { 202: WebhookTest, ...refusals('forbidden', 'not_found', 'webhook_disabled'), ...failures },
      },
    },
    async (request, reply) => reply.code(202).send({ messageId: await webhooks.test(whoAsks(request), request.params.id) }),
  );
  app.get<{ Params: WebhookId; Querystring: Static<typeof DeliveriesQuery> }>(
    '/v1/webhooks/:id/deliveries',
    {
      schema: {
        operationId: 'listDeliveries',
        tags: ['Webhooks'],
        summary: 'What was and is to be delivered, newest first',
        params: WebhookId,
        querystring: DeliveriesQuery,
        response: { 200: WebhookDeliveryList, ...refusals('forbidden', 'not_found'), ...failures },
      },
    },
    async (request) => {
      const { state = null, limit = 100, cursor = null } = request.query;
      const page = await webhooks.deliveries(whoAsks(request), request.params.id, state, limit, cursor);
      return { deliveries: page.items.map(deliveryView), cursor: page.cursor };
    },
  );
  app.post<{ Params: WebhookId; Body: ReplayInput }>(
    '/v1/webhooks/:id/replay',
    {
      schema: {
        operationId: 'replayDeliveries',
        tags: ['Webhooks'],
        summary: 'Make deliveries again, under the same ids',
        params: WebhookId,
        body: ReplayInput,
        response: { 202: Replayed, ...refusals('forbidden', 'not_found'), ...failures },
      },
    },
    async (request, reply) => reply.code(202).send({ replayed: await webhooks.replay(whoAsks(request), request.params.id, request.body) }),
  );
}

/** Never a secret. */
function webhookView({ consumer, isFailing }: Webhook): WebhookView {
  const { id, kind, url, types, labels, description, enabled, disabledReason, createdAt } = consumer;
  const working = isFailing ? 'failing' : 'active';
  return {
    id,
    kind,
    url,
    events: types === null ? null : [...types],
    labels: labels === null ? null : [...labels],
    description,
    enabled,
    state: enabled ? (url === null ? 'paused' : working) : 'disabled',
    disabledReason,
    createdAt: isoTime(createdAt),
  };
}

function deliveryView({ message, state, settledAt, tries, attempts }: DeliveryRecord): WebhookDelivery {
  return {
    messageId: message.id,
    type: message.type,
    feed: message.key,
    state,
    createdAt: isoTime(message.at),
    settledAt: settledAt === null ? null : isoTime(settledAt),
    tries,
    attempts: attempts.map(({ at, ...attempt }) => ({ at: isoTime(at), ...attempt })),
  };
}
