import { type DriverStatus, NearbyList, Text, WaycastError } from '@waycast/protocol';
import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import type { Hub } from '../../hub/hub.ts';
import { nearbyDriverView } from '../views.ts';
import { whoAsks } from './app.ts';
import { failures, refusals } from './refusals.ts';

const Lat = Type.Optional(Type.Number({ minimum: -90, maximum: 90 }));
const Lng = Type.Optional(Type.Number({ minimum: -180, maximum: 180 }));
const NearbyQuery = Type.Object(
  {
    lat: Lat,
    lng: Lng,
    latitude: Lat,
    longitude: Lng,
    radius: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 100_000, default: 5_000, description: 'm' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 10 })),
    status: Type.Optional(
      Type.String({
        pattern: '^(?:ONLINE|BUSY|ON_TRIP)(?:,(?:ONLINE|BUSY|ON_TRIP)){0,2}$',
        default: 'ONLINE',
        description: 'one of ONLINE, BUSY, ON_TRIP, or several, separated by commas',
      }),
    ),
    label: Type.Optional(Text({ minLength: 1, maxLength: 64, description: 'of an open trip of the driver' })),
    maxAge: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 86_400, default: 120, description: 's since the driver was heard of' }),
    ),
  },
  { additionalProperties: false },
);

/** `/v1/drivers/nearby` [N]. */
export function nearbyRoute(app: FastifyInstance, { nearby }: Pick<Hub, 'nearby'>): void {
  app.get<{ Querystring: Static<typeof NearbyQuery> }>(
    '/v1/drivers/nearby',
    {
      schema: {
        operationId: 'findNearbyDrivers',
        tags: ['Drivers'],
        summary: 'Drivers around a place, nearest first',
        description: 'Where they were up to a second ago. `latitude` and `longitude` serve as well as `lat` and `lng` [N1-N5].',
        querystring: NearbyQuery,
        response: { 200: NearbyList, ...refusals('forbidden'), ...failures },
      },
    },
    async (request) => {
      const { lat, lng, latitude, longitude, radius = 5_000, limit = 10, status = 'ONLINE', label = null, maxAge = 120 } = request.query;
      const found = nearby.find(whoAsks(request), {
        lat: oneOf('lat', lat, 'latitude', latitude),
        lng: oneOf('lng', lng, 'longitude', longitude),
        radius,
        limit,
        statuses: status.split(',') as DriverStatus[],
        label,
        maxAgeMs: maxAge * 1_000,
      });
      return { drivers: found.map(nearbyDriverView) };
    },
  );
}

/** A coordinate goes by two names; exactly one of them is wanted. */
function oneOf(name: string, value: number | undefined, other: string, another: number | undefined): number {
  if (value !== undefined && another !== undefined)
    throw new WaycastError('bad_request', `${other} is the same as ${name}: send one of them`, { field: `/query/${other}` });
  const given = value ?? another;
  if (given === undefined) throw new WaycastError('bad_request', `/query/${name} is required`, { field: `/query/${name}` });
  return given;
}
