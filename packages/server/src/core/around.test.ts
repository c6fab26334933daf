import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Box, boxAround, type Circle, millimetres } from './around.ts';
import { haversine } from './geo.ts';

const isInside = ({ south, north, spans }: Box, lat: number, lng: number): boolean => {
  const [y, x] = [Math.round(lat * 1e7), Math.round(lng * 1e7)];
  return y >= south && y <= north && spans.some(([west, east]) => x >= west && x <= east);
};
const degree = (min: number, max: number) => fc.integer({ min: min * 1e7, max: max * 1e7 }).map((units) => units / 1e7);
const edges = { lat: fc.constantFrom(0, 90, -90, 89.9999, 60), lng: fc.constantFrom(0, 180, -180, 179.9999, -179.9999) };
const lat = fc.oneof(degree(-90, 90), edges.lat);
const lng = fc.oneof(degree(-180, 180), edges.lng);
const circle: fc.Arbitrary<Circle> = fc.record({ lat, lng, radius: fc.double({ min: 1, max: 50_000, noNaN: true }) });

describe('the box around a circle [Q3]', () => {
  it('has all that is in the circle, over the date line and around the poles too', () => {
    const near = circle.chain((one) =>
      fc.record({
        circle: fc.constant(one),
        up: fc.double({ min: -1.2, max: 1.2, noNaN: true }),
        right: fc.double({ min: -1.2, max: 1.2, noNaN: true }),
        any: lng,
      }),
    );
    let inside = 0;
    fc.assert(
      fc.property(near, ({ circle: one, up, right, any }) => {
        const reach = (one.radius / 6_371_000) * (180 / Math.PI);
        const y = Math.round(Math.max(-90, Math.min(90, one.lat + up * reach)) * 1e7) / 1e7;
        const turned = one.lng + (right * reach) / Math.max(Math.cos((one.lat * Math.PI) / 180), 1e-9);
        const x =
          Math.abs(turned) > 540 ? any : Math.round((turned > 180 ? turned - 360 : turned < -180 ? turned + 360 : turned) * 1e7) / 1e7;
        if (haversine(one.lat, one.lng, y, x) > one.radius) return;
        inside++;
        expect(isInside(boxAround(one), y, x)).toBe(true);
      }),
      { numRuns: 3_000 },
    );
    expect(inside).toBeGreaterThan(500);
  });

  it.each([89.8722174, -89.999, 12.3456789])(
    'has the pole, by whatever longitude, when the circle only just touches it: from %d',
    (from) => {
      const pole = Math.sign(from) * 90;
      const radius = haversine(from, -42.5649881, pole, 0);
      for (const at of [0, 100, 180, -180, -42]) expect(isInside(boxAround({ lat: from, lng: -42.5649881, radius }), pole, at)).toBe(true);
    },
  );

  it('is no wider than it needs to be', () => {
    const { south, north, spans } = boxAround({ lat: 60, lng: 10, radius: 1_000 });
    expect((north - south) / 1e7).toBeCloseTo(2_000 / 111_194.93, 4);
    expect(spans).toHaveLength(1);
    expect(((spans[0]?.[1] ?? 0) - (spans[0]?.[0] ?? 0)) / 1e7).toBeCloseTo(4_000 / 111_194.93, 4);
  });

  it.each([180, -180])('takes both names of the meridian of %d degrees', (at) => {
    const box = boxAround({ lat: 10, lng: at, radius: 100 });
    expect([isInside(box, 10, 180), isInside(box, 10, -180), isInside(box, 10, 179), isInside(box, 10, 0)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

it('millimetres are whole, half of one counting as one', () => {
  expect([0, 0.0004, 0.0005, 1.2344, 50_000].map(millimetres)).toEqual([0, 0, 1, 1_234, 50_000_000]);
});
