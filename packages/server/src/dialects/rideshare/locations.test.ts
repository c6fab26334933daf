import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fix } from '../../core/fix.ts';
import { currentLocation, historyLocation, locationUpdate } from './locations.ts';

const NOW = Date.UTC(2026, 0, 5, 10);
const SAN_JOSE_STATE = { lat: 37.3352, lng: -121.8811 };
const SFO = { lat: 37.6213, lng: -122.379 };

function fix(more: Partial<Fix> = {}): Fix {
  return { ...SAN_JOSE_STATE, at: NOW - 1_000, speed: 60, bearing: 90, accuracy: 10, altitude: null, ...more };
}

/** The contract's words, by another formula for the distance: the spherical law of cosines. */
function byTheBook(from: { lat: number; lng: number; speed: number | null }, to: { lat: number; lng: number }) {
  const rad = (degrees: number) => (degrees * Math.PI) / 180;
  const cosine =
    Math.sin(rad(from.lat)) * Math.sin(rad(to.lat)) + Math.cos(rad(from.lat)) * Math.cos(rad(to.lat)) * Math.cos(rad(to.lng - from.lng));
  const km = 6_371 * Math.acos(Math.min(1, Math.max(-1, cosine)));
  const bare = Math.trunc((km / (from.speed !== null && from.speed > 0 ? from.speed : 40)) * 3_600);
  return { km, seconds: bare + Math.trunc(bare * 0.2) };
}

describe('the way that is left', () => {
  it('from San José State to SFO at 60 km/h is 54 to 55 km and about 65 min [R9 E1]', () => {
    const update = locationUpdate('d', fix(), SFO, NOW);
    expect(update.distance_remaining_km).toBeGreaterThan(54);
    expect(update.distance_remaining_km).toBeLessThan(55);
    expect((update.eta_seconds as number) / 60).toBeCloseTo(65, 0);
    expect(Date.parse(update.estimated_arrival_time as string)).toBe(NOW + (update.eta_seconds as number) * 1_000);
    expect(update.estimated_arrival_time).toMatch(/Z$/);
  });

  it.each([null, 0])('is driven at 40 km/h when the speed is %s [R9 E1]', (speed) => {
    const { eta_seconds } = locationUpdate('d', fix({ speed }), SFO, NOW);
    expect(eta_seconds).toBe(locationUpdate('d', fix({ speed: 40 }), SFO, NOW).eta_seconds);
  });

  it('is nothing at the destination, and unknown without one [R9]', () => {
    expect(locationUpdate('d', fix(), SAN_JOSE_STATE, NOW)).toMatchObject({ eta_seconds: 0, distance_remaining_km: 0 });
    expect(locationUpdate('d', fix(), null, NOW)).toMatchObject({
      eta_seconds: null,
      distance_remaining_km: null,
      estimated_arrival_time: null,
    });
  });

  it('is what the contract says, wherever one is [R9]', () => {
    const place = { lat: fc.double({ min: -80, max: 80, noNaN: true }), lng: fc.double({ min: -179, max: 179, noNaN: true }) };
    const speed = fc.option(fc.double({ min: 0, max: 200, noNaN: true }));
    fc.assert(
      fc.property(fc.record({ ...place, speed }), fc.record(place), (from, to) => {
        const expected = byTheBook(from, to);
        // The law of cosines is no good for what is near.
        fc.pre(expected.km > 1 && expected.km < 19_000 && (from.speed === null || from.speed === 0 || from.speed > 0.01));
        const { eta_seconds, distance_remaining_km } = locationUpdate('d', fix(from), to, NOW);
        expect(distance_remaining_km).toBe(Math.round((distance_remaining_km as number) * 100) / 100);
        expect(Math.abs((distance_remaining_km as number) - expected.km)).toBeLessThan(0.0051);
        expect(Number.isInteger(eta_seconds)).toBe(true);
        expect(Math.abs((eta_seconds as number) - expected.seconds)).toBeLessThanOrEqual(2 + expected.seconds * 1e-6);
      }),
    );
  });
});

it('a location that is told later brings the accuracy, and no type [R4]', () => {
  const { type, ...update } = locationUpdate('d', fix(), SFO, NOW);
  expect(type).toBe('location_update');
  expect(currentLocation('d', fix(), SFO, NOW)).toEqual({ ...update, accuracy: 10 });
});

it('a location of history has no way left to tell of [R14]', () => {
  expect(historyLocation('d', fix({ speed: null }))).toEqual({
    driver_id: 'd',
    ...SAN_JOSE_STATE,
    speed: null,
    bearing: 90,
    accuracy: 10,
    timestamp: '2026-01-05T09:59:59.000Z',
  });
});
