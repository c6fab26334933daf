import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { haversine, type Point } from './haversine.ts';

const R = 6_371_000;
const point = fc.record({ lat: fc.double({ min: -90, max: 90, noNaN: true }), lng: fc.double({ min: -180, max: 180, noNaN: true }) });

/** The angle between two vectors from the centre: another road to the same number. */
function byVectors(a: Point, b: Point): number {
  const vector = ({ lat, lng }: Point) => {
    const [phi, lambda] = [(lat * Math.PI) / 180, (lng * Math.PI) / 180];
    return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)] as const;
  };
  const [u, v] = [vector(a), vector(b)];
  const cross = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
  return R * Math.atan2(Math.hypot(...cross), u[0] * v[0] + u[1] * v[1] + u[2] * v[2]);
}

describe('haversine [F3]', () => {
  it.each([
    ['San José State to SFO', [37.3352, -121.8811], [37.6213, -122.379], 54_000, 55_000],
    ['Nashville BNA to Los Angeles LAX, as on Rosetta Code for R = 6371', [36.12, -86.67], [33.94, -118.4], 2_886_444.3, 2_886_444.6],
    ['London to Paris', [51.5074, -0.1278], [48.8566, 2.3522], 343_000, 344_000],
    ['New York to Los Angeles', [40.7128, -74.006], [34.0522, -118.2437], 3_935_000, 3_937_000],
    ['one degree of the equator', [0, 0], [0, 1], 111_194.92, 111_194.94],
    ['one degree of a meridian', [44, 11], [45, 11], 111_194.92, 111_194.94],
    ['across the date line', [0, 179.5], [0, -179.5], 111_194.92, 111_194.94],
  ] as const)('%s', (_, [lat1, lng1], [lat2, lng2], low, high) => {
    const metres = haversine({ lat: lat1, lng: lng1 }, { lat: lat2, lng: lng2 });
    expect(metres).toBeGreaterThan(low);
    expect(metres).toBeLessThan(high);
  });

  it('is half the circumference to the antipodes and from pole to pole', () => {
    expect(haversine({ lat: 90, lng: 0 }, { lat: -90, lng: 77 })).toBeCloseTo(Math.PI * R, 3);
    expect(haversine({ lat: 0, lng: 0 }, { lat: 0, lng: 180 })).toBeCloseTo(Math.PI * R, 3);
    fc.assert(
      fc.property(point, ({ lat, lng }) => {
        const metres = haversine({ lat, lng }, { lat: -lat, lng: lng > 0 ? lng - 180 : lng + 180 });
        // asin is flat at 1: a float's worth of h is some 0.1 m of distance there.
        return Math.abs(metres - Math.PI * R) < 1;
      }),
    );
  });

  it('knows one pole, whatever its longitude', () => {
    fc.assert(fc.property(point, point, (a, b) => haversine({ lat: 90, lng: a.lng }, { lat: 90, lng: b.lng }) < 1e-6));
    expect(haversine({ lat: 89, lng: 0 }, { lat: 89, lng: 180 })).toBeCloseTo(2 * 111_194.927, 1);
  });

  it('is symmetric, nothing to itself, and no longer than a detour', () => {
    fc.assert(
      fc.property(point, point, point, (a, b, c) => {
        expect(haversine(a, b)).toBeCloseTo(haversine(b, a), 3);
        expect(haversine(a, a)).toBe(0);
        expect(haversine(a, b)).toBeLessThanOrEqual(haversine(a, c) + haversine(c, b) + 1);
      }),
    );
  });

  it('agrees with the angle between vectors', () => {
    fc.assert(fc.property(point, point, (a, b) => Math.abs(haversine(a, b) - byVectors(a, b)) < 1));
    const step = fc.double({ min: -0.01, max: 0.01, noNaN: true });
    fc.assert(
      fc.property(point, step, step, (a, north, east) => {
        const b = { lat: Math.max(-90, Math.min(90, a.lat + north)), lng: a.lng + east };
        return Math.abs(haversine(a, b) - byVectors(a, b)) < 1e-5;
      }),
    );
  });
});
