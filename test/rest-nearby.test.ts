import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DriverView, NearbyList, TripView } from '../packages/protocol/src/index.ts';
import { haversine } from './oracle/haversine.ts';
import { dial } from './support/peer.ts';
import { type Place, ride, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';
import { serverForTest } from './support/server-for-test.ts';
import { until } from './support/until.ts';

const ENV = { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0', MAX_PLAUSIBLE_SPEED_KMH: '0' };
const DEGREE_M = (Math.PI * 6_371_000) / 180;

let server: TestServer;
let service: Caller;
let places = 0;

beforeAll(async () => {
  server = await startServer({ env: ENV });
  service = caller(server, await server.token('service', 'ship'));
});

afterAll(() => server.stop());

/** A place that no other test uses, 200 km from the others. */
function somewhere(): Place {
  places++;
  return { lat: -40 + places * 2, lng: 20 };
}

const off = ({ lat, lng }: Place, north: number, east = 0): Place => ({
  lat: lat + north / DEGREE_M,
  lng: lng + east / (DEGREE_M * Math.cos((lat * Math.PI) / 180)),
});
const send = (driver: string, place: Place, more: object = {}, by = service) =>
  by.post(`/v1/drivers/${driver}/locations`, { ...place, ...more }).then((answer) => expect(answer.status).toBe(200));
const pathAt = ({ lat, lng }: Place, query = '') => `/v1/drivers/nearby?lat=${lat}&lng=${lng}${query}`;
const near = async (place: Place, query = '', by = service) => (await by.get(pathAt(place, query))).as(NearbyList).drivers;
const ids = async (place: Place, query = '', by = service) => (await near(place, query, by)).map(({ id }) => id);
/** What is found settles within about a second of what was sent [N2]. */
const settles = (place: Place, expected: readonly string[], query = '', by = service) =>
  until(
    () => ids(place, query, by),
    (seen) => JSON.stringify(seen) === JSON.stringify(expected),
  );

describe('GET /v1/drivers/nearby', () => {
  it('finds drivers as they appear and move, nearest first, with all that is told of them [N1 N2]', async () => {
    const here = somewhere();
    const [close, far] = [unique('near'), unique('near')];
    await service.put(`/v1/drivers/${close}`, { name: 'Ida', vehicle: 'Van', plate: 'B-X 1' });
    await send(far, off(here, 2_000));
    await send(close, off(here, 0, 1_000), { speed: 30, bearing: 90, timestamp: '2026-01-05T08:00:00Z' });
    await settles(here, [close, far]);
    const [first] = await near(here);
    expect(first).toEqual({
      id: close,
      name: 'Ida',
      vehicle: 'Van',
      lat: Number(off(here, 0, 1_000).lat.toFixed(7)),
      lng: Number(off(here, 0, 1_000).lng.toFixed(7)),
      speed: 30,
      bearing: 90,
      timestamp: '2026-01-05T08:00:00.000Z',
      status: 'ONLINE',
      distance: expect.closeTo(1_000, 0),
    });
    await send(close, off(here, 3_000));
    await settles(here, [far, close]);
    expect(await ids(here, '&limit=1')).toEqual([far]);
    expect(await ids(here, '&radius=2500')).toEqual([far]);
    await send(close, off(here, 6_000));
    await settles(here, [far]);
    expect(await ids(here, '&radius=7000'), 'still there, only farther').toEqual([far, close]);
  });

  it('takes latitude and longitude as well', async () => {
    const here = somewhere();
    const driver = unique('near');
    await send(driver, here);
    await settles(here, [driver]);
    const answer = await service.get(`/v1/drivers/nearby?latitude=${here.lat}&longitude=${here.lng}`);
    expect(answer.as(NearbyList).drivers.map(({ id }) => id)).toEqual([driver]);
  });

  it('finds those that are available only, unless others are asked for [N3]', async () => {
    const here = somewhere();
    const [free, busy, driving] = [unique('free'), unique('busy'), unique('driving')];
    await send(free, off(here, 300));
    await send(busy, off(here, 200));
    (await service.put(`/v1/drivers/${busy}/availability`, { available: false })).as(DriverView);
    await send(driving, off(here, 100));
    const { id } = (await service.post('/v1/trips', ride({ driverId: driving, labels: ['shop-7'] }))).as(TripView, 201);
    await service.post(`/v1/trips/${id}/status`, { status: 'EN_ROUTE' });
    await settles(here, [driving, busy, free], '&status=ONLINE,BUSY,ON_TRIP');
    expect(await ids(here)).toEqual([free]);
    expect(await ids(here, '&status=BUSY')).toEqual([busy]);
    expect(await ids(here, '&status=ON_TRIP&label=shop-7')).toEqual([driving]);
    expect(await ids(here, '&status=ON_TRIP&label=shop-8')).toEqual([]);
    await service.post(`/v1/trips/${id}/status`, { status: 'CANCELLED' });
    (await service.put(`/v1/drivers/${busy}/availability`, { available: true })).as(DriverView);
    await settles(here, [driving, busy, free]);
    expect(await ids(here, '&label=shop-7'), 'the trip is over').toEqual([]);
  });

  it('leaves out whoever was silent for longer than maxAge [N4]', async () => {
    const here = somewhere();
    const [quiet, lively] = [unique('quiet'), unique('lively')];
    await send(quiet, here);
    await settles(here, [quiet]);
    await until(
      async () => {
        await send(lively, off(here, 50));
        return ids(here, '&maxAge=2.5');
      },
      (seen) => seen.length === 1 && seen[0] === lively,
    );
    expect(await ids(here)).toEqual([quiet, lively]);
  });

  it('agrees with looking at all that was sent, over the stream, around the date line too [N1]', async () => {
    const stream = await dial(server, { token: await server.token('service', 'fleet') });
    const corner = { lat: -17, lng: 179.95 };
    const spot = fc.record({ north: fc.integer({ min: -9_000, max: 9_000 }), east: fc.integer({ min: -15_000, max: 15_000 }) });
    const wrapped = (place: Place) => ({
      lat: Number(place.lat.toFixed(7)),
      lng: Number((place.lng > 180 ? place.lng - 360 : place.lng).toFixed(7)),
    });
    const sent = new Map<string, Place>();
    const drivers = fc.sample(spot, { numRuns: 400, seed: 11 });
    const again = fc.sample(spot, { numRuns: 200, seed: 12 });
    [...drivers, ...again].forEach(({ north, east }, i) => {
      const [driver, place] = [`edge-${i % drivers.length}`, wrapped(off(corner, north, east))];
      sent.set(driver, place);
      stream.send({ type: 'fix', driver, ...place });
    });
    const all = JSON.stringify([...sent].map(([id, place]) => [id, place.lat, place.lng]).sort());
    await until(
      async () => {
        const { features } = (await service.get('/v1/positions')).json() as {
          features: { id: string; geometry: { coordinates: [number, number] } }[];
        };
        const edge = features.filter(({ id }) => id.startsWith('edge-'));
        return JSON.stringify(edge.map(({ id, geometry: { coordinates } }) => [id, coordinates[1], coordinates[0]]).sort());
      },
      (seen) => seen === all,
    );
    const questions = fc.sample(spot, { numRuns: 40, seed: 13 }).map(({ north, east }) => wrapped(off(corner, north, east)));
    const truths = questions.map((from) =>
      [...sent]
        .map(([id, place]) => ({ id, distance: haversine(from, place) }))
        .filter(({ distance }) => distance <= 4_000)
        .sort((a, b) => a.distance - b.distance)
        .slice(0, 25),
    );
    const answers = () => Promise.all(questions.map((from) => near(from, '&radius=4000&limit=25')));
    const idsOf = (lists: readonly (readonly { id: string }[])[]) => JSON.stringify(lists.map((list) => list.map(({ id }) => id)));
    // Who moved a moment ago may be found where it was [N2]; then every answer is right, whichever process gives it.
    const found = await until(answers, (seen) => idsOf(seen) === idsOf(truths));
    for (const [i, truth] of truths.entries())
      for (const [k, { distance }] of truth.entries()) expect(found[i]?.[k]?.distance).toBeCloseTo(distance, 0);
    await stream.close();
  });

  it('knows after a restart who was there before [N2]', async () => {
    const here = somewhere();
    const first = await startServer({ env: ENV });
    const by = caller(first, await first.token('service'));
    await send('stays', here, {}, by);
    await first.kill();
    const second = await serverForTest({ env: ENV, dataDir: first.dataDir });
    await settles(here, ['stays'], '', caller(second, await second.token('service')));
  });
});

describe('who may look for drivers [N5]', () => {
  let here: Place;
  const [free, busy] = ['sight-free', 'sight-busy'];
  const as = async (...who: Parameters<TestServer['token']>) => caller(server, await server.token(...who));

  beforeAll(async () => {
    here = somewhere();
    await send(free, off(here, 100));
    await send(busy, off(here, 200));
    await service.put(`/v1/drivers/${busy}/availability`, { available: false });
    await settles(here, [free, busy], '&status=ONLINE,BUSY');
  });

  it.each(['passenger', 'merchant'] as const)('a %s finds available drivers, and may not ask for others', async (role) => {
    const by = await as(role);
    await settles(here, [free], '', by);
    for (const status of ['BUSY', 'ONLINE,BUSY', 'ON_TRIP'])
      expect((await by.get(pathAt(here, `&status=${status}`))).problem('forbidden').field).toBe('/query/status');
  });

  it('labels are for staff, and for the merchant whose they are', async () => {
    const wrong = await as('passenger', 'p', { labels: ['shop'] });
    expect((await wrong.get(pathAt(here, '&label=shop'))).problem('forbidden').field).toBe('/query/label');
    const merchant = await as('merchant', 'm', { labels: ['shop'] });
    expect(await ids(here, '&label=shop', merchant)).toEqual([]);
    (await merchant.get(pathAt(here, '&label=other'))).problem('forbidden');
  });

  it('a driver does not look for others', async () => {
    (await (await as('driver', free)).get(pathAt(here))).problem('forbidden');
  });

  it('staff with scopes find the drivers these name', async () => {
    const all = '&status=ONLINE,BUSY';
    expect(await ids(here, all, await as('dispatcher', 'd', { drivers: [busy] }))).toEqual([busy]);
    expect(await ids(here, all, await as('service', 's', { trips: ['t'] }))).toEqual([]);
    expect(await ids(here, all, await as('admin', 'a', { drivers: [busy] }))).toEqual([free, busy]);
    expect(await ids(here, all, await as('dispatcher'))).toEqual([free, busy]);
  });

  it('nobody without a token', async () => {
    (await caller(server).get(pathAt(here))).problem('unauthenticated');
  });
});

describe('wrong questions are named [N6]', () => {
  it.each([
    ['lng=1', 'lat'],
    ['lat=1', 'lng'],
    ['', 'lat'],
    ['lat=91&lng=1', 'lat'],
    ['lat=1&lng=-180.1', 'lng'],
    ['lat=NaN&lng=1', 'lat'],
    ['lat=1&lng=Infinity', 'lng'],
    ['lat=here&lng=1', 'lat'],
    ['lat=&lng=1', 'lat'],
    ['lat=%20&lng=1', 'lat'],
    ['lat=true&lng=1', 'lat'],
    ['lat=1&lat=2&lng=1', 'lat'],
    ['lat=1&lng=1&latitude=1', 'latitude'],
    ['lat=1&lng=1&radius=0', 'radius'],
    ['lat=1&lng=1&radius=100001', 'radius'],
    ['lat=1&lng=1&radius=-5', 'radius'],
    ['lat=1&lng=1&limit=0', 'limit'],
    ['lat=1&lng=1&limit=101', 'limit'],
    ['lat=1&lng=1&limit=1.5', 'limit'],
    ['lat=1&lng=1&status=OFFLINE', 'status'],
    ['lat=1&lng=1&status=online', 'status'],
    ['lat=1&lng=1&label=', 'label'],
    ['lat=1&lng=1&maxAge=0', 'maxAge'],
    ['lat=1&lng=1&maxAge=x', 'maxAge'],
    ['lat=1&lng=1&sort=name', 'sort'],
  ])('?%s', async (query, field) => {
    const answer = await service.get(`/v1/drivers/nearby?${query}`);
    expect(answer.problem('bad_request').field).toBe(`/query/${field}`);
  });
});
