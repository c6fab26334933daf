import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KeptFix } from './fix.ts';
import { haversine } from './haversine.ts';
import { quantise } from './quantise.ts';
import { stopCounts, type TruthStop } from './stop.ts';
import { ownPickup, stopEvents, type TruthEvent } from './stop-events.ts';

const DEGREE = (Math.PI * 6_371_000) / 180;

/** Fixes on a straight road, at so many metres from its beginning, a second apart: [metres, accuracy?]. */
function road(...places: readonly (number | readonly [number, number])[]): KeptFix[] {
  return places.map((place, i) => {
    const [metres, accuracy] = typeof place === 'number' ? [place, null] : place;
    return quantise({ lat: 0, lng: metres / DEGREE, at: i * 1000, receivedAt: i * 1000, accuracy });
  });
}

function stop(id: string, metres: number, more: Partial<TruthStop> = {}): TruthStop {
  const type = id.startsWith('P') ? 'pickup' : id.startsWith('D') ? 'dropoff' : 'waypoint';
  return { id, type, lat: 0, lng: metres / DEGREE, ...more };
}

/** "P1 arrived@3": decided by fix 3. */
function told(fixes: readonly KeptFix[], stops: readonly TruthStop[], end: number | null = null): string {
  return stopEvents(fixes, stops, end)
    .map(({ stopId, kind, at }) => `${stopId} ${kind}@${at / 1000}`)
    .join(', ');
}

const party = { partyId: 'p' };

describe('one stop [G1-G4]', () => {
  it('is approached at 500 m, reached at 100 m, left at the second fix beyond 150 m', () => {
    expect(told(road(0, 510, 700, 910, 1000, 1100, 1160, 1140, 1160, 1170), [stop('P', 1000)])).toBe(
      'P approaching@1, P arrived@3, P departed@9',
    );
  });

  it('takes a radius of its own, both inclusive', () => {
    const mine = stop('P', 1000, { arriveRadius: haversine({ lat: 0, lng: 0.008 }, stop('P', 1000)), approachRadius: 400 });
    const fixes = [0.002, 0.008].map((lng, i) => quantise({ lat: 0, lng, at: i * 1000, receivedAt: 0 }));
    expect(told(fixes, [mine])).toBe('P arrived@1');
  });

  it('arrives alone when it arrives at once, and is not approached after', () => {
    expect(told(road(0, 1000, 1400, 1600, 1000), [stop('P', 1000)])).toBe('P arrived@1, P departed@3');
  });

  it('does not arrive between two fixes', () => {
    expect(told(road(0, 800, 1200), [stop('P', 1000)])).toBe('P approaching@1');
  });

  it('wants a second fix inside from a coarse one, the first of any accuracy [G2]', () => {
    expect(told(road(0, [950, 51]), [stop('P', 1000)])).toBe('');
    expect(told(road(0, [950, 50]), [stop('P', 1000)])).toBe('P arrived@1');
    expect(told(road(0, [950, 51], [960, 300]), [stop('P', 1000)])).toBe('P arrived@2');
    expect(told(road(0, [800, 51], [950, 51], [960, 51]), [stop('P', 1000)])).toBe('P approaching@2, P arrived@3');
    expect(told(road(0, 800, [950, 51]), [stop('P', 1000)])).toBe('P approaching@1');
  });

  it('departs once, and is done', () => {
    expect(told(road(1000, 2000, 2000, 1000, 2000, 2000), [stop('P', 1000)])).toBe('P arrived@0, P departed@2');
  });

  it('departs at the end of the trip, without a distance, if it arrived and has not left', () => {
    const stops = [stop('P', 1000), stop('W', 3000), stop('X', 0)];
    expect(told(road(0, 1000, 2000), stops, 9000)).toBe('X arrived@0, P arrived@1, X departed@2, P departed@9');
    expect(stopEvents(road(1000), [stop('P', 1000)], 9000).at(-1)).toEqual({ stopId: 'P', kind: 'departed', at: 9000, distance: null });
  });

  it('is not there when its booking does not count [G7]', () => {
    for (const bookingStatus of ['pending', 'rejected', 'cancelled'] as const)
      expect(told(road(1000), [stop('P', 1000, { bookingStatus })])).toBe('');
    for (const bookingStatus of ['approved', 'completed'] as const)
      expect(told(road(1000), [stop('P', 1000, { bookingStatus })])).toBe('P arrived@0');
  });
});

