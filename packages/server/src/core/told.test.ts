import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TripHappened } from './events.ts';
import { isToldBy } from './told.ts';
import { assign, assignmentEvent, changeStatus, countFix, createdEvent, messageEvent, newTrip, patchTrip, type Trip } from './trip.ts';

const BY = { sub: 'staff', role: 'dispatcher', via: 'rest' };
const T0 = 1_750_000_000_000;
const STOPS = [0, 1, 2].map((n) => ({ id: `s${n}`, type: 'waypoint' as const, lat: 52 + n / 100, lng: 13 }));
const STATUSES = ['EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED', 'PICKED_UP', 'IN_TRANSIT', 'DELIVERED'] as const;

const step = fc.oneof(
  fc.record({ what: fc.constant('status' as const), to: fc.constantFrom(...STATUSES) }),
  fc.record({ what: fc.constant('stops' as const), stay: fc.integer({ min: 0, max: 7 }) }),
  fc.record({ what: fc.constant('driver' as const), id: fc.constantFrom('d', 'e') }),
  fc.record({ what: fc.constant('fix' as const), lat: fc.integer({ min: 0, max: 20 }).map((n) => 52 + n / 1_000) }),
  fc.constant({ what: 'text' as const }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Some of a trip's stops, and one that was never there before. */
function otherStops(trip: Trip, stay: number, at: number) {
  const stops = trip.stops.filter((_, n) => ((stay >> n) & 1) === 1).map(({ id, type, lat, lng }) => ({ id, type, lat, lng }));
  return [...stops, { id: `s${at}`, type: 'waypoint' as const, lat: 52.01, lng: 13 }];
}

/** What one step does to a trip; what is not possible does nothing. */
function take(trip: Trip, one: Step, at: number): TripHappened[] {
  const previous = trip.driverId;
  try {
    switch (one.what) {
      case 'status':
        return changeStatus(trip, one.to, at, BY, true);
      case 'stops':
        return patchTrip(trip, { stops: otherStops(trip, one.stay, at) }, at, BY);
      case 'driver':
        assign(trip, one.id, at);
        return [assignmentEvent(trip, previous, at, BY)];
      case 'fix':
        return countFix(trip, { lat: one.lat, lng: 13, at, speed: null, bearing: null, accuracy: 5, altitude: null });
      case 'text':
        return [messageEvent(trip, { id: `m${at}`, text: 'hello', to: null, at, by: BY })];
    }
  } catch {
    return [];
  }
}

describe('what somebody knows who has seen a trip [P7]', () => {
  it('is every event up to then, and none after it; of texts a trip shows nothing', () => {
    fc.assert(
      fc.property(fc.constantFrom('ride' as const, 'delivery' as const), fc.array(step, { maxLength: 25 }), (kind, steps) => {
        const trip = newTrip('t', { kind, driverId: 'd', stops: STOPS }, 'digest', T0);
        const told: TripHappened[] = [createdEvent(trip, BY)];
        const seen = [{ trip: structuredClone(trip), known: told.length }];
        for (const [n, one] of steps.entries()) {
          told.push(...take(trip, one, T0 + (n + 1) * 10_000));
          seen.push({ trip: structuredClone(trip), known: told.length });
        }
        for (const { trip: as, known } of seen) {
          for (const [n, event] of told.entries()) expect(isToldBy(as, event)).toBe(event.kind === 'message' ? null : n < known);
        }
      }),
    );
  });
});
