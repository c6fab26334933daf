import { describe, expect, it } from 'vitest';
import { formatRoute, parseRoute } from './route.ts';

describe('the address bar', () => {
  it('names nothing, a trip, a driver, or both', () => {
    for (const route of [
      { trip: null, driver: null },
      { trip: 'ride-1', driver: null },
      { trip: null, driver: 'a:b.c_d-e' },
      { trip: 'ride-1', driver: 'd1' },
    ]) {
      expect(parseRoute(formatRoute(route))).toEqual(route);
    }
  });

  it('overlooks what it does not know', () => {
    expect(parseRoute('#signin=abc')).toEqual({ trip: null, driver: null });
    expect(parseRoute('#trip=')).toEqual({ trip: null, driver: null });
  });
});
