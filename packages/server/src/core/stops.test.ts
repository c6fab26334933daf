import type { StopInput } from '@waycast/protocol';
import { describe, expect, it } from 'vitest';
import type { Fix } from './fix.ts';
import { haversine } from './geo.ts';
import { judgeStops, leaveStops, type Stop, stopsFrom } from './stops.ts';
import { at, DEGREE, stop } from './testing/samples.ts';

/** What fixes decide one after the other, as `stop kind @second`. */
function decide(stops: Stop[], ...fixes: Fix[]): string[] {
  return fixes.flatMap((fix) => judgeStops(stops, fix).map((hit) => `${hit.stop.id} ${hit.kind} @${(fix.at - at(0).at) / 1000}`));
}
/** Positions east of the meridian, one a second. */
const along = (...metres: number[]): Fix[] => metres.map((m, second) => at(second, m));
const coarse = { accuracy: 50.01 };
const one = (more: Partial<StopInput> = {}, metres = 0) => stopsFrom([stop('S', 'waypoint', metres, more)]);

describe('radii [G1]', () => {
  it('are 500 m and 100 m unless the stop says otherwise', () => {
    expect(decide(one(), ...along(501, 499, 101, 99))).toEqual(['S approaching @1', 'S arrived @3']);
    expect(decide(one({ approachRadius: 50, arriveRadius: 20 }), ...along(51, 49, 21, 19))).toEqual(['S approaching @1', 'S arrived @3']);
  });

  it('are inclusive: exactly on the line is inside, a hair beyond is not', () => {
    const far = at(0, 300);
    const exact = haversine(far.lat, far.lng, 0, 0);
    expect(decide(one({ approachRadius: 1000, arriveRadius: exact }), far)).toEqual(['S arrived @0']);
    expect(decide(one({ approachRadius: exact, arriveRadius: 1 }), far)).toEqual(['S approaching @0']);
    expect(decide(one({ approachRadius: 1000, arriveRadius: exact - 1e-6 }), far)).toEqual(['S approaching @0']);
    expect(decide(one({ approachRadius: exact - 1e-6, arriveRadius: 1 }), far)).toEqual([]);
  });
});

describe('accuracy [G2]', () => {
  it('unknown or up to 50 m decides at once', () => {
    expect(decide(one(), at(0, 10))).toEqual(['S arrived @0']);
    expect(decide(one(), at(0, 10, { accuracy: 50 }))).toEqual(['S arrived @0']);
    expect(decide(one(), at(0, 10, coarse))).toEqual([]);
  });

  it('a coarse one decides when the one before was inside the same radius too', () => {
    expect(decide(one(), at(0, 400, coarse), at(1, 300, coarse), at(2, 50, coarse), at(3, 40, coarse))).toEqual([
      'S approaching @1',
      'S arrived @3',
    ]);
    expect(decide(one(), at(0, 50, coarse), at(1, 600), at(2, 50, coarse))).toEqual([]);
    expect(decide(one(), at(0, 50, coarse), at(1, 40))).toEqual(['S arrived @1']);
  });

  it('the one before may be as exact as it likes', () => {
    expect(decide(one(), at(0, 300), at(1, 99, coarse), at(2, 98, coarse))).toEqual(['S approaching @0', 'S arrived @2']);
  });
});

describe('each at most once [G3]', () => {
  it('to and fro', () => {
    expect(decide(one(), ...along(400, 600, 400, 50, 400, 600, 400, 50))).toEqual(['S approaching @0', 'S arrived @3', 'S departed @5']);
  });

  it('arrived without approaching before gives arrived alone, and none after', () => {
    const stops = one();
    expect(decide(stops, ...along(50, 300, 300, 300, 600, 300))).toEqual(['S arrived @0', 'S departed @2']);
    expect(stops[0]).toMatchObject({ approachingAt: null });
  });

  it('an arrive radius beyond the approach radius arrives alone', () => {
    expect(decide(one({ approachRadius: 50, arriveRadius: 200 }), ...along(150, 40))).toEqual(['S arrived @0']);
  });
});

describe('departed [G4]', () => {
  it('at the second fix in a row beyond 1.5 x the arrive radius', () => {
    expect(decide(one(), ...along(0, 149, 151, 149, 151, 151))).toEqual(['S arrived @0', 'S departed @5']);
  });

  it('where exactly 1.5 x is not beyond', () => {
    const edge = at(0, 150);
    const radius = haversine(edge.lat, edge.lng, 0, 0) / 1.5;
    expect(decide(one({ arriveRadius: radius }), at(0, 0), at(1, 150), at(2, 150))).toEqual(['S arrived @0']);
  });

  it('by coarse fixes as well as by others', () => {
    expect(decide(one(), at(0, 0), at(1, 300, coarse), at(2, 300, coarse))).toEqual(['S arrived @0', 'S departed @2']);
  });

  it('at the end of the trip, in list order, only where it had arrived and not departed', () => {
    const stops = stopsFrom([
      stop('B', 'waypoint', 5000),
      stop('A', 'waypoint', 0),
      stop('C', 'waypoint', 30),
      stop('D', 'waypoint', 90_000),
    ]);
    decide(stops, at(0, 0), at(1, 5000), at(2, 5000), at(3, 5000));
    expect(leaveStops(stops, at(9).at).map(({ stop: left, kind, distance }) => [left.id, kind, distance])).toEqual([
      ['B', 'departed', null],
    ]);
    expect(leaveStops(stops, at(10).at)).toEqual([]);
    expect(stops[0]).toMatchObject({ departedAt: at(9).at });
  });
});

