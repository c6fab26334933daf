import { Id, WaycastError } from '@waycast/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { Trip } from '../../core/trip.ts';
import { currentLocation, historyLocation } from '../../dialects/rideshare/locations.ts';
import { RideHistory, RideStatus } from '../../dialects/rideshare/messages.ts';
import { destinationOf, isOver } from '../../dialects/rideshare/parties.ts';
import { driverRoom, passengerRoom } from '../../hub/attendance.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Clock } from '../../hub/ports.ts';
import { failures, refusals } from '../rest/refusals.ts';
import { isAdmin, mayRead } from './who-asks.ts';

const RideParams = Type.Object({ ride_id: Id });
const MOST_LOCATIONS = 50;

export interface RideRoutesParts {
  readonly hub: Hub;
  readonly clock: Clock;
  /** Whether both answer to anybody, as the old service did. */
  readonly isPublic: boolean;
}

/** `/api/v1/tracking/ride/{ride_id}/status` and `/history`. */
export function rideRoutes(app: FastifyInstance, parts: RideRoutesParts): void {
  const { hub, isPublic } = parts;
  const config = { open: isPublic, anyRole: true };
  const tags = ['Rideshare'];
  const description = isPublic ? 'Open to all on this server [R15].' : "For the ride's driver, its passengers, and admins [R15].";
  app.get<{ Params: Static<typeof RideParams> }>(
    '/api/v1/tracking/ride/:ride_id/status',
    {
      config,
      schema: {
        operationId: 'getRideStatus',
        tags,
        summary: 'How a ride stands',
        description,
        params: RideParams,
        response: { 200: RideStatus, ...refusals('forbidden', 'not_found', 'directory_unavailable'), ...failures },
      },
    },
    async (request): Promise<RideStatus> => statusOf(await readable(request, parts), parts),
  );
  app.get<{ Params: Static<typeof RideParams> }>(
    '/api/v1/tracking/ride/:ride_id/history',
    {
      config,
      schema: {
        operationId: 'getRideHistory',
        tags,
        summary: 'The last positions of a ride, newest first',
        description,
        params: RideParams,
        response: { 200: RideHistory, ...refusals('forbidden', 'not_found', 'directory_unavailable'), ...failures },
      },
    },
    async (request): Promise<RideHistory> => {
      const trip = await readable(request, parts);
      const rows = await hub.tracks.recent(trip, MOST_LOCATIONS);
      const locations = rows.map(({ driverId, fix }) => historyLocation(driverId, fix));
      return { ride_id: trip.id, locations, count: locations.length };
    },
  );
}

/** The ride, if whoever asks may read it. To those who may not, one that does not exist looks the same. */
async function readable(
  { identity, params }: Pick<FastifyRequest<{ Params: Static<typeof RideParams> }>, 'identity' | 'params'>,
  { hub, isPublic }: RideRoutesParts,
): Promise<Trip> {
  if (!isPublic && identity === null) throw new WaycastError('unauthenticated');
  const found = await hub.rides.find(params.ride_id);
  const seesAll = isPublic || (identity !== null && isAdmin(identity));
  if (found !== null && (seesAll || (identity !== null && mayRead(identity, found.trip)))) return found.trip;
  if (seesAll) throw new WaycastError('not_found', 'no such ride');
  throw new WaycastError('forbidden', 'no such ride, or not yours');
}

async function statusOf(trip: Trip, { hub, clock }: RideRoutesParts): Promise<RideStatus> {
  const { id, driverId, lastPoint } = trip;
  const goesOn = !isOver(trip);
  const isConnected = goesOn && driverId !== null && (await hub.attendance.count(driverRoom(driverId))) > 0;
  return {
    ride_id: id,
    is_active: goesOn && (isConnected || lastPoint !== null),
    driver_connected: isConnected,
    passengers_connected: await hub.attendance.count(passengerRoom(id)),
    current_location:
      !goesOn || driverId === null || lastPoint === null ? null : currentLocation(driverId, lastPoint, destinationOf(trip), clock.now()),
  };
}
