import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simplify } from './simplify.ts';

interface Point {
  readonly lat: number;
  readonly lng: number;
}

const METRE = 180 / (Math.PI * 6_371_000);
/** A place some metres north and east of a corner. */
function place(corner: Point, north: number, east: number): Point {
  return { lat: corner.lat + north * METRE, lng: corner.lng + (east * METRE) / Math.cos((corner.lat * Math.PI) / 180) };
}
const corner: Point = { lat: 44.49, lng: 11.34 };
const tracks = fc.array(fc.tuple(fc.integer({ min: -2_000, max: 2_000 }), fc.integer({ min: -2_000, max: 2_000 })), { maxLength: 60 });

/** m from a point to a leg, on a plane laid at the corner: another one than the program's. */
function distanceToLeg(point: Point, a: Point, b: Point): number {
  const plane = ({ lat, lng }: Point) =>
    [((lng - corner.lng) / METRE) * Math.cos((corner.lat * Math.PI) / 180), (lat - corner.lat) / METRE] as const;
  const [p, s, e] = [plane(point), plane(a), plane(b)];
  const [dx, dy] = [e[0] - s[0], e[1] - s[1]];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : Math.min(1, Math.max(0, ((p[0] - s[0]) * dx + (p[1] - s[1]) * dy) / length));
  return Math.hypot(p[0] - s[0] - along * dx, p[1] - s[1] - along * dy);
}

describe('simplify', () => {
  it('leaves out only points within the tolerance of the leg they lay on', () => {
    fc.assert(
      fc.property(tracks, fc.integer({ min: 1, max: 500 }), (offsets, tolerance) => {
        const points = offsets.map(([north, east]) => place(corner, north, east));
        const kept = simplify(points, tolerance);
        const places = kept.map((point) => points.indexOf(point));
        expect(places).toEqual([...places].sort((a, b) => a - b));
        for (let leg = 1; leg < places.length; leg++) {
          for (let i = (places[leg - 1] ?? 0) + 1; i < (places[leg] ?? 0); i++) {
            // Two planes, a few km apart in their origins, differ by less than 0.1 %.
            expect(distanceToLeg(points[i] as Point, kept[leg - 1] as Point, kept[leg] as Point)).toBeLessThanOrEqual(
              tolerance * 1.001 + 2,
            );
          }
        }
      }),
    );
  });

  it('keeps first and last, and everything of two points or less', () => {
    fc.assert(
      fc.property(tracks, fc.integer({ min: 0, max: 100_000 }), (offsets, tolerance) => {
        const points = offsets.map(([north, east]) => place(corner, north, east));
        const kept = simplify(points, tolerance);
        expect([kept[0], kept.at(-1)]).toEqual([points[0], points.at(-1)]);
        if (points.length <= 2) expect(kept).toEqual(points);
      }),
    );
  });

  it('keeps a corner, leaves out what lies on a straight road', () => {
    const road = [place(corner, 0, 0), place(corner, 0, 100), place(corner, 3, 200), place(corner, 0, 300), place(corner, 300, 300)];
    expect(simplify(road, 5)).toEqual([road[0], road[3], road[4]]);
    expect(simplify(road, 1)).toContain(road[2]);
  });

  it('does not cut off a turn back: what lies beyond the end of a leg is far from it', () => {
    const there = [place(corner, 0, 0), place(corner, 0, 1_000), place(corner, 0, 10)];
    expect(simplify(there, 50)).toEqual(there);
  });

  it('works across the date line', () => {
    const track = [
      { lat: 0, lng: 179.999 },
      { lat: 0, lng: 180 },
      { lat: 0.01, lng: -179.9995 },
      { lat: 0, lng: -179.999 },
    ];
    expect(simplify(track, 10)).toContain(track[2]);
    expect(simplify([track[0], track[1], track[3]] as Point[], 10)).toEqual([track[0], track[3]]);
  });

  it('of the same twice does nothing more, and of 100,000 points does not break', () => {
    const long = Array.from({ length: 100_000 }, (_, i) => place(corner, 900 * Math.sin(i / 700) + (i % 7), i));
    expect(simplify(long, 20).length).toBeGreaterThan(100);
    const spiral = Array.from({ length: 500 }, (_, i) => place(corner, Math.sin(i / 9) * i, Math.cos(i / 9) * i));
    const once = simplify(spiral, 10);
    expect(simplify(once, 10)).toEqual(once);
  });
});