describe('a drop-off [G5, G6]', () => {
  it('waits for its pickup and counts from that fix on', () => {
    const stops = [stop('D', 1000, party), stop('P', 2000, party)];
    expect(told(road(1000, 2000, 1000), stops)).toBe('P arrived@1, D arrived@2');
    expect(told(road(1000, 1950), [stop('D', 1990, party), stop('P', 2000, party)])).toBe('P arrived@1, D arrived@1');
  });

  it('does not look behind the fix that made it count', () => {
    const stops = [stop('P', 1000, party), stop('D', 1000, party)];
    expect(told(road([950, 60], [950, 60], [950, 60]), stops)).toBe('P arrived@1, D arrived@2');
  });

  it('finds its pickup by booking, then party, then the list', () => {
    const drop = stop('D', 0, { bookingId: 'b', partyId: 'p' });
    const byBooking = stop('P1', 0, { bookingId: 'b' });
    const byParty = stop('P2', 0, { partyId: 'p', bookingId: 'other' });
    const [before, after] = [stop('P3', 0), stop('P4', 0)];
    expect(ownPickup([before, byParty, drop, byBooking], drop)).toBe(byBooking);
    expect(ownPickup([byParty, before, drop, after], drop)).toBe(byParty);
    expect(ownPickup([stop('P5', 0), before, stop('W', 0), drop, after], drop)).toBe(before);
    expect(ownPickup([drop, after], drop)).toBeNull();
  });

  it('takes a pickup that does not count for none', () => {
    const stops = [stop('P', 2000, { ...party, bookingStatus: 'cancelled' }), stop('D', 1000, party)];
    expect(told(road(1000), stops)).toBe('D arrived@0');
  });

  it('stands behind pickups and waypoints of the same fix', () => {
    const stops = [stop('D', 1000, party), stop('W', 1000), stop('P', 1000, party), stop('D2', 1000, { partyId: 'none' })];
    expect(told(road(0, 1000), stops)).toBe('W arrived@1, P arrived@1, D arrived@1, D2 arrived@1');
  });
});

/** The same rules told as a machine that eats one fix at a time: another road to the same events. */
function byStream(fixes: readonly KeptFix[], stops: readonly TruthStop[]): TruthEvent[] {
  const events: TruthEvent[] = [];
  const state = new Map(stops.map((one) => [one.id, { before: null as number | null, out: 0, done: new Set<string>() }]));
  const has = (one: TruthStop, kind: string): boolean => state.get(one.id)?.done.has(kind) === true;
  const order = [...stops.filter((one) => one.type !== 'dropoff'), ...stops.filter((one) => one.type === 'dropoff')].filter(stopCounts);
  for (const fix of fixes) {
    for (const one of order) {
      const mine = state.get(one.id);
      const pickup = one.type === 'dropoff' ? ownPickup(stops, one) : null;
      if (mine === undefined || (pickup !== null && !has(pickup, 'arrived'))) continue;
      const distance = haversine(fix, one);
      const sure = (radius: number): boolean =>
        distance <= radius && (fix.accuracy === null || fix.accuracy <= 50 || (mine.before !== null && mine.before <= radius));
      const emit = (kind: TruthEvent['kind']): void => {
        mine.done.add(kind);
        events.push({ stopId: one.id, kind, at: fix.at, distance });
      };
      const arriveRadius = one.arriveRadius ?? 100;
      if (has(one, 'arrived')) {
        mine.out = distance > 1.5 * arriveRadius ? mine.out + 1 : 0;
        if (mine.out === 2 && !has(one, 'departed')) emit('departed');
      } else if (sure(arriveRadius)) emit('arrived');
      else if (!has(one, 'approaching') && sure(one.approachRadius ?? 500)) emit('approaching');
      mine.before = distance;
    }
  }
  return events;
}

describe('the whole list', () => {
  const place = fc.integer({ min: 0, max: 40 }).map((steps) => steps * 50);
  const metres = fc.oneof(place, fc.tuple(place, fc.constantFrom(10, 60, 200)));
  const walk = fc.array(metres, { maxLength: 40 });
  const name = fc.constantFrom('a', 'b', undefined);
  const someStop = fc.record({
    type: fc.constantFrom('P', 'D', 'W'),
    metres: place,
    partyId: name,
    bookingId: name,
    off: fc.nat({ max: 6 }),
    small: fc.boolean(),
  });
  const list = fc.array(someStop, { maxLength: 7 }).map((items) =>
    items.map((item, i) =>
      stop(`${item.type}${i}`, item.metres, {
        ...(item.partyId === undefined ? {} : { partyId: item.partyId }),
        ...(item.bookingId === undefined ? {} : { bookingId: item.bookingId }),
        ...(item.off === 0 ? { bookingStatus: 'cancelled' as const } : {}),
        ...(item.small ? { arriveRadius: 60, approachRadius: 220 } : {}),
      }),
    ),
  );

  it('is the same told forwards as told at once', () => {
    fc.assert(
      fc.property(walk, list, (places, stops) => {
        expect(stopEvents(road(...places), stops, null)).toEqual(byStream(road(...places), stops));
      }),
      { numRuns: 2000 },
    );
  });

  it('tells each kind of a stop once, and departures after arrivals', () => {
    fc.assert(
      fc.property(walk, list, (places, stops) => {
        const events = stopEvents(road(...places), stops, 1e6);
        const keys = events.map(({ stopId, kind }) => `${stopId} ${kind}`);
        expect(new Set(keys).size).toBe(keys.length);
        for (const { stopId } of events.filter(({ kind }) => kind === 'departed')) expect(keys).toContain(`${stopId} arrived`);
        for (const { stopId } of events.filter(({ kind }) => kind === 'arrived')) expect(keys).toContain(`${stopId} departed`);
      }),
    );
  });
});
