import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DriverView, FixReceipt, LocationList, TripView } from '../packages/protocol/src/index.ts';
import { CENTRE, north, PAST, ride, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

let server: TestServer;
let service: Caller;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  service = caller(server, await server.token('service', 'ship'));
});

afterAll(() => server.stop());

const at = (second: number) => new Date(PAST + second * 1000).toISOString();
const send = async (driver: string, body: unknown) => (await service.post(`/v1/drivers/${driver}/locations`, body)).as(FixReceipt);
const locations = async (driver: string, query = '') => (await service.get(`/v1/drivers/${driver}/locations${query}`)).as(LocationList);
const view = async (driver: string) => (await service.get(`/v1/drivers/${driver}`)).as(DriverView);

describe('POST /v1/drivers/{id}/locations', () => {
  it('takes one fix and answers after the commit [A5 F2]', async () => {
    const driver = unique('driver');
    const before = Date.now();
    expect(await send(driver, CENTRE)).toEqual({ accepted: 1, stored: 1, duplicates: 0, suspect: 0, rejected: [] });
    const [fix] = (await locations(driver)).locations;
    expect(fix).toMatchObject({ ...CENTRE, suspect: false });
    expect(Date.parse(fix?.timestamp ?? '')).toBeGreaterThanOrEqual(before);
    expect(fix?.timestamp, 'captured when it was received').toBe(fix?.receivedAt);
  });

  it('stores the same fix once and counts it as a duplicate [F9]', async () => {
    const driver = unique('driver');
    const fix = { ...CENTRE, timestamp: at(0) };
    expect(await send(driver, fix)).toMatchObject({ stored: 1, duplicates: 0 });
    expect(await send(driver, { ...fix, timestamp: PAST })).toMatchObject({ stored: 0, duplicates: 1, rejected: [] });
    expect(await send(driver, { fixes: [fix, { ...fix, lat: fix.lat + 4e-8 }, { ...fix, lat: fix.lat + 1e-7 }, fix] })).toMatchObject({
      stored: 1,
      duplicates: 3,
    });
    expect((await locations(driver)).locations).toHaveLength(2);
  });

  it('takes the good ones of a batch and names the others by index [A5]', async () => {
    const driver = unique('driver');
    const good = (second: number) => ({ ...CENTRE, timestamp: at(second) });
    const fixes = [
      good(0),
      { ...good(1), lat: 91 },
      { ...good(2), lng: '13.4' },
      { lat: 1 },
      null,
      { ...good(5), sped: 1 },
      { ...good(6), timestamp: 'noon' },
      { ...good(7), timestamp: '2024-02-30T00:00:00Z' },
      { ...good(8), bearing: 360 },
      { ...good(9), speed: -1 },
      { ...good(10), speed: null, bearing: null, accuracy: null, altitude: null },
    ];
    const receipt = await send(driver, { fixes });
    expect(receipt).toMatchObject({ accepted: 2, stored: 2, duplicates: 0, suspect: 0 });
    expect(receipt.rejected.map(({ index, code, field }) => [index, code, field])).toEqual([
      [1, 'invalid_fix', '/lat'],
      [2, 'invalid_fix', '/lng'],
      [3, 'invalid_fix', '/lng'],
      [4, 'invalid_fix', expect.anything()],
      [5, 'invalid_fix', '/sped'],
      [6, 'invalid_fix', '/timestamp'],
      [7, 'invalid_fix', '/timestamp'],
      [8, 'invalid_fix', '/bearing'],
      [9, 'invalid_fix', '/speed'],
    ]);
    expect((await locations(driver)).locations.map((fix) => fix.timestamp)).toEqual([at(0), at(10)]);
  });

  it('refuses a single bad fix as invalid_fix and names the member', async () => {
    const answer = await service.post(`/v1/drivers/${unique('driver')}/locations`, { ...CENTRE, accuracy: -0.001 });
    expect(answer.problem('invalid_fix').field).toBe('/accuracy');
  });

  it('takes 1,000 fixes, and not 1,001 [L3]', async () => {
    const driver = unique('driver');
    const fixes = Array.from({ length: 1_001 }, (_, i) => ({ ...CENTRE, timestamp: at(i) }));
    expect((await service.post(`/v1/drivers/${driver}/locations`, { fixes })).problem('bad_request').field).toBe('/fixes');
    expect(await send(driver, { fixes: fixes.slice(1) })).toMatchObject({ accepted: 1_000, stored: 1_000 });
  });

  it('keeps the extremes exactly, at 1e-7 degree and two decimals [F1]', async () => {
    const driver = unique('driver');
    await send(driver, { lat: -90, lng: 180, timestamp: at(0), speed: 0, bearing: 359.99, accuracy: 0, altitude: -20_000 });
    await send(driver, {
      lat: 12.34567894,
      lng: -179.99999996,
      timestamp: at(1),
      speed: 99_999.994,
      bearing: 0.005,
      accuracy: 1e7,
      altitude: 1e7,
    });
    const [first, second] = (await locations(driver)).locations;
    expect(first).toMatchObject({ lat: -90, lng: 180, speed: 0, bearing: 359.99, accuracy: 0, altitude: -20_000 });
    expect(second).toMatchObject({ lat: 12.3456789, lng: -180, speed: 99_999.99, bearing: 0.01, accuracy: 1e7, altitude: 1e7 });
  });

  it('never answers a bearing of 360, however it was rounded [F1]', async () => {
    const driver = unique('driver');
    await send(driver, { ...CENTRE, timestamp: at(0), bearing: 359.999 });
    const bearing = (await locations(driver)).locations[0]?.bearing;
    expect(bearing).toBeLessThan(360);
  });

  it('stores a fix from ahead of its time and calls it suspect [F4 F7]', async () => {
    const driver = unique('driver');
    await send(driver, { ...CENTRE, timestamp: at(0) });
    expect(await send(driver, { ...CENTRE, timestamp: Date.now() + 3_600_000 })).toMatchObject({ stored: 1, suspect: 1 });
    expect((await locations(driver)).locations.map((fix) => fix.suspect)).toEqual([false, true]);
    expect((await view(driver)).location?.timestamp).toBe(at(0));
  });

  it('never moves the latest back: a late fix is history only [F8]', async () => {
    const driver = unique('driver');
    await send(driver, { ...north(100), timestamp: at(100) });
    await send(driver, { ...north(50), timestamp: at(50) });
    expect((await view(driver)).location?.timestamp).toBe(at(100));
    await send(driver, { ...north(110), timestamp: at(100) });
    expect((await view(driver)).location?.lat, 'of equal capture times the later receipt').toBeCloseTo(north(110).lat, 6);
    expect((await locations(driver)).locations.map((fix) => fix.timestamp)).toEqual([at(50), at(100), at(100)]);
  });

  it('clears three teleports in a row that agree [F5 F6]', async () => {
    const driver = unique('driver');
    await send(driver, { ...CENTRE, timestamp: at(0) });
    const there = [0, 1, 2].map((i) => ({ lat: 48 + i * 1e-4, lng: 2, timestamp: at(10 + i) }));
    expect(await send(driver, there[0])).toMatchObject({ suspect: 1 });
    expect(await send(driver, there[1])).toMatchObject({ suspect: 1 });
    await send(driver, there[2]);
    expect((await locations(driver)).locations.map((fix) => fix.suspect)).toEqual([false, false, false, false]);
    expect((await view(driver)).location?.lat).toBeCloseTo(48.0002, 6);
  });
});