describe('the pickup of a drop-off [G5]', () => {
  const p = (id: string, more: Partial<StopInput> = {}) => stop(id, 'pickup', 0, more);
  const d = (more: Partial<StopInput> = {}) => stop('D', 'dropoff', 0, more);
  it.each([
    ['of the same booking, wherever it stands', [p('A'), d({ bookingId: 'b' }), p('B', { bookingId: 'b' })], 'B'],
    [
      'of the same booking rather than of the same party',
      [p('A', { partyId: 'x' }), p('B', { bookingId: 'b' }), d({ bookingId: 'b', partyId: 'x' })],
      'B',
    ],
    ['else of the same party', [p('A', { partyId: 'x' }), p('B'), d({ bookingId: 'none', partyId: 'x' })], 'A'],
    ['else the nearest before it', [p('A'), p('B'), d(), p('C')], 'B'],
    [
      'a pickup that does not count is as if absent [G7]',
      [p('A'), p('B', { bookingId: 'b', bookingStatus: 'cancelled' }), d({ bookingId: 'b' })],
      'A',
    ],
    ['none', [d(), p('A')], undefined],
    ['a waypoint is no pickup', [stop('W', 'waypoint', 0), d()], undefined],
  ])('is %s', (_, inputs, id) => {
    const stops = stopsFrom(inputs);
    const dropoff = stops.find(({ type }) => type === 'dropoff');
    expect(stops[dropoff?.pickup ?? -1]?.id).toBe(id);
  });

  it('makes it count from the fix on that arrived there, that fix included', () => {
    const near = stopsFrom([stop('P', 'pickup', 0), stop('D', 'dropoff', 50)]);
    expect(decide(near, ...along(550, 50))).toEqual(['P arrived @1', 'D arrived @1']);
    const far = stopsFrom([stop('P', 'pickup', 0), stop('D', 'dropoff', 5000)]);
    expect(decide(far, ...along(5000, 5000, 0, 5000))).toEqual(['P arrived @2', 'D arrived @3']);
  });

  it('fixes before it counts do not serve as the one before [G2]', () => {
    const stops = stopsFrom([stop('P', 'pickup', 180), stop('D', 'dropoff', 0)]);
    expect(decide(stops, at(0, 90, coarse), at(1, 90, coarse), at(2, 90, coarse))).toEqual(['P arrived @1', 'D arrived @2']);
  });

  it('without any it counts at once', () => {
    expect(decide(stopsFrom([stop('D', 'dropoff', 0)]), at(0, 0))).toEqual(['D arrived @0']);
  });
});

it('pickups and waypoints are judged first, in list order, then drop-offs, in list order [G6]', () => {
  const stops = stopsFrom([
    stop('D1', 'dropoff', 0),
    stop('W', 'waypoint', 0),
    stop('D2', 'dropoff', 0, { partyId: 'x' }),
    stop('P', 'pickup', 0, { partyId: 'x' }),
  ]);
  expect(judgeStops(stops, at(0, 0)).map((hit) => hit.stop.id)).toEqual(['W', 'P', 'D1', 'D2']);
});

it.each([
  ['pending', false],
  ['rejected', false],
  ['cancelled', false],
  ['approved', true],
  ['completed', true],
] as const)('a booking that is %s counts: %s [G7]', (bookingStatus, counts) => {
  expect(decide(one({ bookingStatus }), at(0, 0))).toEqual(counts ? ['S arrived @0'] : []);
});

describe('stopsFrom', () => {
  it('gives ids by place where none are given', () => {
    const { id: _, ...bare } = stop('', 'waypoint', 0);
    expect(stopsFrom([bare, stop('x', 'waypoint', 0), bare]).map(({ id }) => id)).toEqual(['s1', 'x', 's3']);
  });

  it('keeps the progress of a stop by its id, wherever it moves', () => {
    const stops = stopsFrom([stop('A', 'waypoint', 0), stop('B', 'waypoint', 9000)]);
    decide(stops, at(0, 300), at(1, 0));
    const changed = stopsFrom([stop('B', 'waypoint', 8000), stop('A', 'waypoint', 10)], stops);
    expect(changed.map(({ id, approachingAt, arrivedAt }) => [id, approachingAt, arrivedAt])).toEqual([
      ['B', null, null],
      ['A', at(0).at, at(1).at],
    ]);
    expect(decide(changed, at(2, 0), at(3, 300), at(4, 300))).toEqual(['A departed @4']);
  });

  it('tells the distance that decided', () => {
    const [hit] = judgeStops(one(), at(0, 77));
    expect(hit?.distance).toBeCloseTo(77, 6);
    expect(DEGREE).toBeCloseTo(111_194.927, 3);
  });
});
