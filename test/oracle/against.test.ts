import { describe, expect, it } from 'vitest';
import { compareEvents, compareTrack } from './against.ts';
import { bundledTrack, stopsOnTrack, withTrouble } from './tracks.ts';
import { truth } from './truth.ts';

const track = bundledTrack(2);
const stops = stopsOnTrack(track, 5);
const expected = truth({ fixes: withTrouble(track, 1).fixes, stops, kind: 'ride', maxPlausibleSpeedKmh: 300 });
const events = expected.events.map((event) => ({ ...event, id: 'x', at: new Date(event.at).toISOString() }));
const point = ({ lat, lng, at }: { lat: number; lng: number; at: number }) => ({ lat, lng, timestamp: new Date(at).toISOString() });
const history = expected.fixes.map((fix, i) => ({ ...point(fix), suspect: expected.plausible[i] === false }));
const points = expected.counted.map(point);

describe('compareEvents', () => {
  it('finds nothing where there is nothing, whatever the order and whatever else happened', () => {
    expect(compareEvents(expected.events, events, { inOrder: true })).toEqual([]);
    expect(compareEvents(expected.events, [{ kind: 'status', at: 0 }, ...events.toReversed()])).toEqual([]);
  });

  it('names what is missing, extra, twice, or different', () => {
    const [first, ...rest] = events;
    if (first === undefined) throw new Error('no events');
    expect(compareEvents(expected.events, rest)).toEqual([expect.stringMatching(/^missing: \w+ \S+ at \d{4}-.* m$/)]);
    expect(compareEvents(expected.events, [...events, { ...first, stopId: 'elsewhere' }])).toEqual([
      expect.stringMatching(/^not expected: \w+ elsewhere/),
    ]);
    expect(compareEvents(expected.events, [...events, first])).toEqual([expect.stringMatching(/^twice/)]);
    expect(compareEvents(expected.events, [{ ...first, at: 5 }, ...rest])).toEqual([expect.stringContaining('1970-01-01T00:00:00.005Z')]);
    expect(compareEvents(expected.events, [{ ...first, distance: 1e4 }, ...rest])).toEqual([expect.stringContaining('10000.00 m')]);
    expect(compareEvents(expected.events, [{ ...first, distance: null }, ...rest])).toEqual([expect.stringContaining('no distance')]);
    expect(compareEvents(expected.events, [...rest, first], { inOrder: true })).toEqual([expect.stringMatching(/^order, place 0/)]);
  });

  it('stops after five', () => {
    const all = compareEvents(expected.events, []);
    expect(all).toHaveLength(6);
    expect(all[5]).toBe(`... and ${expected.events.length - 5} more`);
  });
});

describe('compareTrack', () => {
  it('finds nothing where there is nothing', () => {
    expect(compareTrack(expected, { points, history, distance: expected.distance + 0.01 })).toEqual([]);
    expect(compareTrack(expected, {})).toEqual([]);
  });

  it('names the first points and verdicts that differ, and the distance', () => {
    expect(compareTrack(expected, { distance: expected.distance + 100 })).toEqual([expect.stringMatching(/^distance: expected/)]);
    expect(compareTrack(expected, { distance: Number.NaN })).toHaveLength(1);
    const moved = points.with(3, { ...(points[3] ?? point({ lat: 0, lng: 0, at: 0 })), lat: 1 });
    expect(compareTrack(expected, { points: moved })).toEqual([expect.stringMatching(/^track\[3\]: expected .* m and 0 ms off$/)]);
    expect(compareTrack(expected, { points: points.slice(0, -1) })).toEqual([
      `track: expected ${points.length} points, got ${points.length - 1}`,
      expect.stringMatching(/missing/),
    ]);
    const misjudged = history.map((row, i) => (i === 7 ? { ...row, suspect: !row.suspect } : row));
    expect(compareTrack(expected, { history: misjudged })).toEqual([expect.stringMatching(/^history\[7\]: expected (plausible|suspect)/)]);
    expect(compareTrack(expected, { history: [] })).toHaveLength(6);
  });
});
