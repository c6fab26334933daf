import type {
  DriverView,
  Eta,
  Location,
  LocationMessage,
  SnapshotMessage,
  Track,
  TrackingEvent,
  TripHistory,
  TripView,
} from '@waycast/protocol';
import { distanceBetween } from '../map/geo.ts';
import { applyEvent, tripOf } from './apply-event.ts';

/** One opened trip: what the feed says, joined with its history and the track so far. */
export interface TripDetail {
  id: string;
  phase: 'loading' | 'ready' | 'missing' | 'failed';
  trip: TripView | null;
  driver: DriverView | null;
  location: Location | null;
  /** counted from `etasAt`, so that a wrong clock here does not shift them */
  etas: Eta[];
  etasAt: number;
  /** oldest first, one per id */
  events: TrackingEvent[];
  /** in capture order */
  track: Location[];
  distance: number;
}

export function openDetail(id: string, known: TripView | null): TripDetail {
  return {
    id,
    phase: known === null ? 'loading' : 'ready',
    trip: known,
    driver: null,
    location: null,
    etas: [],
    etasAt: 0,
    events: [],
    track: [],
    distance: known?.distance ?? 0,
  };
}

export function withSnapshot(detail: TripDetail, message: SnapshotMessage, now: number): TripDetail {
  const trip = message.trip ?? detail.trip;
  return {
    ...detail,
    phase: trip === null ? detail.phase : 'ready',
    trip,
    driver: message.driver ?? null,
    location: message.location ?? detail.location,
    etas: message.etas,
    etasAt: now,
    distance: message.trip?.distance ?? detail.distance,
  };
}

export function withLocation(detail: TripDetail, message: LocationMessage, now: number): TripDetail {
  const { lat, lng, speed, bearing, accuracy, altitude, timestamp } = message;
  const location: Location = { lat, lng, speed, bearing, accuracy, altitude, timestamp };
  const last = detail.location;
  if (last !== null && last.timestamp > timestamp) return detail;
  const leg = last === null ? 0 : distanceBetween(last, location);
  const etas = message.etas === undefined ? {} : { etas: message.etas, etasAt: now };
  return { ...detail, location, distance: detail.distance + leg, track: extend(detail.track, location), ...etas };
}

export function withEvent(detail: TripDetail, event: TrackingEvent, told: TripView | undefined): TripDetail {
  const events = mergeEvents(detail.events, [event]);
  const known = detail.trip;
  const current = told !== undefined && (known === null || told.revision >= known.revision);
  const trip = current ? told : known && applyEvent(known, event);
  const handedOver = event.kind === 'assignment' && tripOf(event) === detail.id;
  return {
    ...detail,
    events,
    trip,
    phase: trip === null ? detail.phase : 'ready',
    driver: handedOver && event.driverId !== detail.driver?.id ? null : detail.driver,
    // What the server says sets right what was summed here.
    distance: current ? told.distance : detail.distance,
  };
}

export function withHistory(detail: TripDetail, history: TripHistory): TripDetail {
  const known = detail.trip;
  const trip = known === null || history.trip.revision > known.revision ? history.trip : known;
  const distance = detail.location === null ? history.distance : detail.distance;
  return { ...detail, phase: 'ready', trip, distance, events: mergeEvents(history.events, detail.events) };
}

/** The stored track, with what came live after its end. */
export function withTrack(detail: TripDetail, track: Track): TripDetail {
  const end = track.points.at(-1)?.timestamp ?? '';
  const since = detail.track.filter((point) => point.timestamp > end);
  return { ...detail, track: [...track.points, ...since] };
}

/** Each id once, by time: the history and the feed tell of the same events. */
export function mergeEvents(events: TrackingEvent[], more: TrackingEvent[]): TrackingEvent[] {
  const byId = new Map(events.map((event) => [event.id, event]));
  for (const event of more) byId.set(event.id, event);
  return [...byId.values()].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

function extend(track: Location[], location: Location): Location[] {
  const last = track.at(-1);
  if (last !== undefined && last.timestamp >= location.timestamp) return track;
  return [...track, location];
}
