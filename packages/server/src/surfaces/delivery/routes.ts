import { WaycastError } from '@waycast/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { DeliverySession, Progress, PublicSession, StartInput, TrackingStats, UpdateInput } from '../../dialects/delivery/messages.ts';
import { progressOf, publicSessionOf, sessionOf, stateOf } from '../../dialects/delivery/session.ts';
import { statsOf } from '../../dialects/delivery/stats.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Principal } from '../../hub/principal.ts';
import { sendProblem } from '../rest/problem.ts';
import { failures, refusals } from '../rest/refusals.ts';
import { TRACKING_ROOM } from './tracking.ts';
import { courierOrOther } from './visitor.ts';

const UNPROCESSABLE = 422;
const tags = ['Delivery'];
const TrackingId = Type.Object({ id: Type.String({ description: 'a tracking id, `TRK-...`' }) });
const RiderId = Type.Object({ rider_id: Type.String() });
const noSession = refusals('not_found', 'session_expired');

/** The REST calls of the delivery contract. */
export function deliveryRoutes(app: FastifyInstance, hub: Hub): void {
  app.register(async (scope) => {
    scope.setErrorHandler((error, _request, reply) => refuse(error, reply));
    starting(scope, hub);
    updating(scope, hub);
    reading(scope, hub);
    counting(scope, hub);
  });
}

function starting(app: FastifyInstance, { sessions }: Hub): void {
  app.post<{ Body: StartInput }>(
    '/tracking/start',
    {
      config: { anyRole: true },
      schema: {
        operationId: 'startTracking',
        tags,
        summary: 'Start to track an order',
        description: 'For that rider, services and superadmins. An order with a live session: that session is answered [Y5].',
        body: StartInput,
        response: { 200: DeliverySession, ...refusals('forbidden', 'trip_exists'), ...failures },
      },
    },
    async (request) => {
      const { order_id, rider_id, dropoff_lat, dropoff_lng, phone = null } = request.body;
      const dropoff = { lat: dropoff_lat, lng: dropoff_lng };
      return sessionOf(stateOf(await sessions.start(whoAsks(request), { orderId: order_id, riderId: rider_id, dropoff, phone })));
    },
  );
}

function updating(app: FastifyInstance, { sessions }: Hub): void {
  app.post<{ Params: Static<typeof TrackingId>; Body: UpdateInput }>(
    '/tracking/update/:id',
    {
      config: { anyRole: true },
      schema: {
        operationId: 'updateTracking',
        tags,
        summary: "Send the courier's position, and a status",
        description: "For the session's rider and superadmins. The position stays, whatever becomes of the status [Y7].",
        params: TrackingId,
        body: UpdateInput,
        response: { 200: Progress, ...noSession, ...refusals('forbidden', 'illegal_transition'), ...failures },
      },
    },
    async (request, reply) => {
      const { lat, lng, status = null } = request.body;
      const { trip, suspect } = await sessions.update(whoAsks(request), request.params.id, { lat, lng, status });
      // The contract's body has no place for it [F7].
      if (suspect) reply.header('x-position', 'suspect');
      return progressOf(stateOf(trip));
    },
  );
}

function reading(app: FastifyInstance, { sessions }: Hub): void {
  app.get<{ Params: Static<typeof TrackingId> }>(
    '/tracking/:id',
    {
      config: { open: true, anyRole: true, ignoresTokens: true },
      schema: {
        operationId: 'getTracking',
        tags,
        summary: 'Read a session',
        description: 'For anybody who has its id.',
        security: [],
        params: TrackingId,
        response: { 200: PublicSession, ...noSession, ...failures },
      },
    },
    async (request) => publicSessionOf(stateOf(await sessions.find(request.params.id))),
  );
  app.get<{ Params: Static<typeof RiderId> }>(
    '/tracking/rider/:rider_id',
    {
      config: { anyRole: true },
      schema: {
        operationId: 'getTrackingOfRider',
        tags,
        summary: "Read a rider's current session",
        description: 'For that rider, merchants and superadmins: the newest session that is open.',
        params: RiderId,
        response: { 200: DeliverySession, ...refusals('forbidden', 'not_found'), ...failures },
      },
    },
    async (request) => sessionOf(stateOf(await sessions.ofRider(whoAsks(request), request.params.rider_id))),
  );
}

function counting(app: FastifyInstance, { sessions, attendance }: Hub): void {
  app.get(
    '/stats/tracking',
    {
      config: { anyRole: true },
      schema: {
        operationId: 'getTrackingStats',
        tags,
        summary: 'Count sessions and sockets',
        description: 'For superadmins and admins. Sessions that have not expired, without cancelled ones [Y11].',
        response: { 200: TrackingStats, ...refusals('forbidden'), ...failures },
      },
    },
    async (request) => {
      const { byStatus, total, byAge } = await sessions.stats(whoAsks(request));
      return statsOf({ total, byStatus, byAge, connections: await attendance.count(TRACKING_ROOM) });
    },
  );
}

/** Who asks, on paths that need somebody in a role. */
function whoAsks({ identity }: FastifyRequest): Principal {
  if (identity === null) throw new WaycastError('unauthenticated');
  const who = courierOrOther(identity);
  if (who === null) throw new WaycastError('forbidden', 'the token names no role this server knows');
  return who;
}

/** Bodies that do not fit are 422 in this contract; faults of ours are told, and logged, as everywhere. */
function refuse(error: unknown, reply: FastifyReply): FastifyReply {
  const { statusCode = 500 } = error as { statusCode?: number };
  if (!(error instanceof WaycastError) && statusCode >= 500) throw error;
  return sendProblem(reply, error, (status) => (status === 400 ? UNPROCESSABLE : status));
}