describe('GET /v1/drivers/{id}/locations', () => {
  const driver = 'paged-driver';

  beforeAll(async () => {
    await send(driver, { fixes: Array.from({ length: 25 }, (_, i) => ({ ...north(i), timestamp: at(i) })) });
  });

  it('answers by capture time and cuts by from and to [F12]', async () => {
    const times = async (query: string) => (await locations(driver, query)).locations.map((fix) => fix.timestamp);
    expect(await times(`?from=${at(3)}&to=${at(5)}`)).toEqual([at(3), at(4), at(5)]);
    expect(await times(`?from=${PAST + 24_000}`)).toEqual([at(24)]);
    expect(await times(`?to=${PAST - 1}`)).toEqual([]);
  });

  it('pages by cursor: every fix once, in order, null at the end', async () => {
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: LocationList = await locations(driver, `?limit=10${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`);
      seen.push(...page.locations.map((fix) => fix.timestamp));
      cursor = page.cursor;
    } while (cursor !== null);
    expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => at(i)));
  });

  it('pages through fixes of one capture time without losing one [F12]', async () => {
    const crowd = unique('driver');
    await send(crowd, { fixes: Array.from({ length: 9 }, (_, i) => ({ ...north(i), timestamp: at(0) })) });
    const seen: number[] = [];
    let cursor: string | null = null;
    do {
      const page: LocationList = await locations(crowd, `?limit=2${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`);
      seen.push(...page.locations.map((fix) => fix.lat));
      cursor = page.cursor;
    } while (cursor !== null);
    expect(seen).toEqual(Array.from({ length: 9 }, (_, i) => Number(north(i).lat.toFixed(7))));
  });

  it.each(['limit=0', 'from=x', 'to=2024-01-01T00:00:00', 'cursor=nonsense', 'unheard=of'])('refuses ?%s and names it', async (query) => {
    const answer = await service.get(`/v1/drivers/${driver}/locations?${query}`);
    expect(answer.problem('bad_request').field).toContain(query.split('=')[0]);
  });
});

