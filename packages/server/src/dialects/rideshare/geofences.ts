import { isoTime } from '@waycast/protocol';
import type { Happened } from '../../core/events.ts';
import type { GeofenceEvent } from './messages.ts';

/** A happening as a passenger hears of it: only approach to and arrival at a stop of its own; null for all else [R10]. */
export function geofenceEvent(event: Happened, userId: string): GeofenceEvent | null {
  if (event.kind !== 'approaching' && event.kind !== 'arrived') return null;
  if (event.partyId !== userId || event.stopType === 'waypoint' || event.distance === null) return null;
  const place = event.stopType === 'pickup' ? 'pickup' : 'destination';
  return {
    type: 'geofence_event',
    event_type: `${event.kind}_${place}`,
    ride_id: event.tripId,
    location_type: place,
    distance_meters: event.distance,
    timestamp: isoTime(event.at),
  };
}
