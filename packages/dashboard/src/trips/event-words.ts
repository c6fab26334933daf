import type { TrackingEvent, TripView } from '@waycast/protocol';
import { unforeseen } from '../live/unforeseen.ts';
import { formatDistance } from './format.ts';
import { statusLabel, stopTypeLabel } from './status.ts';

/** What happened, in a few words. */
export function eventTitle(event: TrackingEvent, trip: TripView): string {
  switch (event.kind) {
    case 'status':
      return event.previous === null ? `Created, ${statusLabel(event.status).toLowerCase()}` : statusLabel(event.status);
    case 'assignment':
      if (event.driverId === null) return 'Taken from its driver';
      return `Given to ${(event.driverId === trip.driverId && trip.driverName) || event.driverId}`;
    case 'changed':
      return 'Stops, labels or names changed';
    case 'message':
      return `“${event.text}”`;
    case 'approaching':
      return `Approaching ${stopName(event.stopId, event.stopType, trip)}`;
    case 'arrived':
      return `Arrived at ${stopName(event.stopId, event.stopType, trip)}`;
    case 'departed':
      return `Left ${stopName(event.stopId, event.stopType, trip)}`;
    case 'online':
      return 'Driver online';
    case 'offline':
      return 'Driver offline';
    case 'stale':
      return 'No signal from the driver';
    default:
      return unforeseen(event, 'Something else happened');
  }
}

/** Who did it, or how near it was decided. */
export function eventDetail(event: TrackingEvent): string | null {
  switch (event.kind) {
    case 'status':
    case 'assignment':
    case 'changed':
    case 'message':
      return `by ${event.by.role} ${event.by.sub}`.trim();
    case 'approaching':
    case 'arrived':
    case 'departed':
      return event.distance === null ? null : `${formatDistance(event.distance)} from the stop`;
    case 'online':
    case 'offline':
    case 'stale':
      return event.driverId;
    default:
      return unforeseen(event, null);
  }
}

function stopName(id: string, type: 'pickup' | 'dropoff' | 'waypoint', trip: TripView): string {
  const index = trip.stops.findIndex((stop) => stop.id === id);
  const stop = trip.stops[index];
  const label = `${stopTypeLabel(type).toLowerCase()} ${index < 0 ? id : index + 1}`;
  return stop?.name ? `${label}, ${stop.name}` : label;
}
