import type { StopView, TripKind, TripStatus, TripView } from '@waycast/protocol';

export type Tone = 'waiting' | 'moving' | 'there' | 'done' | 'ended';

const STATUS: Record<TripStatus, { label: string; tone: Tone }> = {
  PENDING: { label: 'Pending', tone: 'waiting' },
  EN_ROUTE: { label: 'En route', tone: 'moving' },
  ARRIVED: { label: 'At pickup', tone: 'there' },
  IN_PROGRESS: { label: 'In progress', tone: 'moving' },
  COMPLETED: { label: 'Completed', tone: 'done' },
  ASSIGNED: { label: 'Assigned', tone: 'waiting' },
  PICKED_UP: { label: 'Picked up', tone: 'there' },
  IN_TRANSIT: { label: 'In transit', tone: 'moving' },
  DELIVERED: { label: 'Delivered', tone: 'done' },
  CANCELLED: { label: 'Cancelled', tone: 'ended' },
};

export function statusLabel(status: TripStatus): string {
  return STATUS[status].label;
}

export function statusTone(status: TripStatus): Tone {
  return STATUS[status].tone;
}

export function isOpen(status: TripStatus): boolean {
  const { tone } = STATUS[status];
  return tone !== 'done' && tone !== 'ended';
}

export const KIND_LABELS: Record<TripKind, string> = { ride: 'Ride', delivery: 'Delivery' };

const STOP_LABELS: Record<StopView['type'], string> = { pickup: 'Pickup', dropoff: 'Drop-off', waypoint: 'Waypoint' };

export function stopTypeLabel(type: StopView['type']): string {
  return STOP_LABELS[type];
}

/** Its name, or what it is with the number it has on the map. */
export function stopLabel(stop: StopView, trip: TripView): string {
  return stop.name ?? `${stopTypeLabel(stop.type)} ${trip.stops.indexOf(stop) + 1}`;
}

/** Stops of bookings that are not agreed do not count (SPEC G7). */
export function counts(stop: StopView): boolean {
  return stop.bookingStatus !== 'pending' && stop.bookingStatus !== 'rejected' && stop.bookingStatus !== 'cancelled';
}

export function stopsDone(trip: TripView): { done: number; of: number } {
  const counted = trip.stops.filter(counts);
  return { done: counted.filter((stop) => stop.arrivedAt !== null).length, of: counted.length };
}

export function nextStop(trip: TripView): StopView | null {
  return trip.stops.find((stop) => counts(stop) && stop.arrivedAt === null) ?? null;
}
