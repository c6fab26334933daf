import { describe, expect, it } from 'vitest';
import type { ReleaseCommand, StatusCommand } from './commands.ts';
import { newDriver } from './driver.ts';
import { haversine } from './geo.ts';
import { adoption, at, BY, fixes, road, stop, T0, trip } from './testing/samples.ts';
import { assign, countFix, endedAt, hasStarted, isOpenTrip, newTrip, patchTrip, type Trip } from './trip.ts';

const LATER = T0 + 60_000;
const release = (to: string | null, more: Partial<ReleaseCommand> = {}): ReleaseCommand => ({
  kind: 'release',
  driverId: 'd',
  receivedAt: LATER,
  reply: 5,
  tripId: 't',
  to,
  patch: {},
  by: BY,
  at: LATER,
  ...more,
});
const status = (to: StatusCommand['status'], more: Partial<StatusCommand> = {}): StatusCommand => ({
  kind: 'status',
  driverId: 'd',
  receivedAt: LATER,
  reply: 6,
  tripId: 't',
  status: to,
  by: BY,
  at: LATER,
  ...more,
});

describe('a new trip', () => {
  it('is where its kind begins, at revision 1, given to its driver from then on', () => {
    const ride = newTrip('t', { kind: 'ride', driverId: 'd', stops: [stop('A', 'pickup', 0)], labels: ['x'] }, 'digest', T0);
    expect(ride).toMatchObject({
      status: 'PENDING',
      revision: 1,
      createdAt: T0,
      startedAt: null,
      distance: 0,
      labels: ['x'],
      digest: 'digest',
    });
    expect(ride.assignments).toEqual([{ driverId: 'd', from: T0, to: null }]);
    expect(newTrip('t', { kind: 'delivery', stops: [] }, '', T0)).toMatchObject({ status: 'ASSIGNED', driverId: null, assignments: [] });
  });

  it('has not started, and is open', () => {
    expect(hasStarted(trip('t'))).toBe(false);
    expect(isOpenTrip(trip('t'))).toBe(true);
    expect(endedAt(trip('t'))).toBeNull();
  });
});

describe('distance [T8]', () => {
  it('is the sum of the legs between fixes, from the first on', () => {
    const one = trip('t');
    const places = [0, 300, 100, 100, 1500];
    for (const [second, metres] of places.entries()) countFix(one, at(second, metres));
    const legs = places.slice(1).map((metres, i) => haversine(0, at(0, places[i]).lng, 0, at(0, metres).lng));
    expect(one.distance).toBe(legs.reduce((sum, leg) => sum + leg, 0));
    expect(one).toMatchObject({ firstFixAt: T0, lastFixAt: T0 + 4000 });
  });

  it('does not count the leg from one driver to the next', () => {
    const one = trip('t');
    countFix(one, at(0, 0));
    countFix(one, at(1, 100));
    assign(one, 'other', T0 + 1500);
    countFix(one, at(2, 9000));
    countFix(one, at(3, 9050));
    expect(one.distance).toBeCloseTo(150, 6);
  });

  it('counts for every open trip of the driver, of the fixes newer than its latest [F11]', () => {
    const { driver, take, drive } = road();
    take(adoption(trip('t')));
    drive(at(0, 0), at(1, 10));
    take(adoption(trip('u')));
    drive(at(2, 30), at(1.5, 500), at(3, 60));
    expect(driver.trips.map(({ trip: each }) => [each.id, Math.round(each.distance)])).toEqual([
      ['t', 60],
      ['u', 30],
    ]);
  });
});

