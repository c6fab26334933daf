import type { FleetPosition, Location } from '@waycast/protocol';
import { describe, expect, it } from 'vitest';
import { FleetMotion } from './fleet-motion.ts';

function position(driver: string, lat: number, timestamp: string, more: Partial<FleetPosition> = {}): FleetPosition {
  return { driver, name: null, status: 'ONLINE', stale: false, lat, lng: 13, speed: 30, bearing: 0, timestamp, trips: [], ...more };
}

function location(lat: number, timestamp: string): Location {
  return { lat, lng: 13, speed: 30, bearing: 0, accuracy: 5, altitude: null, timestamp };
}

describe('the fleet in motion', () => {
  it('glides who moved and leaves the others in peace', () => {
    const motion = new FleetMotion();
    const b = position('b', 51, '2026-01-01T00:00:00.000Z');
    motion.sync(
      new Map([
        ['a', position('a', 52, '2026-01-01T00:00:00.000Z')],
        ['b', b],
      ]),
      0,
    );
    motion.sync(
      new Map([
        ['a', position('a', 52.0001, '2026-01-01T00:00:01.000Z')],
        ['b', b],
      ]),
      1000,
    );
    expect(motion.poseOf('a', 1550)?.lat).toBeCloseTo(52.00005, 7);
    expect(motion.poseOf('b', 1550)?.lat).toBe(51);
    expect(motion.isMoving(1550)).toBe(true);
    expect(motion.isMoving(2200)).toBe(false);
  });

  it('lets who is gone disappear', () => {
    const motion = new FleetMotion();
    motion.sync(new Map([['a', position('a', 52, '2026-01-01T00:00:00.000Z')]]), 0);
    motion.sync(new Map(), 1000);
    expect(motion.size).toBe(0);
  });

  it('takes the faster feed of an opened trip and is not thrown back by the slower one', () => {
    const motion = new FleetMotion();
    motion.sync(new Map([['a', position('a', 52, '2026-01-01T00:00:00.000Z')]]), 0);
    motion.observe('a', location(52.0002, '2026-01-01T00:00:02.000Z'), 2000);
    motion.sync(new Map([['a', position('a', 52.0001, '2026-01-01T00:00:01.000Z')]]), 2100);
    expect(motion.poseOf('a', 9000)?.lat).toBe(52.0002);
  });

  it('shows a vehicle that only its trip knows until the trip is left', () => {
    const motion = new FleetMotion();
    motion.observe('a', location(52, '2026-01-01T00:00:00.000Z'), 0);
    motion.sync(new Map(), 10);
    expect(motion.size).toBe(1);
    motion.release('a');
    expect(motion.size).toBe(0);
  });

  it('draws who is silent as silent', () => {
    const motion = new FleetMotion();
    motion.sync(new Map([['a', position('a', 52, '2026-01-01T00:00:00.000Z', { status: 'ON_TRIP', stale: true })]]), 0);
    expect([...motion.vehicles()].map((vehicle) => vehicle.look)).toEqual(['silent']);
  });
});
