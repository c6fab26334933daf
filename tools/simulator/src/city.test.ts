import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  BLOCK,
  coordinates,
  ground,
  isCorner,
  type Place,
  placeOn,
  randomPlace,
  routeBetween,
  streetBearing,
  streetCount,
} from './city.ts';
import { seededRandom } from './random.ts';

const place = fc
  .record({ street: fc.integer({ min: 0, max: streetCount() - 1 }), offset: fc.double({ min: 0, max: BLOCK - 0.001, noNaN: true }) })
  .map((p): Place => p);
const apart = (a: Place, b: Place) => Math.hypot(ground(a).east - ground(b).east, ground(a).north - ground(b).north);

test('lies where the Eixample lies, 20 x 14 blocks large', () => {
  const random = seededRandom(1);
  const places = Array.from({ length: 2_000 }, () => coordinates(randomPlace(random)));
  const lats = places.map(({ lat }) => lat);
  const lngs = places.map(({ lng }) => lng);
  // The corners of a rectangle turned by 45 degrees reach (20 + 14) / 2 / sqrt(2) blocks out: 1,602 m.
  expect(Math.min(...lats)).toBeGreaterThan(41.3917 - 0.0145);
  expect(Math.max(...lats)).toBeLessThan(41.3917 + 0.0145);
  expect(Math.min(...lngs)).toBeGreaterThan(2.1649 - 0.0193);
  expect(Math.max(...lngs)).toBeLessThan(2.1649 + 0.0193);
  expect(Math.max(...lats) - Math.min(...lats)).toBeGreaterThan(0.025);
});

test('streets run 45 degrees off north', () => {
  const bearings = new Set(Array.from({ length: streetCount() }, (_, i) => streetBearing(i)));
  expect([...bearings].sort((a, b) => a - b)).toEqual([45, 135, 225, 315]);
  const from = ground({ street: 0, offset: 0 });
  const to = ground({ street: 0, offset: 100 });
  const bearing = (Math.atan2(to.east - from.east, to.north - from.north) * 180) / Math.PI;
  expect(bearing).toBeCloseTo(streetBearing(0), 6);
});

test('there is a way from everywhere to everywhere, without a jump or a turn on the spot', () => {
  fc.assert(
    fc.property(place, place, (from, to) => {
      const route = routeBetween(from, to);
      expect(route.length).toBeGreaterThanOrEqual(apart(from, to) - 1e-6);
      expect(apart(placeOn(route, 0), from)).toBeLessThan(1e-6);
      expect(apart(placeOn(route, route.length), to)).toBeLessThan(1e-6);
      for (let d = 0; d < route.length; d += 10) {
        expect(apart(placeOn(route, d), placeOn(route, d + 10))).toBeLessThanOrEqual(10 + 1e-6);
      }
      for (let i = 1; i < route.streets.length; i++) {
        const turn = streetBearing(route.streets[i] ?? 0) - streetBearing(route.streets[i - 1] ?? 0);
        expect(Math.abs(turn) % 360).not.toBe(180);
      }
    }),
    { numRuns: 300 },
  );
});

test('ways are short: as far as the grid has it, and some blocks for one-way streets', () => {
  fc.assert(
    fc.property(place, place, (from, to) => {
      const { streets, length } = routeBetween(from, to);
      expect(streets.length).toBeLessThanOrEqual(20 + 14 + 8);
      // Round the block and back by one-way streets is ten blocks at the most; a metre on top for where in its street a way begins.
      expect(length).toBeLessThanOrEqual(apart(from, to) * Math.SQRT2 + 10 * BLOCK + 1);
    }),
    { numRuns: 300 },
  );
});

test('ahead in the same street is straight on; behind is round the block', () => {
  const ahead = routeBetween({ street: 5, offset: 30 }, { street: 5, offset: 90 });
  expect(ahead).toEqual({ streets: [5], start: 30, end: 90, length: 60 });
  const behind = routeBetween({ street: 5, offset: 90 }, { street: 5, offset: 30 });
  expect(behind.streets[0]).toBe(5);
  expect(behind.streets.at(-1)).toBe(5);
  expect(behind.streets.length).toBeGreaterThan(4);
  expect(behind.streets.some((street, i) => i > 0 && isCorner(behind.streets[i - 1] ?? 0, street))).toBe(true);
});
