import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { haversine } from '../packages/server/src/core/geo.ts';
import { Nearby } from '../packages/server/src/core/nearby.ts';
import { asDatabase } from './support/services/as-database.ts';
import { newDatabase, type TestDatabase } from './support/services/postgres.ts';

/** PostGIS' sphere is 6,371,008.77 m, that of F3 6,371,000 m: so much they differ, relatively. */
const SPHERES = 1.4e-6;

interface Place {
  readonly lat: number;
  readonly lng: number;
}

let database: TestDatabase;

beforeAll(async () => {
  database = await newDatabase();
});

afterAll(() => database.drop());

const rounded = (degrees: number) => Math.round(degrees * 1e7) / 1e7;
const wrapped = (lng: number) => (lng > 180 ? lng - 360 : lng < -180 ? lng + 360 : lng);
const off = ({ lat, lng }: Place, up: number, right: number): Place => ({
  lat: rounded(Math.max(-90, Math.min(90, lat + up))),
  lng: rounded(wrapped(lng + right)),
});
/** Spread evenly: doubles of chance are mostly next to 0. */
const between = (reach: number) => fc.integer({ min: -reach * 1e7, max: reach * 1e7 }).map((units) => units / 1e7);
const anywhere = fc.tuple(between(90), between(180)).map(([lat, lng]) => ({ lat: rounded(lat), lng: rounded(lng) }));

/** Towns, the date line, the far north and the poles. */
const CENTRES: readonly Place[] = [
  { lat: 52.5, lng: 13.4 },
  { lat: -33.9, lng: 151.2 },
  { lat: -16.5, lng: 179.99 },
  { lat: 71.4, lng: -179.999 },
  { lat: 89.99, lng: 40 },
  { lat: -89.995, lng: -120 },
];
const clustered = fc
  .tuple(fc.constantFrom(...CENTRES), between(0.05), between(0.05), between(180))
  .map(([centre, up, right, around]) => off(centre, up, Math.abs(centre.lat) > 89 ? around : right));

/** PostGIS' distances of pairs of places, on its sphere, m. */
async function distances(pairs: readonly (readonly [Place, Place])[]): Promise<number[]> {
  const rows = await asDatabase<{ distance: number }>(
    database.url,
    `SELECT ST_Distance(ST_MakePoint(a_lng, a_lat)::geography, ST_MakePoint(b_lng, b_lat)::geography, false) AS distance
     FROM unnest($1::float8[], $2::float8[], $3::float8[], $4::float8[]) WITH ORDINALITY AS p (a_lat, a_lng, b_lat, b_lng, n) ORDER BY n`,
    [pairs.map(([a]) => a.lat), pairs.map(([a]) => a.lng), pairs.map(([, b]) => b.lat), pairs.map(([, b]) => b.lng)],
  );
  return rows.map(({ distance }) => distance);
}

describe('distances [F3]', () => {
  it.each([
    ['anywhere on earth', fc.tuple(anywhere, anywhere)],
    [
      'within a town',
      clustered.chain((from) =>
        fc.tuple(
          fc.constant(from),
          fc.tuple(between(0.02), between(0.02)).map(([up, right]) => off(from, up, right)),
        ),
      ),
    ],
    [
      'of a few metres',
      clustered.chain((from) =>
        fc.tuple(
          fc.constant(from),
          fc.tuple(between(0.0001), between(0.0001)).map(([up, right]) => off(from, up, right)),
        ),
      ),
    ],
  ])('are what PostGIS measures on a sphere: %s', async (_, pair) => {
    const pairs = fc.sample(pair, 2_000);
    const truth = await distances(pairs);
    for (const [i, [a, b]] of pairs.entries()) {
      const expected = truth[i] ?? Number.NaN;
      const told = haversine(a.lat, a.lng, b.lat, b.lng);
      // PostGIS tells what is nearer than a few micrometres as 0.
      expect(Math.abs(told - expected), JSON.stringify([a, b, told, expected])).toBeLessThanOrEqual(expected * 1e-5 + 1e-4);
    }
  });

  it('decide a radius as ST_DWithin does, but for the edge [G1]', async () => {
    const radius = fc.constantFrom(1, 50, 100, 150, 500, 1_000, 50_000);
    const asked = fc.sample(
      fc
        .tuple(
          clustered,
          radius,
          between(1.1).map((n) => n + 1.1),
          between(Math.round(Math.PI * 1e7) / 1e7),
        )
        .map(([stop, r, far, to]) => {
          const degrees = (r * far * 180) / (Math.PI * 6_371_000);
          const squeeze = Math.max(Math.cos((stop.lat * Math.PI) / 180), 1e-3);
          return { stop, r, fix: off(stop, degrees * Math.cos(to), Math.min((degrees * Math.sin(to)) / squeeze, 180)) };
        }),
      3_000,
    );
    const rows = await asDatabase<{ within: boolean }>(
      database.url,
      `SELECT ST_DWithin(ST_MakePoint(a_lng, a_lat)::geography, ST_MakePoint(b_lng, b_lat)::geography, r, false) AS within
       FROM unnest($1::float8[], $2::float8[], $3::float8[], $4::float8[], $5::float8[]) WITH ORDINALITY AS p (a_lat, a_lng, b_lat, b_lng, r, n) ORDER BY n`,
      [
        asked.map(({ stop }) => stop.lat),
        asked.map(({ stop }) => stop.lng),
        asked.map(({ fix }) => fix.lat),
        asked.map(({ fix }) => fix.lng),
        asked.map(({ r }) => r),
      ],
    );
    const decided = { in: 0, out: 0 };
    for (const [i, { stop, fix, r }] of asked.entries()) {
      const told = haversine(stop.lat, stop.lng, fix.lat, fix.lng);
      if (Math.abs(told - r) <= r * 2 * SPHERES + 1e-4) continue;
      decided[told <= r ? 'in' : 'out']++;
      expect(told <= r, JSON.stringify([stop, fix, r, told])).toBe(rows[i]?.within);
    }
    expect(Math.min(decided.in, decided.out)).toBeGreaterThan(500);
  });
});

