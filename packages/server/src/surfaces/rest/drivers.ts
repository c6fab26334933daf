import {
  Availability,
  DriverProfile,
  DriverView,
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
import { driverView, storedLocationView } from '../views.ts';
import { failures, whoAsks } from './app.ts';
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
export function driverRoutes(app: FastifyInstance, { drivers, ingest }: Hub): void {
  app.post<{ Params: Static<typeof DriverId>; Body: object }>(
    '/v1/drivers/:id/locations',
    { schema: { summary: 'Send one fix, or a batch', params: DriverId, body: LocationsBody, response: { 200: FixReceipt, ...failures } } },
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
        summary: 'Where a driver was, by capture time',
        params: DriverId,
        querystring: LocationsQuery,
        response: { 200: LocationList, ...failures },
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
      { schema: { summary: 'A driver as it stands', params: DriverId, response: { 200: DriverView, ...failures } } },
      async (request) => driverView(await drivers.find(whoAsks(request), request.params.id)),
    );
  }
  app.put<{ Params: Static<typeof DriverId>; Body: DriverProfile }>(
    '/v1/drivers/:id',
    {
      schema: {
        summary: 'What watchers see of a driver',
        params: DriverId,
        body: DriverProfile,
        response: { 200: DriverView, ...failures },
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
      schema: { summary: 'Whether a driver takes trips', params: DriverId, body: Availability, response: { 200: DriverView, ...failures } },
    },
    async (request) => {
      await drivers.setAvailability(whoAsks(request), request.params.id, request.body.available);
      return driverView(await drivers.find(whoAsks(request), request.params.id));
    },
  );
  app.get(
    '/v1/positions',
    { schema: { summary: 'Everybody who is not offline, as GeoJSON', response: { 200: PositionCollection, ...failures } } },
    async (request, reply) => {
      const { rows } = drivers.positions(whoAsks(request));
      const features = rows.map(({ lat, lng, driver, at, ...row }) => ({
        type: 'Feature',
        id: driver,
        geometry: { type: 'Point', coordinates: [lng, lat] },
        properties: { driver, ...row, timestamp: new Date(at).toISOString() },
      }));
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