describe('from one driver to another [T7]', () => {
  it('it is released with its progress, and adopted with it', () => {
    const first = road();
    first.take(adoption(trip('t', [stop('A', 'pickup', 0), stop('B', 'dropoff', 9000)])));
    first.take(status('EN_ROUTE', { at: T0 }));
    first.drive(at(0, 0), at(1, 40));
    const effects = first.take(release('e'));
    expect(first.driver.trips).toEqual([]);
    const [entry] = effects.outbox;
    if (entry === undefined) throw new Error('no entry in the outbox');
    expect(entry).toMatchObject({
      id: `t/adopt/${entry.trip.revision}`,
      kind: 'adopt',
      previous: 'd',
      trip: { driverId: 'e', status: 'EN_ROUTE' },
    });
    expect(effects.answers).toMatchObject([{ reply: 5, kind: 'trip', trip: { driverId: 'e' } }]);
    expect(effects.events).toMatchObject([{ kind: 'assignment', driverId: 'e', previous: 'd', at: LATER }]);

    const second = road(newDriver('e', 'e2'));
    const adopted = second.take(adoption(structuredClone(entry.trip), { driverId: 'e', previous: 'd', entry: entry.id }));
    expect(adopted.outboxDone).toEqual([entry.id]);
    second.take(fixes([at(70, 9000)], { driverId: 'e' }));
    const [active] = second.driver.trips;
    expect(active?.trip).toMatchObject({
      status: 'EN_ROUTE',
      distance: expect.closeTo(40, 6),
      assignments: [
        { driverId: 'd', to: LATER },
        { driverId: 'e', from: LATER },
      ],
    });
    expect(active?.trip.stops.map(({ arrivedAt }) => arrivedAt)).toEqual([T0, at(70).at]);
  });

  it('to nobody it needs no outbox', () => {
    const { driver, take } = road();
    take(adoption(trip('t')));
    const effects = take(release(null));
    expect(effects).toMatchObject({ outbox: [], answers: [{ kind: 'trip', trip: { driverId: null } }] });
    expect(driver.trips).toEqual([]);
  });

  it('the same adoption again is nothing new, but is done', () => {
    const { driver, take } = road();
    take(adoption(trip('t')));
    take(status('EN_ROUTE'));
    const again = take(adoption(trip('t')));
    expect(again).toMatchObject({ outboxDone: ['t/adopt/1'], events: [], published: [] });
    expect(driver.trips).toHaveLength(1);
    expect(driver.trips[0]?.trip.status).toBe('EN_ROUTE');
  });

  it('a new life of the feed begins with every adoption [O1]', () => {
    const { driver, take } = road();
    take(adoption(trip('t')));
    const [{ epoch } = { epoch: '' }] = driver.trips;
    const { trip: gone } = take(release('e')).answers[0] as { trip: Trip };
    const back = structuredClone(gone);
    assign(back, 'd', LATER);
    const effects = take(adoption(back));
    expect(driver.trips[0]?.epoch).not.toBe(epoch);
    expect(effects.published).toMatchObject([{ seq: 1 }]);
  });

  it('a new life of the feed begins also when a trip is removed and created again [O1]', () => {
    const { driver, take } = road();
    take(adoption(trip('t')));
    const [{ epoch } = { epoch: '' }] = driver.trips;
    take({ kind: 'remove', driverId: 'd', receivedAt: T0, reply: 0, tripId: 't' });
    take(adoption(trip('t')));
    expect(driver.trips[0]?.epoch).not.toBe(epoch);
  });

  it('of one it does not drive a driver knows nothing', () => {
    const { take } = road();
    for (const command of [
      release('e'),
      status('EN_ROUTE'),
      { kind: 'remove', driverId: 'd', receivedAt: T0, reply: 5, tripId: 't' } as const,
    ])
      expect(take(command).answers).toMatchObject([{ kind: 'error', code: 'revision_conflict' }]);
  });
});

describe('its end', () => {
  it('leaves the stops that had arrived, at its effect time [G4], and lets the driver go', () => {
    const { driver, take, drive } = road();
    take(adoption(trip('t', [stop('A', 'pickup', 0), stop('B', 'dropoff', 0)])));
    take(status('EN_ROUTE'));
    drive(at(0, 0));
    const effects = take(status('CANCELLED', { at: T0 + 5 }));
    expect(effects.events).toMatchObject([
      { id: 't/status/CANCELLED', at: T0 + 5 },
      { id: 't/A/departed', at: T0 + 5, distance: null },
      { id: 't/B/departed', at: T0 + 5, distance: null },
    ]);
    expect(driver.trips).toEqual([]);
    expect([...effects.trips]).toMatchObject([{ status: 'CANCELLED', cancelledAt: T0 + 5 }]);
  });

  it('refuses a step that is none and keeps the trip [T1]', () => {
    const { driver, take } = road();
    take(adoption(trip('t')));
    expect(take(status('COMPLETED')).answers).toMatchObject([{ kind: 'error', code: 'illegal_transition', field: '/status' }]);
    expect(driver.trips).toHaveLength(1);
  });
});

describe('removal [T6]', () => {
  const remove = { kind: 'remove', driverId: 'd', receivedAt: T0, reply: 9, tripId: 't' } as const;
  it('of a trip that never started', () => {
    const { driver, take } = road();
    take(adoption(trip('t')));
    expect(take(remove)).toMatchObject({ removedTrips: ['t'], answers: [{ reply: 9, kind: 'done' }] });
    expect(driver.trips).toEqual([]);
  });

  it('of one that started is refused', () => {
    const { driver, take } = road();
    take(adoption(trip('t')));
    take(status('EN_ROUTE'));
    expect(take(remove)).toMatchObject({ removedTrips: [], answers: [{ kind: 'error', code: 'trip_started' }] });
    expect(driver.trips).toHaveLength(1);
  });
});

describe('a patch', () => {
  it('changes what is named and keeps the progress of stops by their id', () => {
    const one = trip('t', [stop('A', 'waypoint', 0)], { labels: ['x'], driverName: 'Car A' });
    countFix(one, at(0, 0));
    const { revision } = one;
    expect(patchTrip(one, { stops: [stop('B', 'waypoint', 5), stop('A', 'waypoint', 1)] }, LATER, BY)).toEqual([
      { id: `t/changed/${revision + 1}`, kind: 'changed', tripId: 't', driverId: 'd', at: LATER, by: BY },
    ]);
    expect(one).toMatchObject({
      labels: ['x'],
      driverName: 'Car A',
      stops: [
        { id: 'B', arrivedAt: null },
        { id: 'A', arrivedAt: T0 },
      ],
    });
  });

  it('of a trip that has ended is refused, as is giving it away', () => {
    const one = { ...trip('t'), status: 'COMPLETED' as const };
    expect(() => patchTrip(one, { labels: [] }, LATER, BY)).toThrow(expect.objectContaining({ code: 'trip_closed' }));
    expect(() => assign(one, 'e', LATER)).toThrow(expect.objectContaining({ code: 'trip_closed' }));
  });
});
