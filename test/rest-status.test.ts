import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FixReceipt, LocationList, TRIP_STATUSES, TripHistory, type TripStatus, TripView } from '../packages/protocol/src/index.ts';
import { CENTRE, delivery, north, PAST, ride, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let staff: Caller;
let service: Caller;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  staff = caller(server, await server.token('dispatcher', 'dora'));
  service = caller(server, await server.token('service', 'ship'));
});

afterAll(() => server.stop());

const ROADS = {
  ride: ['PENDING', 'EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED'],
  delivery: ['ASSIGNED', 'PICKED_UP', 'IN_TRANSIT', 'DELIVERED'],
} as const;

async function create(kind: 'ride' | 'delivery', more: object = {}): Promise<string> {
  const input = (kind === 'ride' ? ride : delivery)({ driverId: unique('driver'), ...more });
  return (await staff.post('/v1/trips', input)).as(TripView, 201).id;
}

const set = (id: string, status: TripStatus, more: object = {}, by = staff) => by.post(`/v1/trips/${id}/status`, { status, ...more });

/** A trip that went up to this status, step by step. */
async function walked(kind: 'ride' | 'delivery', to: TripStatus): Promise<string> {
  const id = await create(kind);
  const road: readonly TripStatus[] = ROADS[kind];
  const steps = to === 'CANCELLED' ? [to] : road.slice(1, road.indexOf(to) + 1);
  for (const status of steps) (await set(id, status)).as(TripView);
  return id;
}

describe.each(['ride', 'delivery'] as const)('the status of a %s', (kind) => {
  const road: readonly TripStatus[] = ROADS[kind];
  const next = (from: TripStatus) => (from === 'CANCELLED' ? undefined : road[road.indexOf(from) + 1]);
  const open = road.slice(0, -1);

  it.each([...road, 'CANCELLED'] as TripStatus[])(
    'goes from %s to the next, to CANCELLED while open, and nowhere else [T1 T2]',
    async (from) => {
      const id = await walked(kind, from);
      for (const to of TRIP_STATUSES) {
        if (to === next(from) || (to === 'CANCELLED' && open.includes(from)) || to === from) continue;
        const { detail } = (await set(id, to)).problem('illegal_transition');
        expect(detail).toContain(from);
        expect(detail).toContain(to);
      }
      const before = (await staff.get(`/v1/trips/${id}`)).as(TripView);
      expect(before.status).toBe(from);
      expect((await set(id, from)).as(TripView), 'the same again changes nothing [T2]').toEqual(before);
      const onward = next(from);
      if (onward !== undefined) expect((await set(id, onward)).as(TripView).status).toBe(onward);
    },
  );

  it.each(open)('may be CANCELLED from %s [T1]', async (from) => {
    const id = await walked(kind, from);
    expect((await set(id, 'CANCELLED')).as(TripView)).toMatchObject({
      status: 'CANCELLED',
      cancelledAt: expect.any(String),
      completedAt: null,
    });
  });
});

