import type { StopView, TrackingEvent, TripView } from '@waycast/protocol';
import { unforeseen } from './unforeseen.ts';

const STOP_TIMES = { approaching: 'approachingAt', arrived: 'arrivedAt', departed: 'departedAt' } as const;

/** A trip with an event folded in, for events that come without the whole trip. */
export function applyEvent(trip: TripView, event: TrackingEvent): TripView {
  switch (event.kind) {
    case 'status':
      return event.tripId === trip.id ? { ...trip, status: event.status } : trip;
    case 'assignment':
      if (event.tripId !== trip.id || event.driverId === trip.driverId) return trip;
      return { ...trip, driverId: event.driverId, driverName: null };
    case 'approaching':
    case 'arrived':
    case 'departed': {
      if (event.tripId !== trip.id) return trip;
      const key = STOP_TIMES[event.kind];
      return { ...trip, stops: trip.stops.map((stop): StopView => (stop.id === event.stopId ? { ...stop, [key]: event.at } : stop)) };
    }
    case 'changed':
    case 'message':
    case 'online':
    case 'offline':
    case 'stale':
      return trip;
    default:
      return unforeseen(event, trip);
  }
}

/** The trip an event is about; null when it is about a driver alone. */
export function tripOf(event: TrackingEvent): string | null {
  return 'tripId' in event ? event.tripId : null;
}
