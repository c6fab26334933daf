import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bearing, haversine } from './geo.ts';
import { DEGREE } from './testing/samples.ts';

const lat = fc.double({ min: -90, max: 90, noNaN: true });
const lng = fc.double({ min: -180, max: 180, noNaN: true });
const R = 6_371_000;

/** Where one gets from a point on a bearing: the way back from a distance. */
function destination(from: { lat: number; lng: number }, degrees: number, metres: number): { lat: number; lng: number } {
  const rad = Math.PI / 180;
  const [phi, theta, delta] = [from.lat * rad, degrees * rad, metres / R];
  const phi2 = Math.asin(Math.sin(phi) * Math.cos(delta) + Math.cos(phi) * Math.sin(delta) * Math.cos(theta));
  const y = Math.sin(theta) * Math.sin(delta) * Math.cos(phi);
  const lambda = from.lng * rad + Math.atan2(y, Math.cos(delta) - Math.sin(phi) * Math.sin(phi2));
  return { lat: phi2 / rad, lng: lambda / rad };
}

describe('haversine [F3]', () => {
  it.each([
    ['one degree of the equator', [0, 0, 0, 1], DEGREE],
    ['one degree of a meridian', [44, 11, 45, 11], DEGREE],
    ['across the date line', [0, 179.5, 0, -179.5], DEGREE],
    ['Nashville to Los Angeles, as on Rosetta Code for R = 6371', [36.12, -86.67, 33.94, -118.4], 2_886_444.44],
    ['from pole to pole', [90, 0, -90, 77], Math.PI * R],
    ['to the antipodes', [30, 20, -30, -160], Math.PI * R],
  ] as const)('%s', (_, [a, b, c, d], metres) => {
    expect(haversine(a, b, c, d)).toBeCloseTo(metres, 1);
  });

  it('is symmetric, nothing to itself, never negative and never NaN', () => {
    fc.assert(
      fc.property(lat, lng, lat, lng, (a, b, c, d) => {
        expect(haversine(a, b, c, d)).toBeCloseTo(haversine(c, d, a, b), 3);
        expect(haversine(a, b, a, b)).toBe(0);
        expect(haversine(a, b, c, d)).toBeGreaterThanOrEqual(0);
        expect(haversine(a, b, c, d)).toBeLessThanOrEqual(Math.PI * R + 1);
      }),
    );
  });

  it('undoes a way of so many metres on any bearing', () => {
    const metres = fc.double({ min: 1, max: 500_000, noNaN: true });
    fc.assert(
      fc.property(
        fc.double({ min: -80, max: 80, noNaN: true }),
        lng,
        fc.double({ min: 0, max: 360, noNaN: true }),
        metres,
        (a, b, to, far) => {
          const there = destination({ lat: a, lng: b }, to, far);
          expect(Math.abs(haversine(a, b, there.lat, there.lng) - far)).toBeLessThan(0.001 + far * 1e-9);
        },
      ),
    );
  });
});

describe('bearing', () => {
  it.each([
    ['north', [0, 0, 1, 0], 0],
    ['east', [0, 0, 0, 1], 90],
    ['south', [1, 0, 0, 0], 180],
    ['west', [0, 0, 0, -1], 270],
    ['east over the date line', [0, 179.5, 0, -179.5], 90],
  ] as const)('%s', (_, [a, b, c, d], degrees) => {
    expect(bearing(a, b, c, d)).toBeCloseTo(degrees, 6);
  });

  it('is what one set out on, and always in [0, 360)', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -80, max: 80, noNaN: true }),
        lng,
        fc.double({ min: 0, max: 360, maxExcluded: true, noNaN: true }),
        fc.double({ min: 10, max: 100_000, noNaN: true }),
        (a, b, to, far) => {
          const there = destination({ lat: a, lng: b }, to, far);
          const back = bearing(a, b, there.lat, there.lng);
          expect(back).toBeGreaterThanOrEqual(0);
          expect(back).toBeLessThan(360);
          const off = Math.abs(back - to);
          expect(Math.min(off, 360 - off)).toBeLessThan(0.001);
        },
      ),
    );
  });
});
