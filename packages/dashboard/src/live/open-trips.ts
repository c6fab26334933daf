import type { TrackingEvent, TripView } from '@waycast/protocol';
import { isOpen } from '../trips/status.ts';
import { applyEvent, tripOf } from './apply-event.ts';

/**
 * The open trips, kept current by events while the list is read page by page. `touched` holds what events said
 * since the reading began: a page is older than that. It is null when no reading is under way.
 */
export interface OpenTrips {
  phase: 'loading' | 'ready' | 'failed';
  trips: ReadonlyMap<string, TripView>;
  touched: ReadonlySet<string> | null;
}

export const NO_TRIPS: OpenTrips = { phase: 'loading', trips: new Map(), touched: null };

export function beginReading(state: OpenTrips): OpenTrips {
  return { ...state, phase: state.phase === 'failed' ? 'loading' : state.phase, touched: new Set() };
}

export function withPage(state: OpenTrips, page: TripView[]): OpenTrips {
  const trips = new Map(state.trips);
  for (const trip of page) {
    if (state.touched?.has(trip.id) || !isOpen(trip.status)) continue;
    trips.set(trip.id, trip);
  }
  return { ...state, trips };
}

/** The whole list was read: what is neither in it nor told of meanwhile has ended unseen. */
export function endReading(state: OpenTrips, seen: ReadonlySet<string>): OpenTrips {
  const trips = new Map([...state.trips].filter(([id]) => seen.has(id) || state.touched?.has(id)));
  return { phase: 'ready', trips, touched: null };
}

export function readingFailed(state: OpenTrips): OpenTrips {
  return { ...state, phase: 'failed', touched: null };
}

export function withTripEvent(state: OpenTrips, event: TrackingEvent, told: TripView | undefined): OpenTrips {
  const id = tripOf(event);
  if (id === null) return state;
  const known = state.trips.get(id);
  const trip = newer(known, told) ?? (known && applyEvent(known, event));
  if (trip === undefined) return state;
  const trips = new Map(state.trips);
  if (isOpen(trip.status)) trips.set(id, trip);
  else trips.delete(id);
  return { ...state, trips, touched: state.touched && new Set(state.touched).add(id) };
}

function newer(known: TripView | undefined, told: TripView | undefined): TripView | undefined {
  if (known !== undefined && told !== undefined && told.revision < known.revision) return known;
  return told;
}
