import type {
  Availability,
  DriverProfile,
  DriverView,
  Eta,
  FixBatch,
  FixInput,
  FixReceipt,
  Health,
  Location,
  LocationList,
  MessageEvent,
  MessageInput,
  MessageList,
  NearbyList,
  PositionCollection,
  Problem,
  Session,
  StatusEvent,
  StatusInput,
  StopEventMessage,
  StopInput,
  StopView,
  StoredLocation,
  Ticket,
  Track,
  TrackSearch,
  TrackSearchResult,
  TripHistory,
  TripInput,
  TripList,
  TripPatch,
  TripView,
} from '@waycast/protocol';

/** One ride through Barcelona, as every part of the API shows it. */

const fix: FixInput = {
  lat: 41.3919,
  lng: 2.1651,
  timestamp: '2026-01-05T10:00:00.000Z',
  speed: 20,
  bearing: 45,
  accuracy: 5,
};

export const location: Location = {
  lat: 41.3919,
  lng: 2.1651,
  speed: 20,
  bearing: 45,
  accuracy: 5,
  altitude: null,
  timestamp: '2026-01-05T10:00:00.000Z',
};

const pickup: StopInput = { id: 'from', type: 'pickup', lat: 41.3927, lng: 2.1701, partyId: 'passenger-1', name: 'Passeig de Gràcia 43' };
const dropoff: StopInput = { id: 'to', type: 'dropoff', lat: 41.3784, lng: 2.1925, partyId: 'passenger-1' };

const stop: StopView = {
  id: 'from',
  type: 'pickup',
  lat: 41.3927,
  lng: 2.1701,
  partyId: 'passenger-1',
  bookingId: null,
  bookingStatus: null,
  name: 'Passeig de Gràcia 43',
  approachRadius: 500,
  arriveRadius: 100,
  approachingAt: '2026-01-05T10:00:00.000Z',
  arrivedAt: null,
  departedAt: null,
};

export const trip: TripView = {
  id: 'ride-1',
  kind: 'ride',
  status: 'EN_ROUTE',
  driverId: 'car-1',
  driverName: 'Rosa',
  stops: [stop],
  labels: ['airport'],
  orderId: null,
  revision: 2,
  distance: 1830.4,
  duration: null,
  createdAt: '2026-01-05T09:48:00.000Z',
  startedAt: '2026-01-05T09:50:00.000Z',
  arrivedAt: null,
  completedAt: null,
  cancelledAt: null,
  expiresAt: null,
};

export const driver: DriverView = {
  id: 'car-1',
  status: 'ON_TRIP',
  available: true,
  stale: false,
  location,
  lastSeenAt: '2026-01-05T10:00:00.120Z',
  trips: ['ride-1'],
  name: 'Rosa',
  vehicle: 'Seat León, white',
  plate: '1234 ABC',
};

export const eta: Eta = { stopId: 'from', seconds: 95, distance: 430.2, at: '2026-01-05T10:01:35.000Z' };

const status: StatusEvent = {
  id: 'ride-1/status/EN_ROUTE',
  at: '2026-01-05T09:50:00.000Z',
  kind: 'status',
  tripId: 'ride-1',
  driverId: 'car-1',
  status: 'EN_ROUTE',
  previous: 'PENDING',
  by: { sub: 'car-1', role: 'driver', via: 'rest' },
};

export const approaching: StopEventMessage = {
  id: 'ride-1/from/approaching',
  at: '2026-01-05T10:00:00.000Z',
  kind: 'approaching',
  tripId: 'ride-1',
  driverId: 'car-1',
  stopId: 'from',
  stopType: 'pickup',
  partyId: 'passenger-1',
  bookingId: null,
  distance: 430.2,
};

export const text: MessageEvent = {
  id: 'ride-1/message/b1f0c2',
  at: '2026-01-05T10:00:20.000Z',
  kind: 'message',
  tripId: 'ride-1',
  driverId: 'car-1',
  text: 'I am at the corner, in a red coat.',
  to: null,
  by: { sub: 'passenger-1', role: 'passenger', via: 'stream' },
};

