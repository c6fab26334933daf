import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FixReceipt, TripList, TripView } from '../packages/protocol/src/index.ts';
import { delivery, ride, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let staff: Caller;
let service: Caller;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  staff = caller(server, await server.token('dispatcher', 'dora'));
  service = caller(server, await server.token('service'));
});

afterAll(() => server.stop());

describe('POST /v1/trips', () => {
  it('creates a ride: 201, PENDING, with defaults for what was not said [G1]', async () => {
    const id = unique('trip');
    const trip = (await staff.post('/v1/trips', ride({ id, driverId: 'drew', driverName: 'Drew', labels: ['north'] }))).as(TripView, 201);

    expect(trip).toMatchObject({
      id,
      kind: 'ride',
      status: 'PENDING',
      driverId: 'drew',
      driverName: 'Drew',
      labels: ['north'],
      distance: 0,
    });
    expect(trip).toMatchObject({ duration: null, startedAt: null, arrivedAt: null, completedAt: null, cancelledAt: null });
    expect(trip.stops).toHaveLength(2);
    expect(trip.stops[0]).toMatchObject({
      id: 'from',
      type: 'pickup',
      approachRadius: 500,
      arriveRadius: 100,
      arrivedAt: null,
      partyId: null,
    });
  });

  it('creates a delivery: ASSIGNED', async () => {
    const trip = (await staff.post('/v1/trips', delivery({ driverId: 'drew' }))).as(TripView, 201);
    expect(trip).toMatchObject({ kind: 'delivery', status: 'ASSIGNED', driverId: 'drew' });
  });

  it('gives an id to a trip without one, another each time, and ids to its stops', async () => {
    const stops = ride({}).stops.map(({ type, lat, lng }) => ({ type, lat, lng }));
    const first = (await staff.post('/v1/trips', { kind: 'ride', stops })).as(TripView, 201);
    const second = (await staff.post('/v1/trips', { kind: 'ride', stops })).as(TripView, 201);
    expect(second.id).not.toBe(first.id);
    expect(new Set(first.stops.map((stop) => stop.id)).size).toBe(2);
  });

  it('keeps radii, party, booking and name of a stop as they were given', async () => {
    const stop = {
      id: 'door',
      type: 'pickup',
      lat: 1.2345678,
      lng: -179.9999999,
      partyId: 'p1',
      bookingId: 'b1',
      bookingStatus: 'approved',
      name: 'Ünter den Linden "1"',
      approachRadius: 50_000,
      arriveRadius: 0.5,
    };
    const trip = (await staff.post('/v1/trips', { kind: 'ride', stops: [stop] })).as(TripView, 201);
    expect(trip.stops[0]).toMatchObject(stop);
    expect((await staff.get(`/v1/trips/${trip.id}`)).as(TripView)).toEqual(trip);
  });

  it('answers the trip, 200, when the same content comes again [T4]', async () => {
    const input = ride({ id: unique('trip'), driverId: 'drew', labels: ['a'] });
    const first = (await staff.post('/v1/trips', input)).as(TripView, 201);
    expect((await staff.post('/v1/trips', input)).as(TripView, 200)).toEqual(first);
  });

  it('answers the same content 200 even after the trip went on [T4]', async () => {
    const input = ride({ id: unique('trip'), driverId: 'car-d', labels: ['a'] });
    (await staff.post('/v1/trips', input)).as(TripView, 201);
    (await staff.post(`/v1/trips/${input.id}/status`, { status: 'EN_ROUTE' })).as(TripView);
    expect((await staff.post('/v1/trips', input)).as(TripView, 200).status).toBe('EN_ROUTE');
  });

  it.each([
    ['kind', { kind: 'delivery' }],
    ['driver', { driverId: 'other' }],
    ['labels', { labels: ['b'] }],
    ['stops', { stops: [] }],
  ])('refuses a known id with another %s: trip_exists [T4]', async (_what, change) => {
    const input = ride({ id: unique('trip'), driverId: 'drew', labels: ['a'] });
    (await staff.post('/v1/trips', input)).as(TripView, 201);
    (await staff.post('/v1/trips', { ...input, ...change })).problem('trip_exists');
  });

  it('creates once when ten ask at the same time [T4]', async () => {
    const input = ride({ id: unique('trip'), driverId: 'drew' });
    const answers = await Promise.all(Array.from({ length: 10 }, () => staff.post('/v1/trips', input)));
    expect(answers.map((answer) => answer.status).toSorted()).toEqual([...Array(9).fill(200), 201]);
  });

  it('derives the id from Idempotency-Key and caller [T4]', async () => {
    const key = { 'idempotency-key': unique('key') };
    const input = ride({ driverId: 'drew' });
    const first = (await staff.post('/v1/trips', input, key)).as(TripView, 201);
    expect((await staff.post('/v1/trips', input, key)).as(TripView, 200).id).toBe(first.id);
    (await staff.post('/v1/trips', { ...input, labels: ['x'] }, key)).problem('trip_exists');

    const somebodyElse = caller(server, await server.token('dispatcher', 'dirk'));
    expect((await somebodyElse.post('/v1/trips', input, key)).as(TripView, 201).id).not.toBe(first.id);
    expect((await staff.post('/v1/trips', input, { 'idempotency-key': unique('key') })).as(TripView, 201).id).not.toBe(first.id);
  });

  it('takes `at` as the time of creation [T5]', async () => {
    const trip = (await staff.post('/v1/trips', ride({ at: '2020-02-29T12:00:00+02:00' }))).as(TripView, 201);
    expect(trip.createdAt).toBe('2020-02-29T10:00:00.000Z');
  });
});

