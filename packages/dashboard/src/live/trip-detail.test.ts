import type { Location, LocationMessage, SnapshotMessage, TrackingEvent } from '@waycast/protocol';
import { describe, expect, it } from 'vitest';
import { openDetail, withEvent, withHistory, withLocation, withSnapshot, withTrack } from './trip-detail.ts';
import { makeTrip } from './trip-fixture.ts';

function at(second: number): string {
  return new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();
}

function point(lat: number, second: number): Location {
  return { lat, lng: 13, speed: 30, bearing: 0, accuracy: 5, altitude: null, timestamp: at(second) };
}

function moved(lat: number, second: number, etas?: LocationMessage['etas']): LocationMessage {
  return { type: 'location', feed: 'trip:a', epoch: 'e', seq: 1, driver: 'd1', ...point(lat, second), ...(etas ? { etas } : {}) };
}

function event(id: string, second: number, kind: 'approaching' | 'arrived' = 'arrived'): TrackingEvent {
  const more = { stopId: 's1', stopType: 'pickup', partyId: null, bookingId: null, distance: 10 } as const;
  return { id, kind, at: at(second), tripId: 'a', driverId: 'd1', ...more };
}

const snapshot: SnapshotMessage = {
  type: 'snapshot',
  feed: 'trip:a',
  epoch: 'e',
  seq: 0,
  trip: makeTrip('a', 'EN_ROUTE', { distance: 1000 }),
  location: point(52, 10),
  etas: [{ stopId: 's1', seconds: 60, distance: 500, at: at(70) }],
};
const opened = withSnapshot(openDetail('a', null), snapshot, 0);

describe('an opened trip', () => {
  it('shows what the list knows until its feed answers', () => {
    expect(openDetail('a', makeTrip('a')).phase).toBe('ready');
    expect(openDetail('a', null).phase).toBe('loading');
    expect(opened.phase).toBe('ready');
  });

  it('adds every leg to the distance and to the track', () => {
    const next = withLocation(withLocation(opened, moved(52.001, 11), 1), moved(52.002, 12), 2);
    expect(next.distance).toBeCloseTo(1000 + 222.4, 0);
    expect(next.track.map(({ lat }) => lat)).toEqual([52.001, 52.002]);
  });

  it('takes ETAs when they come and keeps them when they do not', () => {
    const same = withLocation(opened, moved(52.001, 11), 1);
    expect(same.etas).toBe(opened.etas);
    expect(same.etasAt).toBe(0);
    expect(withLocation(opened, moved(52.001, 11, []), 5)).toMatchObject({ etas: [], etasAt: 5 });
  });

  it('never moves back to an older position', () => {
    expect(withLocation(opened, moved(51, 9), 1)).toBe(opened);
  });

  it('joins the stored track with what came live after its end, once', () => {
    const live = withLocation(withLocation(opened, moved(52.001, 11), 1), moved(52.002, 12), 2);
    const joined = withTrack(live, { tripId: 'a', points: [point(51.9, 5), point(52, 10), point(52.001, 11)], distance: 1111 });
    expect(joined.track.map(({ lat }) => lat)).toEqual([51.9, 52, 52.001, 52.002]);
  });

  it('merges the history with live events by id, in the order of time', () => {
    const live = withEvent(withEvent(opened, event('a/s1/arrived', 20), undefined), event('a/s1/arrived', 20), undefined);
    const history = {
      trip: makeTrip('a'),
      events: [event('a/s1/approaching', 15, 'approaching'), event('a/s1/arrived', 20)],
      distance: 0,
      duration: null,
    };
    expect(withHistory(live, history).events.map(({ id }) => id)).toEqual(['a/s1/approaching', 'a/s1/arrived']);
  });

  it('lets the server set the distance right', () => {
    const told = makeTrip('a', 'EN_ROUTE', { revision: 2, distance: 1500 });
    expect(withEvent(opened, event('a/s1/arrived', 20), told).distance).toBe(1500);
  });

  it('forgets the driver when the trip is given to another', () => {
    const by = { sub: 'ops', role: 'admin', via: 'rest' };
    const given: TrackingEvent = { id: 'x', kind: 'assignment', at: at(30), tripId: 'a', driverId: 'd2', previous: 'd1', by };
    const next = withEvent(opened, given, undefined);
    expect(next.trip?.driverId).toBe('d2');
    expect(next.driver).toBeNull();
  });
});
