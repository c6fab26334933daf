import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BY, sampleTrip, T0 } from '../hub/contracts/samples.ts';
import { adopt, release } from './drive-trip.ts';
import { newDriver } from './driver.ts';
import { noEffects } from './effects.ts';
import { isDatedLife, isEarlierLife, lifeFrom, newLife } from './life.ts';

/** Until 2059. */
const MOMENT = fc.integer({ min: 0, max: 36 ** 8 - 1 });
const CHANCE = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 4 });

describe('lives of a counter [O1]', () => {
  it('are earlier or later as they began, whatever chance gave them', () => {
    fc.assert(
      fc.property(MOMENT, MOMENT, CHANCE, CHANCE, (one, other, a, b) => {
        expect(isEarlierLife(newLife(one, a), newLife(other, b))).toBe(one < other);
        expect(isEarlierLife(`${newLife(one, a)}.1`, newLife(other, b))).toBe(one < other);
      }),
    );
  });

  it('of what began within another one begin with it, or with what began', () => {
    fc.assert(
      fc.property(MOMENT, MOMENT, CHANCE, (begun, at, chance) => {
        expect(lifeFrom(newLife(begun, chance), at)).toBe(newLife(Math.max(begun, at), chance));
      }),
    );
  });

  it.each(['stored', 'stored.12', 'kept', 'kept.1', 'B9qTrQKf', 'e1'])('that do not say when they began are neither: %s', (life) => {
    expect(isDatedLife(life)).toBe(false);
    expect(lifeFrom(life, T0)).toBe(life);
    for (const other of [newLife(T0, 'x'), life]) expect([isEarlierLife(life, other), isEarlierLife(other, life)]).toEqual([false, false]);
  });

  it('of a trip follow each other, however often it goes from one driver to another and back [T7]', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 5_000 }), { minLength: 2, maxLength: 8 }), fc.nat({ max: 10_000 }), (pauses, apart) => {
        const drivers = [newDriver('a', newLife(T0, 'a')), newDriver('b', newLife(T0 + apart, 'b'))] as const;
        const trip = sampleTrip('t', { driverId: 'a' });
        let at = T0 + apart;
        let before: string | null = null;
        for (const [i, pause] of pauses.entries()) {
          at += pause + 1;
          const [driver, next] = i % 2 === 0 ? drivers : [drivers[1], drivers[0]];
          adopt(
            driver,
            { kind: 'adopt', driverId: driver.id, receivedAt: at, reply: 0, trip, previous: null, by: BY, at, entry: 'e' },
            noEffects(),
          );
          const epoch = driver.trips[0]?.epoch ?? '';
          if (before !== null) expect(isEarlierLife(before, epoch)).toBe(true);
          before = epoch;
          const { id } = driver;
          release(
            driver,
            { kind: 'release', driverId: id, receivedAt: at, reply: 0, tripId: 't', to: next.id, patch: {}, by: BY, at },
            noEffects(),
          );
        }
      }),
    );
  });
});