const stored: StoredLocation = { ...location, receivedAt: '2026-01-05T10:00:00.120Z', suspect: false };
const { altitude: _, accuracy: __, timestamp, lat, lng, ...moving } = location;
const position = { driver: 'car-1', name: 'Rosa', status: 'ON_TRIP' as const, stale: false, ...moving, timestamp, trips: ['ride-1'] };

/** An example for every schema that people send or get, by its title. A schema may bring its own instead. */
export const EXAMPLES = {
  Fix: fix,
  FixBatch: { fixes: [fix, { ...fix, lat: 41.3922, timestamp: '2026-01-05T10:00:02.000Z' }] } satisfies FixBatch,
  FixReceipt: {
    accepted: 2,
    stored: 1,
    duplicates: 0,
    suspect: 0,
    rejected: [{ index: 1, code: 'invalid_fix', message: '/lat must be <= 90', field: '/lat' }],
  } satisfies FixReceipt,
  Location: location,
  StoredLocation: stored,
  LocationList: { locations: [stored], cursor: null } satisfies LocationList,
  StopInput: pickup,
  Stop: stop,
  TripInput: {
    kind: 'ride',
    driverId: 'car-1',
    driverName: 'Rosa',
    stops: [pickup, dropoff],
    labels: ['airport'],
  } satisfies TripInput,
  TripPatch: { driverId: 'car-2' } satisfies TripPatch,
  StatusInput: { status: 'EN_ROUTE', location: { lat: 41.3919, lng: 2.1651 } } satisfies StatusInput,
  Trip: trip,
  TripList: { trips: [trip], cursor: null } satisfies TripList,
  TripHistory: { trip, events: [status, approaching], distance: 1830.4, duration: null } satisfies TripHistory,
  Track: { tripId: 'ride-1', points: [location], distance: 1830.4 } satisfies Track,
  Eta: eta,
  Driver: driver,
  DriverProfile: { name: 'Rosa', vehicle: 'Seat León, white', plate: '1234 ABC' } satisfies DriverProfile,
  Availability: { available: true } satisfies Availability,
  PositionCollection: {
    type: 'FeatureCollection',
    features: [{ type: 'Feature', id: 'car-1', geometry: { type: 'Point', coordinates: [lng, lat] }, properties: position }],
  } satisfies PositionCollection,
  NearbyList: {
    drivers: [
      { id: 'car-1', name: 'Rosa', vehicle: 'Seat León, white', lat, lng, ...moving, timestamp, status: 'ONLINE', distance: 412.5 },
    ],
  } satisfies NearbyList,
  TrackSearch: { lat, lng, radius: 100, from: '2026-01-05T09:50:00.000Z', to: '2026-01-05T10:10:00.000Z' } satisfies TrackSearch,
  TrackSearchResult: {
    passes: [
      {
        driver: 'car-1',
        first: '2026-01-05T09:59:48.000Z',
        last: '2026-01-05T10:00:06.000Z',
        fixes: 4,
        nearest: { lat, lng, timestamp, distance: 12.4 },
      },
    ],
    complete: true,
  } satisfies TrackSearchResult,
  FleetPosition: { ...position, lat, lng },
  StatusEvent: status,
  StopEvent: approaching,
  MessageEvent: text,
  MessageInput: { text: text.text } satisfies MessageInput,
  MessageList: { messages: [text] } satisfies MessageList,
  Problem: {
    type: 'urn:waycast:error:invalid_fix',
    title: 'The fix does not fit its schema',
    status: 422,
    code: 'invalid_fix',
    detail: '/lat must be <= 90',
    field: '/lat',
  } satisfies Problem,
  Ticket: { ticket: 'zX3v0qkqk6m2bQy1e5uJrw', expiresAt: '2026-01-05T10:00:30.000Z' } satisfies Ticket,
  SessionInput: { code: 'zX3v0qkqk6m2bQy1e5uJrw' },
  Session: { token: 'eyJhbGciOi...', sub: 'admin', role: 'admin', expiresAt: '2026-01-05T22:00:00.000Z' } satisfies Session,
  Health: { status: 'ok', database: 'ok', redis: 'unused', websocket: 'ok', connections: 12 } satisfies Health,
} as const;
