import { describe, expect, it } from 'vitest';
import { trackIntervals } from './track-intervals.ts';
import { newTrip, type Trip } from './trip.ts';

const CREATED = 1_000_000;

function trip(more: Partial<Trip>): Trip {
  const made = newTrip('r', { kind: 'ride', driverId: 'a', stops: [] }, '', CREATED);
  return { ...made, ...more };
}

describe('the stretches of a track', () => {
  it('go from the creation on while the trip is open [T7 T8]', () => {
    expect(trackIntervals(trip({}))).toEqual([{ driverId: 'a', from: CREATED, to: Number.MAX_SAFE_INTEGER }]);
    expect(trackIntervals(trip({ assignments: [] }))).toEqual([]);
  });

  it('begin with the first fix that counted, of a trip that was replayed', () => {
    expect(trackIntervals(trip({ firstFixAt: 5_000, lastFixAt: 9_000 }))[0]?.from).toBe(5_000);
    expect(trackIntervals(trip({ firstFixAt: CREATED + 5_000 }))[0]?.from).toBe(CREATED);
  });

  it('end with the trip, or with the last fix that counted', () => {
    expect(trackIntervals(trip({ completedAt: CREATED + 100 }))[0]?.to).toBe(CREATED + 100);
    expect(trackIntervals(trip({ cancelledAt: CREATED + 100, lastFixAt: CREATED + 150 }))[0]?.to).toBe(CREATED + 150);
  });

  it('are one per driver, oldest first, each for its time only', () => {
    const assignments = [
      { driverId: 'a', from: CREATED, to: CREATED + 10 },
      { driverId: 'b', from: CREATED + 20, to: CREATED + 30 },
      { driverId: 'a', from: CREATED + 30, to: null },
    ];
    expect(trackIntervals(trip({ assignments }))).toEqual([
      { driverId: 'a', from: CREATED, to: CREATED + 10 },
      { driverId: 'b', from: CREATED + 20, to: CREATED + 30 },
      { driverId: 'a', from: CREATED + 30, to: Number.MAX_SAFE_INTEGER },
    ]);
  });
});
