import {
  Availability,
  DriverErasure,
  DriverProfile,
  DriverView,
  FixBatch,
  FixInput,
  FixReceipt,
  Id,
  LocationList,
  Moment,
  PositionCollection,
  WaycastError,
} from '@waycast/protocol';
import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import type { Hub } from '../../hub/hub.ts';
import { driverView, erasureView, fleetRowView, storedLocationView } from '../views.ts';
import { whoAsks } from './app.ts';
import { nearbyRoute } from './nearby.ts';
import { failures, refusals } from './refusals.ts';
import { moment } from './trips.ts';

const DriverId = Type.Object({ id: Id });
/** Looked at loosely here, and fix by fix behind: one bad fix must not refuse its neighbours. */
const LocationsBody = Type.Object({}, { additionalProperties: true, description: 'one Fix, or {fixes: [Fix, ...]} of up to 1,000' });
const LocationsQuery = Type.Object(
  {
    from: Type.Optional(Moment),
    to: Type.Optional(Moment),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 5_000 })),
    cursor: Type.Optional(Type.String({ maxLength: 64, pattern: '^-?\\d+~\\d+$' })),
  },
  { additionalProperties: false },
);
const MOST_FIXES = 1_000;

/** `/v1/drivers` and `/v1/positions`. */
export function driverRoutes(app: FastifyInstance, { drivers, erasing, ingest, nearby }: Hub): void {
  nearbyRoute(app, { nearby });
  app.post<{ Params: Static<typeof DriverId>; Body: object }>(
    '/v1/drivers/:id/locations',
    {
      config: { swaggerTransform: ({ schema, url }) => ({ schema: { ...schema, body: Type.Union([FixInput, FixBatch]) }, url }) },
      schema: {
        operationId: 'sendLocations',
        tags: ['Drivers'],
        summary: 'Send one fix, or a batch',
        description:
          'Answered once everything is stored or refused [A5]. Of a batch, a bad fix is refused alone; a single one fails the call.',
        params: DriverId,
        body: LocationsBody,
        response: { 200: FixReceipt, ...refusals('forbidden', 'not_found', 'invalid_fix'), ...failures },
      },
    },
    async (request) => {
      const body = request.body as object;
      if (!('fixes' in body)) return single(await ingest.batch(whoAsks(request), request.params.id, [body], true));
      const { fixes } = body;
      if (!Array.isArray(fixes) || Object.keys(body).length > 1)
        throw new WaycastError('bad_request', 'the body is a fix, or {fixes: [...]} and nothing else', { field: '/fixes' });
      if (fixes.length < 1 || fixes.length > MOST_FIXES)
        throw new WaycastError('bad_request', `fixes: 1 to ${MOST_FIXES} of them`, { field: '/fixes' });
      return ingest.batch(whoAsks(request), request.params.id, fixes, false);
    },
  );
  app.get<{ Params: Static<typeof DriverId>; Querystring: Static<typeof LocationsQuery> }>(
    '/v1/drivers/:id/locations',
    {
      schema: {
        operationId: 'listLocations',
        tags: ['Drivers'],
        summary: 'Where a driver was, by capture time',
        params: DriverId,
        querystring: LocationsQuery,
        response: { 200: LocationList, ...refusals('not_found'), ...failures },
      },
    },
    async (request) => {
      const { from, to, limit = 1_000, cursor = null } = request.query;
      const page = await drivers.locations(
        whoAsks(request),
        request.params.id,
        moment(from, 0, 'from'),
        moment(to, Number.MAX_SAFE_INTEGER, 'to'),
        limit,
        cursor,
      );
      return { locations: page.items.map(({ row, suspect }) => storedLocationView(row, suspect)), cursor: page.cursor };
    },
  );
  for (const path of ['/v1/drivers/:id', '/v1/drivers/:id/status']) {
    app.get<{ Params: Static<typeof DriverId> }>(
      path,
      {
        schema: {
          operationId: path.endsWith('/status') ? 'getDriverStatus' : 'getDriver',
          tags: ['Drivers'],
          summary: path.endsWith('/status') ? 'The status of a driver: the same answer' : 'A driver as it stands',
          params: DriverId,
          response: { 200: DriverView, ...refusals('not_found'), ...failures },
        },
      },
      async (request) => driverView(await drivers.find(whoAsks(request), request.params.id)),
    );
  }
  app.put<{ Params: Static<typeof DriverId>; Body: DriverProfile }>(
    '/v1/drivers/:id',
    {
      schema: {
        operationId: 'setDriverProfile',
        tags: ['Drivers'],
        summary: 'Say what watchers see of a driver',
        params: DriverId,
        body: DriverProfile,
        response: { 200: DriverView, ...refusals('forbidden', 'not_found'), ...failures },
      },
    },
    async (request) => {
      await drivers.setProfile(whoAsks(request), request.params.id, request.body);
      return driverView(await drivers.find(whoAsks(request), request.params.id));
    },
  );
  app.put<{ Params: Static<typeof DriverId>; Body: Availability }>(
    '/v1/drivers/:id/availability',
    {
      schema: {
        operationId: 'setDriverAvailability',
        tags: ['Drivers'],
        summary: 'Say whether a driver takes trips',
        params: DriverId,
        body: Availability,
        response: { 200: DriverView, ...refusals('forbidden', 'not_found'), ...failures },
      },
    },
    async (request) => {
      await drivers.setAvailability(whoAsks(request), request.params.id, request.body.available);
      return driverView(await drivers.find(whoAsks(request), request.params.id));
    },
  );
  app.delete<{ Params: Static<typeof DriverId> }>(
    '/v1/drivers/:id/data',
    {
      schema: {
        operationId: 'eraseDriver',
        tags: ['Drivers'],
        summary: 'Erase everything there is of a driver',
        description:
          'From the answer on nothing of the driver can be asked for [I10]; the trips it drove stay, without it [I12]. Asked again while it goes on, it answers the same.',
        params: DriverId,
        response: { 202: DriverErasure, ...refusals('forbidden', 'not_found', 'driver_has_trips'), ...failures },
      },
    },
    async (request, reply) => reply.code(202).send(erasureView(await erasing.erase(whoAsks(request), request.params.id))),
  );
  app.get(
    '/v1/positions',
    {
      schema: {
        operationId: 'listPositions',
        tags: ['Drivers'],
        summary: 'Everybody who is not offline, as GeoJSON',
        response: {
          200: { description: 'Done.', content: { 'application/geo+json': { schema: PositionCollection } } },
          ...refusals('not_found'),
          ...failures,
        },
      },
    },
    async (request, reply) => {
      const { rows } = drivers.positions(whoAsks(request));
      const features = rows.map((row) => {
        const { lat, lng, ...properties } = fleetRowView(row);
        return { type: 'Feature', id: row.driver, geometry: { type: 'Point', coordinates: [lng, lat] }, properties };
      });
      return reply.type('application/geo+json').send({ type: 'FeatureCollection', features });
    },
  );
}

/** A single fix that cannot be taken is the failure of the call. */
function single(receipt: FixReceipt): FixReceipt {
  const [refused] = receipt.rejected;
  if (refused === undefined) return receipt;
  throw new WaycastError(refused.code, refused.message, { field: refused.field });
}
