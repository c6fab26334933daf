import { describe, expect, it } from 'vitest';
import { differenceOf } from './postgis.ts';

function at(...distances: number[]) {
  return distances.map((distance) => ({ id: `d-${distance}`, distance }));
}

describe('an answer held against the one of PostGIS', () => {
  it('is the same when the same drivers are in the same order', () => {
    expect(
      differenceOf(
        at(10, 20, 30),
        at(10.001, 20.002, 30.003).map((one, i) => ({ ...one, id: `d-${(i + 1) * 10}` })),
      ),
    ).toBeNull();
  });

  it('may have ties the other way round, and end with either of them', () => {
    const theirs = [...at(10, 20), { id: 'twin', distance: 20.2 }];
    expect(
      differenceOf(
        [
          { id: 'd-10', distance: 10 },
          { id: 'twin', distance: 20.2 },
          { id: 'd-20', distance: 20 },
        ],
        theirs,
      ),
    ).toBeNull();
    expect(
      differenceOf(
        [
          { id: 'd-10', distance: 10 },
          { id: 'twin', distance: 20.2 },
        ],
        theirs.slice(0, 2).concat(theirs[2] ?? []),
      ),
    ).toBe('2 drivers, PostGIS finds 3');
  });

  it('differs when a driver is missing, is somebody else, or stands in another place', () => {
    expect(differenceOf(at(10), at(10, 20))).toBe('1 drivers, PostGIS finds 2');
    expect(differenceOf(at(10, 25), at(10, 20))).toBe('driver 1 is d-25, whom PostGIS has not among the nearest');
    expect(differenceOf(at(20, 10), at(10, 20))).toBe('driver 0 is d-20, for PostGIS d-10');
  });

  it('leaves open who is in at the very edge of the radius', () => {
    expect(differenceOf(at(10), at(10, 4_999.9))).toBeNull();
    expect(differenceOf(at(10, 4_999.9), at(10, 4_999.9, 5_000.3))).toBeNull();
  });
});