describe('the nearest points [N1]', () => {
  it('are those PostGIS sorts to the front, over the date line and in the far north too', async () => {
    const points = fc.sample(clustered, { numRuns: 6_000, seed: 5 });
    const asked = fc.sample(
      fc.record({ at: clustered, radius: fc.constantFrom(300, 2_000, 20_000, 300_000), limit: fc.integer({ min: 1, max: 40 }) }),
      { numRuns: 60, seed: 6 },
    );
    const index = new Nearby();
    const slots = points.map(({ lat, lng }) => index.add(lat, lng));
    const rows = await asDatabase<{ q: number; n: number; distance: number }>(
      database.url,
      `SELECT q.q::int, near.n::int, near.distance FROM unnest($3::float8[], $4::float8[], $5::float8[], $6::int[]) WITH ORDINALITY AS q (lat, lng, radius, most, q)
       CROSS JOIN LATERAL (
         SELECT n, ST_Distance(ST_MakePoint(p.lng, p.lat)::geography, ST_MakePoint(q.lng, q.lat)::geography, false) AS distance
         FROM unnest($1::float8[], $2::float8[]) WITH ORDINALITY AS p (lat, lng, n)
         WHERE ST_DWithin(ST_MakePoint(p.lng, p.lat)::geography, ST_MakePoint(q.lng, q.lat)::geography, q.radius, false)
         ORDER BY distance, n LIMIT q.most + 1000
       ) near ORDER BY q.q, near.distance, near.n`,
      [
        points.map(({ lat }) => lat),
        points.map(({ lng }) => lng),
        asked.map(({ at }) => at.lat),
        asked.map(({ at }) => at.lng),
        // What lies on the very edge is either's.
        asked.map(({ radius }) => radius * (1 + 2 * SPHERES)),
        asked.map(({ limit }) => limit),
      ],
    );
    const byQuestion = Map.groupBy(rows, ({ q }) => q - 1);
    let compared = 0;
    for (const [q, { at, radius, limit }] of asked.entries()) {
      const truth = new Map((byQuestion.get(q) ?? []).map(({ n, distance }) => [n - 1, distance]));
      const furthest = [...truth.values()][limit - 1] ?? radius;
      const found = index.nearest({ ...at, radius, limit, accept: () => true });
      for (const { slot, distance } of found) expect(Math.abs((truth.get(slots.indexOf(slot)) ?? Number.NaN) - distance)).toBeLessThan(0.5);
      const told = new Set(found.map(({ slot }) => slots.indexOf(slot)));
      // All that PostGIS has and that is not, within half a metre, the last one or on the edge.
      for (const [n, distance] of truth)
        if (distance < furthest - 0.5 && distance < radius - 0.5) expect(told.has(n), `${n} at ${distance} m of question ${q}`).toBe(true);
      for (const [i, { distance }] of found.entries()) expect(distance).toBeGreaterThanOrEqual(found[i - 1]?.distance ?? 0);
      compared += found.length;
    }
    expect(compared).toBeGreaterThan(500);
  });
});