describe('the driver itself', () => {
  it('is OFFLINE to nobody until heard of, ONLINE then, BUSY when unavailable, ON_TRIP over both [D1]', async () => {
    const driver = unique('driver');
    (await service.get(`/v1/drivers/${driver}`)).problem('not_found');
    await send(driver, CENTRE);
    expect(await view(driver)).toMatchObject({ id: driver, status: 'ONLINE', available: true, stale: false, trips: [] });
    const busy = (await service.put(`/v1/drivers/${driver}/availability`, { available: false })).as(DriverView);
    expect(busy).toMatchObject({ status: 'BUSY', available: false });

    const { id } = (await service.post('/v1/trips', ride({ driverId: driver }))).as(TripView, 201);
    expect(await view(driver), 'given, not started').toMatchObject({ status: 'BUSY', trips: [id] });
    await service.post(`/v1/trips/${id}/status`, { status: 'EN_ROUTE' });
    expect(await view(driver)).toMatchObject({ status: 'ON_TRIP', available: false });
    await service.post(`/v1/trips/${id}/status`, { status: 'CANCELLED' });
    expect(await view(driver)).toMatchObject({ status: 'BUSY', trips: [] });
    expect((await service.put(`/v1/drivers/${driver}/availability`, { available: true })).as(DriverView).status).toBe('ONLINE');
  });

  it('is heard of by a change of availability alone [D2]', async () => {
    const driver = unique('driver');
    expect((await service.put(`/v1/drivers/${driver}/availability`, { available: true })).as(DriverView)).toMatchObject({
      status: 'ONLINE',
      location: null,
      lastSeenAt: expect.any(String),
    });
  });

  it('answers the same at /status', async () => {
    const driver = unique('driver');
    await send(driver, { ...CENTRE, speed: 3 });
    expect((await service.get(`/v1/drivers/${driver}/status`)).as(DriverView)).toEqual(await view(driver));
    (await service.get('/v1/drivers/nobody/status')).problem('not_found');
  });

  it('keeps the profile shown to watchers; null takes a member away', async () => {
    const driver = unique('driver');
    const put = async (body: object) => (await service.put(`/v1/drivers/${driver}`, body)).as(DriverView);
    expect(await put({ name: 'Zoë <b>', vehicle: 'Van', plate: 'B-XY 1' })).toMatchObject({
      name: 'Zoë <b>',
      vehicle: 'Van',
      plate: 'B-XY 1',
      status: 'OFFLINE',
    });
    expect(await view(driver)).toMatchObject({ name: 'Zoë <b>', vehicle: 'Van', plate: 'B-XY 1' });
    expect(await put({ name: 'Zoë', vehicle: null, plate: null })).toMatchObject({ name: 'Zoë', vehicle: null, plate: null });
    const bad = await service.put(`/v1/drivers/${driver}`, { name: '', plate: 'x'.repeat(33) });
    expect(bad.problem('bad_request').field).toMatch(/^\/(name|plate)$/);
    expect((await service.put(`/v1/drivers/${driver}/availability`, { available: 'yes' })).problem('bad_request').field).toBe('/available');
  });
});

describe('GET /v1/positions', () => {
  it('is GeoJSON of who is on the map, within about a second [N2]', async () => {
    const driver = unique('driver');
    await send(driver, { ...CENTRE, speed: 20, bearing: 90 });
    const look = async () => {
      const answer = await service.get('/v1/positions');
      expect(answer.type).toContain('application/geo+json');
      const { type, features } = answer.json() as { type: string; features: { id: string }[] };
      expect(type).toBe('FeatureCollection');
      return features.filter((feature) => feature.id === driver);
    };
    expect(await until(look, (features) => features.length > 0)).toEqual([
      {
        type: 'Feature',
        id: driver,
        geometry: { type: 'Point', coordinates: [CENTRE.lng, CENTRE.lat] },
        properties: expect.objectContaining({ status: 'ONLINE', stale: false, speed: 20, bearing: 90, trips: [] }),
      },
    ]);
  });
});
