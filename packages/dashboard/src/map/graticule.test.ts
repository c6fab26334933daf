import { describe, expect, it } from 'vitest';
import { graticule, stillServes } from './graticule.ts';

function labels(west: number, south: number, east: number, north: number): string[] {
  return graticule({ west, south, east, north }).features.map((feature) => String(feature.properties?.label));
}

describe('the grid of the plain map', () => {
  it('gives a handful of named lines at every zoom', () => {
    for (const width of [360, 90, 10, 1, 0.1, 0.01, 0.004]) {
      const found = graticule({ west: 13, south: 50, east: 13 + width, north: 50 + width / 2 }).features.length;
      expect(found).toBeGreaterThan(6);
      expect(found).toBeLessThan(100);
    }
  });

  it('names what lies east, west, north and south', () => {
    expect(labels(-0.2, -0.1, 0.2, 0.1)).toEqual(expect.arrayContaining(['0.05° W', '0.10° E', '0.05° N', '0.05° S']));
  });

  it('serves while the view moves within it, and not when it leaves or grows', () => {
    const drawn = { west: 0, south: 0, east: 10, north: 10 };
    expect(stillServes(drawn, { west: 4, south: -4, east: 14, north: 6 })).toBe(true);
    expect(stillServes(drawn, { west: 6, south: 0, east: 16, north: 10 })).toBe(false);
    expect(stillServes(drawn, { west: -4, south: -4, east: 14, north: 14 })).toBe(false);
    expect(stillServes(drawn, { west: 3, south: 3, east: 7, north: 7 })).toBe(false);
  });

  it('goes on past the antimeridian with the names of the other side', () => {
    expect(labels(179, -1, 181, 1)).toContain('179.5° W'.replace('179.5', '179.6'));
  });
});
