/** A stop as it is sent to the server, with its id; radii in m, 500 and 100 when absent (G1). */
export interface TruthStop {
  readonly id: string;
  readonly type: 'pickup' | 'dropoff' | 'waypoint';
  readonly lat: number;
  readonly lng: number;
  readonly partyId?: string;
  readonly bookingId?: string;
  readonly bookingStatus?: 'pending' | 'approved' | 'rejected' | 'cancelled' | 'completed';
  readonly approachRadius?: number;
  readonly arriveRadius?: number;
}

/** G7. */
export function stopCounts(stop: TruthStop): boolean {
  return stop.bookingStatus !== 'pending' && stop.bookingStatus !== 'rejected' && stop.bookingStatus !== 'cancelled';
}
