import { isoTime, Session, SessionInput, Ticket, WaycastError } from '@waycast/protocol';
import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import type { Tokens } from '../../auth/tokens.ts';
import type { Clock, Codes } from '../../hub/ports.ts';
import type { Principal, SignIn } from '../../hub/principal.ts';
import { whoAsks } from './app.ts';
import { failures } from './refusals.ts';

const SESSION_SECONDS = 12 * 3600;

/** `/v1/tickets` and `/v1/session`: ways in for pages, which can set no header on a socket [S8]. */
export function sessionRoutes(
  app: FastifyInstance,
  parts: { tickets: Codes<Principal>; signIns: Codes<SignIn>; tokens: Tokens; clock: Clock },
): void {
  app.post(
    '/v1/tickets',
    {
      schema: {
        operationId: 'createTicket',
        tags: ['Sessions'],
        summary: 'A ticket for one socket',
        description: 'Good once, for 30 s, as `?ticket=` of a WebSocket address: a browser can set no header there [S8].',
        response: { 201: Ticket, ...failures },
      },
    },
    async (request, reply) => {
      const { code, until } = await parts.tickets.issue(whoAsks(request));
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ticket: code, expiresAt: isoTime(until) });
    },
  );
  app.post<{ Body: Static<typeof SessionInput> }>(
    '/v1/session',
    {
      config: { open: true },
      schema: {
        operationId: 'signIn',
        tags: ['Sessions'],
        summary: 'Trade the code of the printed address for a token',
        security: [],
        body: SessionInput,
        response: { 201: Session, ...failures },
      },
    },
    async (request, reply) => {
      const who = await parts.signIns.redeem(request.body.code);
      if (who === undefined) throw new WaycastError('unauthenticated', 'the code is unknown, used or too old');
      const token = await parts.tokens.sign({ ...who, ttl: SESSION_SECONDS });
      const expiresAt = isoTime(parts.clock.now() + SESSION_SECONDS * 1000);
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ token, ...who, expiresAt });
    },
  );
}
