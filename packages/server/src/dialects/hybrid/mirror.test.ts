import { expect, it } from 'vitest';
import type { LocationPublished } from '../../core/effects.ts';
import { driverMirror } from './mirror.ts';

const AT = Date.UTC(2026, 0, 5, 10);
const published: LocationPublished = {
  type: 'location',
  feed: 'driver:ada',
  epoch: 'e',
  seq: 1,
  driverId: 'ada',
  fix: { lat: 37.3352, lng: -121.8811, at: AT, speed: 60, bearing: 90, accuracy: null, altitude: 3 },
  plan: null,
  now: AT + 5,
};

it('other services find the last place of a driver, in the words of the flat form [P11]', () => {
  const [write, ...others] = driverMirror(published);
  expect(others).toEqual([]);
  expect(write).toMatchObject({ kind: 'set', key: 'driver_location_ada', ttl: 300 });
  expect(JSON.parse(write?.value ?? '')).toEqual({
    driverId: 'ada',
    lat: 37.3352,
    lng: -121.8811,
    heading: 90,
    speed: 60,
    accuracy: null,
    timestamp: '2026-01-05T10:00:00.000Z',
  });
});

it('once for each fix, however many trips it counts for, and not for events', () => {
  expect(driverMirror({ ...published, feed: 'trip:t' })).toEqual([]);
  const event = { id: 'ada/online/1', kind: 'online', driverId: 'ada', at: AT } as const;
  expect(driverMirror({ type: 'event', feed: 'driver:ada', epoch: 'e', seq: 2, event, trip: null })).toEqual([]);
});
