import {
  Id,
  Moment,
  parseMoment,
  StatusInput,
  TRIP_KINDS,
  TRIP_STATUSES,
  Track,
  TripHistory,
  TripInput,
  TripList,
  TripPatch,
  TripView,
  WaycastError,
} from '@waycast/protocol';
import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { haversine } from '../../core/geo.ts';
import type { Hub } from '../../hub/hub.ts';
import { eventView, locationView, tripView } from '../views.ts';
import { failures, whoAsks } from './app.ts';
import { simplify } from './simplify.ts';
import { encodePolyline, toGeoJson, toGpx } from './track-formats.ts';

const TripId = Type.Object({ id: Id });
const ListQuery = Type.Object(
  {
    status: Type.Optional(Type.Enum(['open', 'closed', ...TRIP_STATUSES])),
    driverId: Type.Optional(Id),
    label: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    kind: Type.Optional(Type.Enum([...TRIP_KINDS])),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
    cursor: Type.Optional(Type.String({ pattern: '^\\d+~[A-Za-z0-9_.:-]{1,64}$' })),
  },
  { additionalProperties: false },
);
const TrackQuery = Type.Object(
  {
    format: Type.Optional(Type.Enum(['json', 'geojson', 'gpx', 'polyline'] as const)),
    from: Type.Optional(Moment),
    to: Type.Optional(Moment),
    simplify: Type.Optional(Type.Number({ minimum: 0, maximum: 10_000, description: 'leave out points nearer than this to the line, m' })),
  },
  { additionalProperties: false },
);

/** `/v1/trips`. */
export function tripRoutes(app: FastifyInstance, { trips }: Hub): void {
  app.post<{ Body: TripInput }>(
    '/v1/trips',
    { schema: { summary: 'Create a trip', body: TripInput, response: { 200: TripView, 201: TripView, ...failures } } },
    async (request, reply) => {
      const key = request.headers['idempotency-key'];
      const { trip, created } = await trips.create(whoAsks(request), request.body, 'rest', typeof key === 'string' ? key : undefined);
      return reply.code(created ? 201 : 200).send(tripView(trip));
    },
  );
  app.get<{ Querystring: Static<typeof ListQuery> }>(
    '/v1/trips',
    { schema: { summary: 'List trips, newest first', querystring: ListQuery, response: { 200: TripList, ...failures } } },
    async (request) => {
      const { status, driverId, label, kind, limit = 100, cursor = null } = request.query;
      const byState = status === 'open' ? { open: true } : status === 'closed' ? { open: false } : { status };
      const page = await trips.list(whoAsks(request), { ...byState, driverId, kind, label }, limit, cursor);
      return { trips: page.items.map(tripView), cursor: page.cursor };
    },
  );
  app.get<{ Params: Static<typeof TripId> }>(
    '/v1/trips/:id',
    { schema: { summary: 'One trip', params: TripId, response: { 200: TripView, ...failures } } },
    async (request) => {
      return tripView((await trips.find(whoAsks(request), request.params.id)).trip);
    },
  );
  app.patch<{ Params: Static<typeof TripId>; Body: TripPatch }>(
    '/v1/trips/:id',
    {
      schema: {
        summary: 'Change a trip or give it to a driver',
        params: TripId,
        body: TripPatch,
        response: { 200: TripView, ...failures },
      },
    },
    async (request) => tripView(await trips.patch(whoAsks(request), request.params.id, request.body, 'rest')),
  );
  app.delete<{ Params: Static<typeof TripId> }>(
    '/v1/trips/:id',
    { schema: { summary: 'Remove a trip that never started', params: TripId, response: { 204: Type.Null(), ...failures } } },
    async (request, reply) => {
      await trips.remove(whoAsks(request), request.params.id);
      return reply.code(204).send();
    },
  );
  app.post<{ Params: Static<typeof TripId>; Body: StatusInput }>(
    '/v1/trips/:id/status',
    { schema: { summary: 'Move a trip along its lifecycle', params: TripId, body: StatusInput, response: { 200: TripView, ...failures } } },
    async (request) => tripView(await trips.status(whoAsks(request), request.params.id, request.body, 'rest')),
  );
  app.get<{ Params: Static<typeof TripId> }>(
    '/v1/trips/:id/history',
    { schema: { summary: 'What happened to a trip', params: TripId, response: { 200: TripHistory, ...failures } } },
    async (request) => {
      const { trip, events } = await trips.events(whoAsks(request), request.params.id);
      const view = tripView(trip);
      return { trip: view, events: events.map(eventView), distance: view.distance, duration: view.duration };
    },
  );
  app.get<{ Params: Static<typeof TripId>; Querystring: Static<typeof TrackQuery> }>(
    '/v1/trips/:id/track',
    { schema: { summary: 'Where a trip went', params: TripId, querystring: TrackQuery, response: { 200: Track, ...failures } } },
    async (request, reply) => {
      const { format = 'json', from, to, simplify: tolerance = 0 } = request.query;
      const { trip, rows } = await trips.track(
        whoAsks(request),
        request.params.id,
        moment(from, 0, 'from'),
        moment(to, Number.MAX_SAFE_INTEGER, 'to'),
      );
      const all = rows.map(({ fix }) => fix);
      const fixes = tolerance > 0 ? simplify(all, tolerance) : all;
      if (format === 'geojson') return reply.type('application/geo+json').serializer(JSON.stringify).send(toGeoJson(trip.id, fixes));
      if (format === 'gpx') return reply.type('application/gpx+xml').serializer(String).send(toGpx(trip.id, fixes));
      if (format === 'polyline')
        return reply
          .type('application/json')
          .serializer(JSON.stringify)
          .send({ tripId: trip.id, polyline: encodePolyline(fixes) });
      let distance = 0;
      all.forEach((fix, index) => {
        const before = all[index - 1];
        if (before !== undefined) distance += haversine(before.lat, before.lng, fix.lat, fix.lng);
      });
      return { tripId: trip.id, points: fixes.map(locationView), distance: Math.round(distance * 10) / 10 };
    },
  );
}

/** An optional moment of a query. */
export function moment(value: string | number | undefined, fallback: number, name: string): number {
  if (value === undefined) return fallback;
  const at = parseMoment(typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value);
  if (Number.isNaN(at)) throw new WaycastError('bad_request', `${name}: no such moment`, { field: `/query/${name}` });
  return at;
}