describe('GET, PATCH and DELETE /v1/trips/{id}', () => {
  it('answers not_found for a trip that is not there', async () => {
    for (const call of [staff.get('/v1/trips/nobody'), staff.patch('/v1/trips/nobody', { labels: [] }), staff.delete('/v1/trips/nobody')])
      (await call).problem('not_found');
  });

  it('changes labels and stops, a stop keeps its progress by id, and the revision grows', async () => {
    const { id } = (await staff.post('/v1/trips', ride({ driverId: unique('driver'), labels: ['a'] }))).as(TripView, 201);
    const before = (await staff.get(`/v1/trips/${id}`)).as(TripView);
    const labelled = (await staff.patch(`/v1/trips/${id}`, { labels: ['b', 'c'] })).as(TripView);
    expect(labelled).toEqual({ ...before, labels: ['b', 'c'], revision: before.revision + 1 });

    const [from] = ride({}).stops;
    (await service.post(`/v1/drivers/${before.driverId}/locations`, { lat: from?.lat, lng: from?.lng })).as(FixReceipt);
    const arrived = (await staff.get(`/v1/trips/${id}`)).as(TripView).stops[0]?.arrivedAt;
    expect(arrived).toEqual(expect.any(String));
    const moved = (
      await staff.patch(`/v1/trips/${id}`, {
        stops: [
          { ...from, name: 'gate' },
          { id: 'new', type: 'waypoint', lat: 0, lng: 0 },
        ],
      })
    ).as(TripView);
    expect(moved.stops.map(({ id, name, arrivedAt }) => ({ id, name, arrivedAt }))).toEqual([
      { id: 'from', name: 'gate', arrivedAt: arrived },
      { id: 'new', name: null, arrivedAt: null },
    ]);
  });

  it('removes a trip that never started: 204, and it is gone [T6]', async () => {
    const { id } = (await staff.post('/v1/trips', ride({ driverId: 'drew' }))).as(TripView, 201);
    const gone = await staff.delete(`/v1/trips/${id}`);
    expect([gone.status, gone.text]).toEqual([204, '']);
    (await staff.get(`/v1/trips/${id}`)).problem('not_found');
    (await staff.delete(`/v1/trips/${id}`)).problem('not_found');
    expect((await staff.get('/v1/trips?driverId=drew')).as(TripList).trips.map((trip) => trip.id)).not.toContain(id);
  });

  it('keeps one that started, open or ended: trip_started [T6]', async () => {
    const { id } = (await staff.post('/v1/trips', ride({ driverId: 'drew' }))).as(TripView, 201);
    await staff.post(`/v1/trips/${id}/status`, { status: 'EN_ROUTE' });
    (await staff.delete(`/v1/trips/${id}`)).problem('trip_started');
    await staff.post(`/v1/trips/${id}/status`, { status: 'CANCELLED' });
    (await staff.delete(`/v1/trips/${id}`)).problem('trip_started');
    (await staff.get(`/v1/trips/${id}`)).as(TripView);
  });

  it('removes a trip that was cancelled before it started [T6]', async () => {
    const { id } = (await staff.post('/v1/trips', ride({ driverId: 'drew' }))).as(TripView, 201);
    (await staff.post(`/v1/trips/${id}/status`, { status: 'CANCELLED' })).as(TripView);
    expect((await staff.delete(`/v1/trips/${id}`)).status).toBe(204);
  });
});

