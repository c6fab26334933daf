import {
  Id,
  Moment,
  parseMoment,
  StatusInput,
  Text,
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
import { tripFor } from '../../hub/access.ts';
import type { Hub } from '../../hub/hub.ts';
import { eventView, locationView, tripView } from '../views.ts';
import { whoAsks } from './app.ts';
import { failures, refusals } from './refusals.ts';
import { simplify } from './simplify.ts';
import { encodePolyline, toGeoJson, toGpx } from './track-formats.ts';

const TripId = Type.Object({ id: Id });
const ListQuery = Type.Object(
  {
    status: Type.Optional(Type.Enum(['open', 'closed', ...TRIP_STATUSES])),
    driverId: Type.Optional(Id),
    label: Type.Optional(Text({ minLength: 1, maxLength: 64 })),
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
const CreateHeaders = Type.Object({ 'idempotency-key': Type.Optional(Type.String({ description: 'names a trip that brings no id' })) });
const Polyline = Type.Object(
  { tripId: Id, polyline: Type.String({ description: 'encoded polyline, 5 decimals' }) },
  { title: 'Polyline', examples: [{ tripId: 'ride-1', polyline: 'kq_{Fk`bLoAkK' }] },
);
const TRACK_ANSWER = {
  description: 'The track, in the format asked for.',
  content: {
    'application/json': { schema: Type.Union([Track, Polyline]) },
    'application/geo+json': { schema: Type.Object({ type: Type.Literal('Feature') }, { title: 'GeoJsonTrack' }) },
    'application/gpx+xml': { schema: Type.String() },
  },
};

/** `/v1/trips`. */
export function tripRoutes(app: FastifyInstance, { trips, tracks }: Hub): void {
  app.post<{ Body: TripInput }>(
    '/v1/trips',
    {
      schema: {
        operationId: 'createTrip',
        tags: ['Trips'],
        summary: 'Create a trip',
        description:
          'Give it an `id`, or send `Idempotency-Key`: then the same call again answers the same trip [T4]. `at` is for services, dispatchers and admins [T5].',
        headers: CreateHeaders,
        body: TripInput,
        response: {
          200: { description: 'The same trip existed.', content: { 'application/json': { schema: TripView } } },
          201: TripView,
          ...refusals('forbidden', 'trip_exists'),
          ...failures,
        },
      },
    },
    async (request, reply) => {
      const key = request.headers['idempotency-key'];
      const { trip, created } = await trips.create(whoAsks(request), request.body, 'rest', typeof key === 'string' ? key : undefined);
      return reply.code(created ? 201 : 200).send(tripView(trip));
    },
  );
  app.get<{ Querystring: Static<typeof ListQuery> }>(
    '/v1/trips',
    {
      schema: {
        operationId: 'listTrips',
        tags: ['Trips'],
        summary: 'List trips, newest first',
        description: 'Those that the caller may see [S2-S4]. `status` is one of the statuses, or `open`, or `closed`.',
        querystring: ListQuery,
        response: { 200: TripList, ...failures },
      },
    },
    async (request) => {
      const { status, driverId, label, kind, limit = 100, cursor = null } = request.query;
      const byState = status === 'open' ? { open: true } : status === 'closed' ? { open: false } : { status };
      const who = whoAsks(request);
      const page = await trips.list(who, { ...byState, driverId, kind, label }, limit, cursor);
      return { trips: page.items.map((trip) => tripView(tripFor(who, trip))), cursor: page.cursor };
    },
  );
  app.get<{ Params: Static<typeof TripId> }>(
    '/v1/trips/:id',
    {
      schema: {
        operationId: 'getTrip',
        tags: ['Trips'],
        summary: 'Read a trip',
        params: TripId,
        response: { 200: TripView, ...refusals('not_found'), ...failures },
      },
    },
    async (request) => {
      const who = whoAsks(request);
      return tripView(tripFor(who, (await trips.find(who, request.params.id)).trip));
    },
  );
  app.patch<{ Params: Static<typeof TripId>; Body: TripPatch }>(
    '/v1/trips/:id',
    {
      schema: {
        operationId: 'changeTrip',
        tags: ['Trips'],
        summary: 'Change a trip or give it to a driver',
        description: '`stops` are given whole; a stop keeps its progress by its id. `driverId` null takes the trip away [T7].',
        params: TripId,
        body: TripPatch,
        response: { 200: TripView, ...refusals('forbidden', 'not_found', 'trip_closed', 'revision_conflict'), ...failures },
      },
    },
    async (request) => tripView(await trips.patch(whoAsks(request), request.params.id, request.body, 'rest')),
  );
  app.delete<{ Params: Static<typeof TripId> }>(
    '/v1/trips/:id',
    {
      schema: {
        operationId: 'removeTrip',
        tags: ['Trips'],
        summary: 'Remove a trip that never started',
        params: TripId,
        response: { 204: Type.Null(), ...refusals('forbidden', 'not_found', 'trip_started', 'revision_conflict'), ...failures },
      },
    },
    async (request, reply) => {
      await trips.remove(whoAsks(request), request.params.id);
      return reply.code(204).send();
    },
  );
  app.post<{ Params: Static<typeof TripId>; Body: StatusInput }>(
    '/v1/trips/:id/status',
    {
      schema: {
        operationId: 'setTripStatus',
        tags: ['Trips'],
        summary: 'Move a trip along its lifecycle',
        description: 'One step at a time, or `CANCELLED` [T1]; the same status again changes nothing [T2].',
        params: TripId,
        body: StatusInput,
        response: { 200: TripView, ...refusals('forbidden', 'not_found', 'illegal_transition', 'revision_conflict'), ...failures },
      },
    },
    async (request) => tripView((await trips.status(whoAsks(request), request.params.id, request.body, 'rest')).trip),
  );
  app.get<{ Params: Static<typeof TripId> }>(
    '/v1/trips/:id/history',
    {
      schema: {
        operationId: 'getTripHistory',
        tags: ['Trips'],
        summary: 'What happened to a trip, oldest first',
        params: TripId,
        response: { 200: TripHistory, ...refusals('not_found'), ...failures },
      },
    },
    async (request) => {
      const who = whoAsks(request);
      const { trip, events } = await trips.events(who, request.params.id);
      const view = tripView(tripFor(who, trip));
      return { trip: view, events: events.map(eventView), distance: view.distance, duration: view.duration };
    },
  );
  app.get<{ Params: Static<typeof TripId>; Querystring: Static<typeof TrackQuery> }>(
    '/v1/trips/:id/track',
    {
      schema: {
        operationId: 'getTripTrack',
        tags: ['Trips'],
        summary: 'Where a trip went',
        description: 'The plausible fixes counted for the trip, in capture order, in the `format` asked for.',
        params: TripId,
        querystring: TrackQuery,
        response: { 200: TRACK_ANSWER, ...refusals('not_found'), ...failures },
      },
    },
    async (request, reply) => {
      const { format = 'json', from, to, simplify: tolerance = 0 } = request.query;
      const { trip } = await trips.find(whoAsks(request), request.params.id);
      const rows = await tracks.whole(trip, moment(from, 0, 'from'), moment(to, Number.MAX_SAFE_INTEGER, 'to'));
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