describe('POST /v1/trips/{id}/status', () => {
  it('sets the times of a ride by `at`, and its duration [T3 T5]', async () => {
    const id = await create('ride', { at: PAST });
    const at = (s: number) => new Date(PAST + s * 1000).toISOString();
    await set(id, 'EN_ROUTE', { at: at(10) });
    await set(id, 'ARRIVED', { at: PAST + 20_000 });
    await set(id, 'IN_PROGRESS', { at: at(30) });
    const done = (await set(id, 'COMPLETED', { at: at(70.5) })).as(TripView);
    expect(done).toMatchObject({
      createdAt: at(0),
      startedAt: at(10),
      arrivedAt: at(20),
      completedAt: at(70.5),
      cancelledAt: null,
      duration: 60.5,
    });
  });

  it('sets the times of a delivery by `at` [T3 T5]', async () => {
    const id = await create('delivery', { at: PAST });
    const at = (s: number) => new Date(PAST + s * 1000).toISOString();
    await set(id, 'PICKED_UP', { at: at(10) });
    await set(id, 'IN_TRANSIT', { at: at(20) });
    expect((await set(id, 'DELIVERED', { at: at(40) })).as(TripView)).toMatchObject({
      startedAt: at(10),
      arrivedAt: null,
      completedAt: at(40),
      duration: 30,
    });
  });

  it('takes `at` from service, dispatcher and admin only [T5]', async () => {
    const driver = unique('driver');
    const id = await create('ride', { driverId: driver });
    const own = caller(server, await server.token('driver', driver));
    (await set(id, 'EN_ROUTE', { at: PAST }, own)).problem('forbidden');
    expect((await own.get(`/v1/trips/${id}`)).as(TripView).status).toBe('PENDING');
    (await set(id, 'EN_ROUTE', { at: PAST }, service)).as(TripView);
    (await set(id, 'ARRIVED', { at: PAST + 1 }, caller(server, await server.token('admin')))).as(TripView);
    expect((await set(id, 'IN_PROGRESS', {}, own)).as(TripView).status).toBe('IN_PROGRESS');
  });

  it('lets exactly one of two rival ends win, whenever they meet [T1 T2]', async () => {
    for (let round = 0; round < 40; round++) {
      const id = await walked('ride', 'IN_PROGRESS');
      const answers = await Promise.all([set(id, 'COMPLETED'), set(id, 'CANCELLED')]);
      expect(answers.map((answer) => answer.status).toSorted(), `round ${round}`).toEqual([200, 409]);
      const { events } = (await staff.get(`/v1/trips/${id}/history`)).as(TripHistory);
      expect(events.flatMap((event) => (event.kind === 'status' ? [event.status] : []))).toHaveLength(5);
    }
  });

  it.each(['driver', 'service', 'dispatcher', 'admin'] as const)(
    'keeps a location that a %s sends as a fix of the driver, status refused or not [T9]',
    async (role) => {
      const driver = unique('driver');
      const id = await create('ride', { driverId: driver });
      const by = caller(server, await server.token(role, role === 'driver' ? driver : role));
      const seen = async () => (await staff.get(`/v1/drivers/${driver}/locations`)).as(LocationList).locations.map((fix) => fix.lat);

      (await set(id, 'EN_ROUTE', { location: CENTRE }, by)).as(TripView);
      expect(await seen()).toEqual([CENTRE.lat]);
      (await set(id, 'COMPLETED', { location: { lat: 52.5001, lng: 13.4 } }, by)).problem('illegal_transition');
      expect(await seen()).toEqual([CENTRE.lat, 52.5001]);
      const stop = (await staff.get(`/v1/trips/${id}`)).as(TripView).stops[0];
      expect(stop?.arrivedAt, 'it is a fix like any other: it decides stops').toEqual(expect.any(String));
    },
  );

  it('takes a status with a location for a trip nobody drives [T1]', async () => {
    const id = await create('ride', { driverId: null });
    expect((await set(id, 'CANCELLED', { location: CENTRE })).as(TripView).status).toBe('CANCELLED');
  });

  it('names what is wrong with it', async () => {
    const id = await create('ride');
    for (const [body, field] of [
      [{}, '/status'],
      [{ status: 'en_route' }, '/status'],
      [{ status: 'EN_ROUTE', location: { lat: 91, lng: 0 } }, '/location/lat'],
      [{ status: 'EN_ROUTE', location: { ...CENTRE, speed: 1 } }, '/location/speed'],
      [{ status: 'EN_ROUTE', at: 'yesterday' }, '/at'],
      [{ status: 'EN_ROUTE', at: '2024-02-30T00:00:00Z' }, '/at'],
    ] as const)
      expect((await staff.post(`/v1/trips/${id}/status`, body)).problem('bad_request').field, JSON.stringify(body)).toBe(field);
    (await staff.post('/v1/trips/nobody/status', { status: 'EN_ROUTE' })).problem('not_found');
  });
});

describe('GET /v1/trips/{id}/history', () => {
  it('tells who changed what by which surface, what happened, distance and duration [T3 T8 G3 G8]', async () => {
    const driver = unique('driver');
    const id = await create('ride', { driverId: driver, at: PAST });
    const own = caller(server, await server.token('driver', driver));
    await set(id, 'EN_ROUTE', { at: PAST + 1_000 });
    const fixes = [-1_000, -400, -50, -1_000, -1_400].map((metres, i) => ({ ...north(metres), timestamp: PAST + 60_000 * (i + 1) }));
    (await own.post(`/v1/drivers/${driver}/locations`, { fixes })).as(FixReceipt);
    (await set(id, 'ARRIVED', { at: PAST + 400_000 })).as(TripView);
    (await set(id, 'IN_PROGRESS', { at: PAST + 401_000 })).as(TripView);
    (await set(id, 'COMPLETED', {}, own)).as(TripView);

    const history = (await staff.get(`/v1/trips/${id}/history`)).as(TripHistory);
    const told = history.events.map((event) => [event.kind, 'status' in event ? event.status : 'stopId' in event ? event.stopId : null]);
    expect(told).toEqual([
      ['status', 'PENDING'],
      ['assignment', null],
      ['status', 'EN_ROUTE'],
      ['approaching', 'from'],
      ['arrived', 'from'],
      ['departed', 'from'],
      ['status', 'ARRIVED'],
      ['status', 'IN_PROGRESS'],
      ['status', 'COMPLETED'],
    ]);
    expect(history.events[4]).toMatchObject({
      id: `${id}/from/arrived`,
      distance: expect.closeTo(50, 1),
      at: new Date(PAST + 180_000).toISOString(),
    });
    expect(history.events[2]).toMatchObject({
      id: `${id}/status/EN_ROUTE`,
      previous: 'PENDING',
      by: { sub: 'dora', role: 'dispatcher', via: 'rest' },
    });
    expect(history.events[8]).toMatchObject({ by: { sub: driver, role: 'driver', via: 'rest' } });
    expect(history.distance).toBeCloseTo(600 + 350 + 950 + 400, 0);
    expect(history.trip.distance).toBe(history.distance);
    expect(history.duration).toBe(history.trip.duration);
    expect(history.trip).toEqual((await staff.get(`/v1/trips/${id}`)).as(TripView));
  });

  it('answers not_found for a trip that is not there', async () => {
    (await staff.get('/v1/trips/nobody/history')).problem('not_found');
    (await staff.get('/v1/trips/nobody/track')).problem('not_found');
  });
});