describe('GET /v1/trips', () => {
  const label = unique('label');
  const made: string[] = [];

  beforeAll(async () => {
    for (let i = 0; i < 7; i++) {
      const input = (i % 2 === 0 ? ride : delivery)({ id: unique('listed'), driverId: `lister-${i % 3}`, labels: [label, 'every%_'] });
      made.push((await staff.post('/v1/trips', input)).as(TripView, 201).id);
    }
    await staff.post(`/v1/trips/${made[0]}/status`, { status: 'EN_ROUTE' });
    await staff.post(`/v1/trips/${made[1]}/status`, { status: 'CANCELLED' });
  });

  const listed = async (query: string) =>
    (await staff.get(`/v1/trips?label=${label}&${query}`))
      .as(TripList)
      .trips.map((trip) => trip.id)
      .toSorted();
  const those = (...places: number[]) => places.map((place) => made[place]).toSorted();

  it.each([
    ['', [0, 1, 2, 3, 4, 5, 6]],
    ['status=open', [0, 2, 3, 4, 5, 6]],
    ['status=closed', [1]],
    ['status=EN_ROUTE', [0]],
    ['status=CANCELLED', [1]],
    ['status=ASSIGNED', [3, 5]],
    ['status=DELIVERED', []],
    ['kind=delivery', [1, 3, 5]],
    ['driverId=lister-1', [1, 4]],
    ['driverId=lister-1&status=open&kind=ride', [4]],
    ['driverId=nobody', []],
  ])('lists by %s', async (query, places) => {
    expect(await listed(query)).toEqual(those(...places));
  });

  it('knows no other label by a pattern', async () => {
    expect((await staff.get('/v1/trips?label=every%25')).as(TripList).trips).toEqual([]);
    expect((await staff.get('/v1/trips?label=every%25_')).as(TripList).trips).toHaveLength(7);
  });

  it('pages by cursor: every trip once, null at the end', async () => {
    const seen: string[] = [];
    let cursor: string | null = null;
    let pages = 0;
    do {
      const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: TripList = (await staff.get(`/v1/trips?label=${label}&limit=3${query}`)).as(TripList);
      expect(page.trips.length).toBeLessThanOrEqual(3);
      seen.push(...page.trips.map((trip) => trip.id));
      cursor = page.cursor;
      pages++;
    } while (cursor !== null);
    expect(seen.toSorted()).toEqual(made.toSorted());
    expect(pages).toBe(3);
  });

  it.each(['status=nope', 'kind=nope', 'limit=0', 'limit=x', 'cursor=nonsense', 'driverId=a/b', 'unheard=of', 'label='])(
    'refuses ?%s by name',
    async (query) => {
      const { field } = (await staff.get(`/v1/trips?${query}`)).problem('bad_request');
      expect(field).toContain(query.split('=')[0]);
    },
  );
});
