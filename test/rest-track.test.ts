import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FixReceipt, Track, TripView } from '../packages/protocol/src/index.ts';
import { CENTRE, north, PAST, ride, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let staff: Caller;
const id = 'tracked-trip';
const driver = 'tracked-driver';
const at = (minute: number) => new Date(PAST + minute * 60_000).toISOString();

/** North along the meridian, one bend to the east in the middle, one teleport (suspect), one late fix at the end. */
const SENT = [
  { ...north(0), timestamp: at(1), speed: 12.345, bearing: 359.994, accuracy: 5, altitude: -2.71999 },
  { ...north(200), timestamp: at(2) },
  { lat: north(400).lat, lng: CENTRE.lng + 0.003, timestamp: at(3) },
  { lat: 48, lng: 2, timestamp: at(3.5) },
  { ...north(600), timestamp: at(4) },
  { ...north(800), timestamp: at(6) },
  { ...north(700), timestamp: at(5) },
];
const PLAUSIBLE = [0, 1, 2, 4, 6, 5].map((i) => SENT[i] as (typeof SENT)[number]);

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  staff = caller(server, await server.token('admin', 'car-a'));
  (await staff.post('/v1/trips', ride({ id, driverId: driver, at: PAST }))).as(TripView, 201);
  const taken = (await staff.post(`/v1/drivers/${driver}/locations`, { fixes: SENT })).as(FixReceipt);
  expect(taken).toEqual({ accepted: 7, stored: 7, duplicates: 0, suspect: 1, rejected: [] });
});

afterAll(() => server.stop());

const track = (query = '') => staff.get(`/v1/trips/${id}/track${query}`);

