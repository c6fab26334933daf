import { describe, expect, it } from 'vitest';
import { makeStop, makeTrip } from '../live/trip-fixture.ts';
import { filterTrips, NO_FILTER } from './filter.ts';

const trips = [
  makeTrip('ride-1', 'PENDING', { createdAt: '2026-01-01T00:00:00.000Z', labels: ['north'] }),
  makeTrip('parcel-2', 'IN_TRANSIT', { kind: 'delivery', createdAt: '2026-01-02T00:00:00.000Z', driverName: 'Second Courier' }),
  makeTrip('ride-3', 'EN_ROUTE', { createdAt: '2026-01-03T00:00:00.000Z', stops: [makeStop('s1', { name: 'Mill Bridge' })] }),
];

function found(filter: Partial<typeof NO_FILTER>): string[] {
  return filterTrips(trips, { ...NO_FILTER, ...filter }).map(({ id }) => id);
}

describe('finding trips', () => {
  it('shows the newest first', () => {
    expect(found({})).toEqual(['ride-3', 'parcel-2', 'ride-1']);
  });

  it('narrows by kind and by status', () => {
    expect(found({ kind: 'delivery' })).toEqual(['parcel-2']);
    expect(found({ status: 'PENDING' })).toEqual(['ride-1']);
    expect(found({ kind: 'delivery', status: 'PENDING' })).toEqual([]);
  });

  it('looks for every word in ids, drivers, labels and stops, whatever the case', () => {
    expect(found({ text: 'COURIER second' })).toEqual(['parcel-2']);
    expect(found({ text: 'mill' })).toEqual(['ride-3']);
    expect(found({ text: 'north' })).toEqual(['ride-1']);
    expect(found({ text: 'ride mill' })).toEqual(['ride-3']);
    expect(found({ text: '  ' })).toHaveLength(3);
  });
});
