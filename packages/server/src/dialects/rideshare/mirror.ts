import { isoTime } from '@waycast/protocol';
import type { EventPublished, LocationPublished, Published } from '../../core/effects.ts';
import { isOpenTrip, partiesOf, type Trip } from '../../core/trip.ts';
import type { MirrorWrite } from '../../hub/mirror-write.ts';
import { currentLocation, historyLocation, locationUpdate } from './locations.ts';
import { destinationOf } from './parties.ts';

const DAY_S = 86_400;
const HISTORY = 50;

/**
 * What a message of a ride's feed means to other services; nothing for messages of anything else [P11].
 * @param trip the ride a location counts for, as it is now
 */
export function rideMirror(published: Published, trip: Trip | null): readonly MirrorWrite[] {
  if (!published.feed.startsWith('trip:')) return NOTHING;
  if (published.type === 'event') return eventMirror(published);
  return trip?.kind === 'ride' ? locationMirror(published, trip) : NOTHING;
}

/** What there is of a ride. */
export function rideKeys(tripId: string): readonly string[] {
  return [placeKey(tripId), historyKey(tripId), statusKey(tripId)];
}

const placeKey = (tripId: string): string => `location:ride:${tripId}:driver`;
const historyKey = (tripId: string): string => `location:ride:${tripId}:history`;
const statusKey = (tripId: string): string => `tracking:ride:${tripId}:status`;

const NOTHING: readonly MirrorWrite[] = [];

function locationMirror({ driverId, fix, now }: LocationPublished, trip: Trip): readonly MirrorWrite[] {
  const destination = destinationOf(trip);
  // Services of different ages know the driver by different names.
  const who = { user_id: driverId };
  const latest = JSON.stringify({ ...currentLocation(driverId, fix, destination, now), ...who });
  const past = JSON.stringify({ ...historyLocation(driverId, fix), ...who });
  return [
    { kind: 'set', key: placeKey(trip.id), value: latest, ttl: DAY_S },
    { kind: 'push', key: historyKey(trip.id), value: past, keep: HISTORY, ttl: DAY_S },
    { kind: 'publish', channel: `ride:${trip.id}:location`, message: JSON.stringify(locationUpdate(driverId, fix, destination, now)) },
  ];
}

function eventMirror({ event, trip }: EventPublished): readonly MirrorWrite[] {
  if (trip?.kind !== 'ride') return NOTHING;
  if (event.kind !== 'status' && event.kind !== 'assignment' && event.kind !== 'changed') return NOTHING;
  const status = {
    is_active: isOpenTrip(trip),
    started_at: trip.startedAt === null ? null : isoTime(trip.startedAt),
    driver_id: trip.driverId,
    passenger_ids: [...partiesOf(trip)],
  };
  return [{ kind: 'set', key: statusKey(trip.id), value: JSON.stringify(status), ttl: DAY_S }];
}