describe('GET /v1/trips/{id}/track', () => {
  it('answers the plausible fixes in capture order, rounded on arrival [F1 F7 F12]', async () => {
    const { tripId, points } = (await track()).as(Track);
    expect(tripId).toBe(id);
    expect(points.map((point) => point.timestamp)).toEqual(PLAUSIBLE.map((fix) => fix.timestamp));
    expect(points[0]).toEqual({ ...CENTRE, speed: 12.35, bearing: 359.99, accuracy: 5, altitude: -2.72, timestamp: at(1) });
    expect(points[1]).toMatchObject({ lat: Number(north(200).lat.toFixed(7)), speed: null, bearing: null, accuracy: null, altitude: null });
  });

  it('is the same as format=json, and says so', async () => {
    const json = await track('?format=json');
    expect(json.type).toContain('application/json');
    expect(json.as(Track)).toEqual((await track()).as(Track));
  });

  it('cuts by from and to, both as ISO and as epoch milliseconds, ends included', async () => {
    const times = async (query: string) => (await track(query)).as(Track).points.map((point) => point.timestamp);
    expect(await times(`?from=${at(2)}&to=${at(4)}`)).toEqual([at(2), at(3), at(4)]);
    expect(await times(`?from=${PAST + 120_000}&to=${PAST + 240_000}`)).toEqual([at(2), at(3), at(4)]);
    expect(await times(`?from=${encodeURIComponent(at(5).replace('Z', '+00:00'))}`)).toEqual([at(5), at(6)]);
    expect(await times(`?to=${at(0)}`)).toEqual([]);
  });

  it('simplifies: what lies nearer than the tolerance to the line is left out, both ends stay', async () => {
    const times = async (metres: number) => (await track(`?simplify=${metres}`)).as(Track).points.map((point) => point.timestamp);
    expect(await times(10)).toEqual([at(1), at(2), at(3), at(4), at(6)]);
    expect(await times(1_000)).toEqual([at(1), at(6)]);
  });

  it('writes GeoJSON: longitude first, altitude third where it is known', async () => {
    const answer = await track('?format=geojson');
    expect(answer.type).toContain('application/geo+json');
    const places = PLAUSIBLE.map(({ lat, lng }) => [expect.closeTo(lng, 6), expect.closeTo(lat, 6)]);
    expect(answer.json()).toMatchObject({
      type: 'Feature',
      geometry: { type: 'LineString', coordinates: places.with(0, [...(places[0] ?? []), -2.72]) },
    });
  });

  it('writes GeoJSON that is valid for a track of one fix: no LineString of one position', async () => {
    const other = unique('driver');
    const trip = (await staff.post('/v1/trips', ride({ driverId: other }))).as(TripView, 201).id;
    (await staff.post(`/v1/drivers/${other}/locations`, CENTRE)).as(FixReceipt);
    const { geometry } = (await staff.get(`/v1/trips/${trip}/track?format=geojson`)).json() as {
      geometry: { type: string; coordinates: unknown[] } | null;
    };
    expect(geometry?.type === 'LineString' ? geometry.coordinates.length : 'no line', 'RFC 7946 3.1.4: two positions or more').not.toBe(1);
  });

  it('writes GPX 1.1 that a parser reads back', async () => {
    const answer = await track('?format=gpx');
    expect(answer.type).toContain('application/gpx+xml');
    expect(XMLValidator.validate(answer.text)).toBe(true);
    const { gpx } = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '' }).parse(answer.text) as {
      gpx: { version: string; trk: { name: string; trkseg: { trkpt: { lat: string; lon: string; time: string }[] } } };
    };
    expect(gpx.version).toBe('1.1');
    expect(gpx.trk.name).toBe(id);
    expect(gpx.trk.trkseg.trkpt.map(({ lat, lon, time }) => [Number(lat), Number(lon), time])).toEqual(
      PLAUSIBLE.map(({ lat, lng, timestamp }) => [expect.closeTo(lat, 6), expect.closeTo(lng, 6), timestamp]),
    );
  });

  it('writes a polyline of precision 5, as JSON and labelled so', async () => {
    const answer = await track('?format=polyline');
    const { polyline } = answer.json() as { polyline: string };
    expect(decode(polyline)).toEqual(PLAUSIBLE.map(({ lat, lng }) => [expect.closeTo(lat, 4), expect.closeTo(lng, 4)]));
    expect(answer.type).toContain('application/json');
  });

  it('answers an empty track in every format for a trip nobody drove', async () => {
    const empty = (await staff.post('/v1/trips', ride({}))).as(TripView, 201).id;
    expect((await staff.get(`/v1/trips/${empty}/track`)).as(Track)).toEqual({ tripId: empty, points: [], distance: 0 });
    for (const format of ['geojson', 'gpx', 'polyline'])
      expect((await staff.get(`/v1/trips/${empty}/track?format=${format}`)).status, format).toBe(200);
  });

  it('has a distance that is the sum of its legs [F3 T8]', async () => {
    const other = unique('driver');
    const trip = (await staff.post('/v1/trips', ride({ driverId: other, at: PAST }))).as(TripView, 201).id;
    const fixes = [0, 1_000, 1_500].map((metres, i) => ({ ...north(metres), timestamp: at(i + 1) }));
    (await staff.post(`/v1/drivers/${other}/locations`, { fixes })).as(FixReceipt);
    expect((await staff.get(`/v1/trips/${trip}/track`)).as(Track).distance).toBeCloseTo(1_500, 0);
    expect((await staff.get(`/v1/trips/${trip}`)).as(TripView).distance).toBeCloseTo(1_500, 0);
  });

  it.each([
    ['format=kml', 'format'],
    ['from=yesterday', 'from'],
    ['to=2024-01-01', 'to'],
    ['from=2024-02-30T00:00:00Z', 'from'],
    ['simplify=-1', 'simplify'],
    ['simplify=NaN', 'simplify'],
    ['simplify=x', 'simplify'],
    ['unheard=of', 'unheard'],
  ])('refuses ?%s and names it', async (query, field) => {
    expect((await track(`?${query}`)).problem('bad_request').field).toContain(field);
  });
});

/** Google's encoded polyline. */
function decode(text: string): [number, number][] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const character of text) {
    const chunk = character.charCodeAt(0) - 63;
    value |= (chunk & 31) << shift;
    shift += 5;
    if (chunk >= 32) continue;
    numbers.push(value & 1 ? ~(value >> 1) : value >> 1);
    value = 0;
    shift = 0;
  }
  const points: [number, number][] = [];
  let [lat, lng] = [0, 0];
  for (let i = 0; i < numbers.length; i += 2) {
    lat += numbers[i] ?? 0;
    lng += numbers[i + 1] ?? 0;
    points.push([lat / 1e5, lng / 1e5]);
  }
  return points;
}
