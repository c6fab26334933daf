import type { FleetPosition, PositionsMessage, TrackingEvent } from '@waycast/protocol';
import { describe, expect, it } from 'vitest';
import { countLooks, lookOf, NO_FLEET, withDriverEvent, withPositions } from './fleet.ts';

function position(driver: string, more: Partial<FleetPosition> = {}): FleetPosition {
  return {
    driver,
    name: null,
    status: 'ONLINE',
    stale: false,
    lat: 52,
    lng: 13,
    speed: 0,
    bearing: 0,
    timestamp: '2026-01-01T00:00:00.000Z',
    trips: [],
    ...more,
  };
}

function positions(full: boolean, list: FleetPosition[], gone: string[] = []): PositionsMessage {
  return { type: 'positions', feed: 'fleet', full, positions: list, gone };
}

describe('the fleet', () => {
  const two = withPositions(NO_FLEET, positions(true, [position('a'), position('b')]), 1);

  it('is not ready before everybody was told', () => {
    expect(NO_FLEET.ready).toBe(false);
    expect(withPositions(NO_FLEET, positions(false, [position('a')]), 1).ready).toBe(false);
    expect(two.ready).toBe(true);
  });

  it('takes who changed, drops who is gone, keeps the rest as it is', () => {
    const next = withPositions(two, positions(false, [position('a', { lat: 53 })], ['b']), 2);
    expect([...next.vehicles.keys()]).toEqual(['a']);
    expect(next.vehicles.get('a')?.lat).toBe(53);
    expect(next.at).toBe(2);
    expect(two.vehicles.get('a')?.lat).toBe(52);
  });

  it('starts anew with a full message after a reconnect', () => {
    expect([...withPositions(two, positions(true, [position('c')]), 3).vehicles.keys()]).toEqual(['c']);
  });

  it('marks a silent driver at once and clears it again', () => {
    const event = (kind: 'stale' | 'online'): TrackingEvent => ({ id: kind, at: '2026-01-01T00:01:00.000Z', kind, driverId: 'a' });
    const silent = withDriverEvent(two, event('stale'), 2);
    expect(countLooks(silent)).toEqual({ 'on-trip': 0, online: 1, busy: 0, silent: 1 });
    expect(withDriverEvent(silent, event('online'), 3).vehicles.get('a')?.stale).toBe(false);
  });

  it('draws a status it does not know as no signal', () => {
    expect(lookOf({ status: 'ON_TRIP', stale: false })).toBe('on-trip');
    expect(lookOf({ status: 'BUSY', stale: true })).toBe('silent');
    expect(lookOf({ status: 'SOMETHING', stale: false })).toBe('silent');
  });
});
