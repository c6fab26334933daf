import { TRIP_STATUSES, type TripKind, type TripStatus, WaycastError } from '@waycast/protocol';
import { describe, expect, it } from 'vitest';
import { firstStatus, isOpen, stampOf, wayTo } from './lifecycle.ts';
import { BY, T0, trip } from './testing/samples.ts';
import { changeStatus, type Trip } from './trip.ts';

/** [T1, T3], written out: where each status may go, and the time it sets. */
const TABLE: Readonly<Record<TripKind, Readonly<Partial<Record<TripStatus, { to: TripStatus[]; sets?: keyof Trip }>>>>> = {
  ride: {
    PENDING: { to: ['EN_ROUTE', 'CANCELLED'] },
    EN_ROUTE: { to: ['ARRIVED', 'CANCELLED'], sets: 'startedAt' },
    ARRIVED: { to: ['IN_PROGRESS', 'CANCELLED'], sets: 'arrivedAt' },
    IN_PROGRESS: { to: ['COMPLETED', 'CANCELLED'] },
    COMPLETED: { to: [], sets: 'completedAt' },
    CANCELLED: { to: [], sets: 'cancelledAt' },
  },
  delivery: {
    ASSIGNED: { to: ['PICKED_UP', 'CANCELLED'] },
    PICKED_UP: { to: ['IN_TRANSIT', 'CANCELLED'], sets: 'startedAt' },
    IN_TRANSIT: { to: ['DELIVERED', 'CANCELLED'] },
    DELIVERED: { to: [], sets: 'completedAt' },
    CANCELLED: { to: [], sets: 'cancelledAt' },
  },
};

const KINDS = ['ride', 'delivery'] as const;
const EVERY = KINDS.flatMap((kind) => TRIP_STATUSES.flatMap((from) => TRIP_STATUSES.map((to) => [kind, from, to] as const)));

describe('lifecycle [T1]', () => {
  it('begins where nothing leads to', () => {
    expect(firstStatus('ride')).toBe('PENDING');
    expect(firstStatus('delivery')).toBe('ASSIGNED');
  });

  it.each(EVERY)('%s: %s > %s', (kind, from, to) => {
    expect(wayTo(kind, from, to, false)).toEqual(TABLE[kind][from]?.to.includes(to) ? [to] : null);
  });

  it('lets a delivery jump ahead where that is configured, a ride never', () => {
    expect(wayTo('delivery', 'ASSIGNED', 'DELIVERED', true)).toEqual(['PICKED_UP', 'IN_TRANSIT', 'DELIVERED']);
    expect(wayTo('delivery', 'PICKED_UP', 'DELIVERED', true)).toEqual(['IN_TRANSIT', 'DELIVERED']);
    expect(wayTo('delivery', 'IN_TRANSIT', 'ASSIGNED', true)).toBeNull();
    expect(wayTo('delivery', 'DELIVERED', 'CANCELLED', true)).toBeNull();
    expect(wayTo('ride', 'PENDING', 'COMPLETED', true)).toBeNull();
  });

  it.each(KINDS.flatMap((kind) => TRIP_STATUSES.map((status) => [kind, status] as const)))(
    '%s: %s sets its time [T3] and is open or not',
    (kind, status) => {
      expect(stampOf(kind, status)).toBe(TABLE[kind][status]?.sets);
      expect(isOpen(kind, status)).toBe((TABLE[kind][status]?.to.length ?? 0) > 0);
    },
  );
});

describe('changeStatus', () => {
  /** A trip that went that far; every step a second later. */
  function gone(kind: TripKind, ...way: TripStatus[]): Trip {
    const one = trip('t', [], { kind });
    for (const [i, status] of way.entries()) changeStatus(one, status, T0 + (i + 1) * 1000, BY);
    return one;
  }

  it('walks a ride and sets each time once [T1, T3]', () => {
    const ride = gone('ride', 'EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED');
    expect(ride).toMatchObject({
      status: 'COMPLETED',
      startedAt: T0 + 1000,
      arrivedAt: T0 + 2000,
      completedAt: T0 + 4000,
      cancelledAt: null,
    });
    expect(ride.revision).toBe(5);
  });

  it('walks a delivery [T1, T3]', () => {
    const delivery = gone('delivery', 'PICKED_UP', 'IN_TRANSIT', 'DELIVERED');
    expect(delivery).toMatchObject({ startedAt: T0 + 1000, arrivedAt: null, completedAt: T0 + 3000, cancelledAt: null });
  });

  it('stamps the steps a jump leaves out with its own time [T3]', () => {
    const one = gone('delivery');
    expect(changeStatus(one, 'DELIVERED', T0 + 5_000, BY, true)).toHaveLength(1);
    expect(one).toMatchObject({ status: 'DELIVERED', startedAt: T0 + 5_000, completedAt: T0 + 5_000 });
  });

  it('names both when it refuses, and changes nothing [T1]', () => {
    const one = gone('ride', 'EN_ROUTE');
    const before = structuredClone(one);
    expect(() => changeStatus(one, 'COMPLETED', T0 + 9000, BY)).toThrow(
      expect.objectContaining({ code: 'illegal_transition', field: '/status', message: expect.stringMatching(/EN_ROUTE.*COMPLETED/) }),
    );
    expect(one).toEqual(before);
  });

  it('refuses the statuses of the other kind [T1]', () => {
    expect(() => changeStatus(gone('ride'), 'PICKED_UP', T0, BY)).toThrow(WaycastError);
    expect(() => changeStatus(gone('delivery'), 'EN_ROUTE', T0, BY)).toThrow(WaycastError);
  });

  it('takes the same status again for nothing [T2]', () => {
    const one = gone('ride', 'EN_ROUTE');
    const before = structuredClone(one);
    expect(changeStatus(one, 'EN_ROUTE', T0 + 9000, BY)).toEqual([]);
    expect(one).toEqual(before);
  });

  it('tells what was before, when it took effect and who did it [G8]', () => {
    const one = gone('ride');
    expect(changeStatus(one, 'CANCELLED', T0 + 7, BY)).toEqual([
      {
        id: 't/status/CANCELLED',
        kind: 'status',
        tripId: 't',
        driverId: 'd',
        status: 'CANCELLED',
        previous: 'PENDING',
        at: T0 + 7,
        by: BY,
      },
    ]);
    expect(one).toMatchObject({ cancelledAt: T0 + 7, startedAt: null });
  });

  it('ends the time of its driver with the trip [T7]', () => {
    const one = gone('ride', 'EN_ROUTE', 'CANCELLED');
    expect(one.assignments).toEqual([{ driverId: 'd', from: T0, to: T0 + 2000 }]);
  });
});
