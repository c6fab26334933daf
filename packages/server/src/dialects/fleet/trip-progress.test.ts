import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { etasOf, planOf } from '../../core/eta.ts';
import { at, stop, T0, trip } from '../../core/testing/samples.ts';
import { liveLocation, TripProgress } from './trip-progress.ts';

const seconds = (iso: string | null) => (iso === null ? null : (Date.parse(iso) - T0) / 1000);
const ride = (more: object = {}) =>
  trip(
    't',
    [
      stop('p', 'pickup', 1_000, { partyId: 'p' }),
      stop('q', 'pickup', 3_000, { partyId: 'q' }),
      stop('q2', 'dropoff', 5_000, { partyId: 'q' }),
    ],
    more,
  );
/** At 36 km/h a metre takes a tenth of a second, and a fifth more [E1]. */
const moving = { speed: 36 };

describe('the ETA a rider is told [K9]', () => {
  it('is that of its own next stop, of any next stop when it has none', () => {
    for (const [party, expected] of [
      ['p', 120],
      ['q', 360],
      ['nobody', 120],
    ] as const) {
      expect(seconds(new TripProgress(party, () => true, ride(), at(0, 0, moving)).update(T0).eta)).toBe(expected);
    }
  });

  it('is nobody else’s for a rider who is told of its own stops alone [S3]', () => {
    const etaFor = (party: string) => {
      const sees = ({ partyId }: { partyId: string | null }) => partyId === null || partyId === party;
      return seconds(new TripProgress(party, sees, ride(), at(0, 0, moving)).update(T0).eta);
    };
    expect(['p', 'q', 'nobody'].map(etaFor)).toEqual([120, 360, null]);
  });

  it('moves on as stops are reached', () => {
    const progress = new TripProgress('q', () => true, ride(), at(0, 0, moving));
    const later = ride();
    later.stops = later.stops.map((one) => (one.id === 'q' ? { ...one, arrivedAt: T0 } : one));
    progress.changed(later);
    expect(seconds(progress.update(T0).eta)).toBe(600);
  });

  it('is null without a position, when the trip has ended, and after a change of driver until the new one is heard of', () => {
    const progress = new TripProgress('p', () => true, ride(), null);
    expect(progress.update(T0)).toEqual({ tripId: 't', status: 'PENDING', eta: null });
    progress.moved(at(0, 0, moving), null);
    expect(progress.update(T0).eta).not.toBeNull();
    progress.changed(ride({ driverId: 'e' }));
    expect(progress.update(T0).eta).toBeNull();
    progress.moved(at(1, 0, moving), null);
    const ended = ride({ driverId: 'e' });
    ended.status = 'COMPLETED';
    progress.changed(ended);
    expect([progress.isOpen, progress.update(T0)]).toEqual([false, { tripId: 't', status: 'COMPLETED', eta: null }]);
  });
});

describe('an ETA that is worth telling [K9]', () => {
  it('has become known', () => {
    const progress = new TripProgress('p', () => true, ride(), null);
    progress.update(T0);
    expect(progress.isDue(T0)).toBe(false);
    progress.moved(at(0, 0, moving), null);
    expect(progress.isDue(T0)).toBe(true);
  });

  it('has moved by 30 s or more, and the last was told 5 s ago or more', () => {
    const moves = fc.array(fc.record({ wait: fc.integer({ min: 0, max: 9_000 }), metres: fc.integer({ min: 0, max: 900 }) }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(moves, (steps) => {
        const one = ride();
        const plan = planOf(one.kind, one.stops);
        const progress = new TripProgress('p', () => true, one, at(0, 0, moving));
        let now = T0;
        let told = Date.parse(progress.update(now).eta as string);
        let toldAt = now;
        for (const { wait, metres } of steps) {
          now += wait;
          const fix = at((now - T0) / 1000, metres, moving);
          progress.moved(fix, plan);
          const eta = etasOf(plan, fix, now)[0]?.at as number;
          const due = now - toldAt >= 5_000 && Math.abs(eta - told) >= 30_000;
          expect(progress.isDue(now)).toBe(due);
          if (!due) continue;
          told = Date.parse(progress.update(now).eta as string);
          toldAt = now;
          expect(told).toBe(eta);
        }
      }),
    );
  });
});

it('a position goes out in the words of the fleet clients, and of the hybrid ones [K9 K11]', () => {
  const fix = at(0, 0, { ...moving, bearing: 90 });
  expect(liveLocation('d', fix)).toEqual({
    driverId: 'd',
    latitude: 0,
    longitude: 0,
    bearing: 90,
    speed: 36,
    timestamp: '2026-01-05T08:00:00.000Z',
  });
  const progress = new TripProgress('p', () => true, ride(), fix);
  expect(progress.hybridLocation(fix, T0)).toEqual({ lat: 0, lng: 0, eta: '2026-01-05T08:02:00.000Z' });
});
