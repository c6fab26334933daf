import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { haversine } from '../../core/geo.ts';
import { newTrip, type Trip } from '../../core/trip.ts';
import { movedTo, progressOf, publicSessionOf, sessionOf, stateOf } from './session.ts';
import { inverse } from './testing/vincenty.ts';

const T0 = Date.UTC(2026, 0, 5, 8);
const place = (lat: number, lng: number) => ({ lat, lng, at: T0, speed: null, bearing: null, accuracy: null, altitude: null });

function trip(dropoff: { lat: number; lng: number }, more: Partial<Trip> = {}): Trip {
  const input = { kind: 'delivery' as const, driverId: 'r', orderId: 'o', phone: '+1', stops: [{ type: 'dropoff' as const, ...dropoff }] };
  return { ...newTrip('TRK-X', input, '', T0), ...more };
}

const etaFrom = (from: { lat: number; lng: number }, to: { lat: number; lng: number }): number =>
  progressOf(movedTo(stateOf(trip(to)), place(from.lat, from.lng))).eta_seconds as number;

/** Two places anywhere, so many metres apart more or less: over the date line, at the poles. */
const way = fc
  .record({
    lat: fc.double({ min: -90, max: 90, noNaN: true }),
    lng: fc.double({ min: -180, max: 180, noNaN: true }),
    metres: fc.double({ min: 0, max: 9_000, noNaN: true }),
    course: fc.double({ min: 0, max: 2 * Math.PI, noNaN: true }),
    times: fc.constantFrom(1, 1, 10, 100),
  })
  .map(({ lat, lng, metres, course, times }) => {
    const north = (times * metres * Math.cos(course)) / 111_320;
    const east = (times * metres * Math.sin(course)) / (111_320 * Math.max(Math.cos((lat * Math.PI) / 180), 1e-4));
    const wrapped = ((((lng + Math.max(-180, Math.min(180, east)) + 180) % 360) + 360) % 360) - 180;
    return { from: { lat, lng }, to: { lat: Math.max(-90, Math.min(90, lat + north)), lng: wrapped } };
  });

describe('the way to the drop-off', () => {
  it('is right within 50 m anywhere on the earth as it is, up to 8.9 km; beyond, within 0.57 % [Y19]', () => {
    fc.assert(
      fc.property(way, ({ from, to }) => {
        const truth = inverse(from, to);
        fc.pre(truth !== null);
        const metres = truth as number;
        const error = Math.abs(haversine(from.lat, from.lng, to.lat, to.lng) - metres);
        expect(error).toBeLessThanOrEqual(metres <= 8_900 ? 50 : 0.0057 * metres);
      }),
      { numRuns: 3_000 },
    );
  });

  it('is what the ETA counts: at 30 km/h, cut to seconds, a minute at least [Y6]', () => {
    fc.assert(
      fc.property(way, ({ from, to }) => {
        const seconds = Math.max(60, Math.trunc(haversine(from.lat, from.lng, to.lat, to.lng) / (30 / 3.6)));
        expect(Math.abs(etaFrom(from, to) - seconds)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('a session', () => {
  it('shows what its trip is, in snake case and whole seconds [Y4]', () => {
    const state = stateOf(trip({ lat: 1, lng: 2 }, { lastPoint: { ...place(1, 2.01), at: T0 + 999 }, updatedAt: T0 + 1_999 }));
    const shown = {
      tracking_id: 'TRK-X',
      order_id: 'o',
      status: 'ASSIGNED',
      current_location: { lat: 1, lng: 2.01, timestamp: T0 / 1000 },
      dropoff: { lat: 1, lng: 2 },
      eta_seconds: 133,
      updated_at: T0 / 1000 + 1,
    };
    expect(publicSessionOf(state)).toEqual(shown);
    expect(sessionOf(state)).toEqual({ ...shown, rider_id: 'r' });
  });

  it('never shows the phone', () => {
    expect(JSON.stringify(sessionOf(stateOf(trip({ lat: 1, lng: 2 }))))).not.toContain('+1');
  });

  it('goes to the last drop-off [Y1]', () => {
    const more = trip({ lat: 1, lng: 2 });
    const stop = more.stops[0] as (typeof more.stops)[number];
    more.stops = [stop, { ...stop, id: 's2', lat: 5 }, { ...stop, id: 's3', type: 'waypoint', lat: 9 }];
    expect(publicSessionOf(stateOf(more)).dropoff).toEqual({ lat: 5, lng: 2 });
  });

  it.each(['completedAt', 'cancelledAt'] as const)('has no ETA once it has ended: %s [Y6]', (end) => {
    const ended = trip({ lat: 1, lng: 2 }, { lastPoint: place(1, 2), [end]: T0 });
    expect(progressOf(stateOf(ended)).eta_seconds).toBeNull();
  });
});
