import { ConnectionList, type ConnectionView, isoTime, Text, WaycastError } from '@waycast/protocol';
import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import type { Hub } from '../../hub/hub.ts';
import type { ConnectionSession } from '../../hub/storage-ports.ts';
import { whoAsks } from './app.ts';
import { failures, refusals } from './refusals.ts';

const Query = Type.Object(
  {
    subject: Type.Optional(Text({ minLength: 1, maxLength: 256, description: 'whose' })),
    open: Type.Optional(Type.Boolean({ description: 'only those that are there, or only those that have gone' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    cursor: Type.Optional(Type.String({ maxLength: 64, pattern: '^\\d{1,15}~[0-9a-f-]{36}$' })),
  },
  { additionalProperties: false },
);

/** `GET /v1/connections`: who was connected when, and how [K16]. */
export function connectionRoutes(app: FastifyInstance, { attendance }: Hub): void {
  app.get<{ Querystring: Static<typeof Query> }>(
    '/v1/connections',
    {
      schema: {
        operationId: 'listConnections',
        tags: ['System'],
        summary: 'Every socket that was opened, newest first; for admins',
        querystring: Query,
        response: { 200: ConnectionList, ...refusals('forbidden'), ...failures },
      },
    },
    async (request) => {
      if (whoAsks(request).role !== 'admin') throw new WaycastError('forbidden', 'who is connected is for admins');
      const { subject, open, limit = 100, cursor = null } = request.query;
      const page = await attendance.sessions({ subject, open }, limit, cursor);
      return { connections: page.items.map(connectionView), cursor: page.cursor };
    },
  );
}

function connectionView({ id, subject, role, surface, kind, about, since, last, until }: ConnectionSession): ConnectionView {
  return {
    id,
    subject,
    role,
    surface,
    kind,
    tripId: about,
    since: isoTime(since),
    lastActivity: isoTime(last),
    until: until === null ? null : isoTime(until),
  };
}
