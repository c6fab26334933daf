import { Id, MessageEvent, MessageInput, MessageList } from '@waycast/protocol';
import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import type { Hub } from '../../hub/hub.ts';
import { messageView } from '../views.ts';
import { whoAsks } from './app.ts';
import { failures, refusals } from './refusals.ts';

const TripId = Type.Object({ id: Id });

/** `/v1/trips/{id}/messages`: what driver and passenger write to each other. */
export function textRoutes(app: FastifyInstance, { texts }: Hub): void {
  app.post<{ Params: Static<typeof TripId>; Body: MessageInput }>(
    '/v1/trips/:id/messages',
    {
      schema: {
        operationId: 'writeMessage',
        tags: ['Trips'],
        summary: 'Write a short text on a trip',
        params: TripId,
        body: MessageInput,
        response: { 201: MessageEvent, ...refusals('not_found', 'trip_closed'), ...failures },
      },
    },
    async (request, reply) => {
      const { text, to } = request.body;
      return reply.code(201).send(messageView(await texts.write(whoAsks(request), request.params.id, text, to ?? null, 'rest')));
    },
  );
  app.get<{ Params: Static<typeof TripId> }>(
    '/v1/trips/:id/messages',
    {
      schema: {
        operationId: 'listMessages',
        tags: ['Trips'],
        summary: 'What was written on a trip, oldest first',
        params: TripId,
        response: { 200: MessageList, ...refusals('not_found'), ...failures },
      },
    },
    async (request) => ({ messages: (await texts.list(whoAsks(request), request.params.id)).map(messageView) }),
  );
}
