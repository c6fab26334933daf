import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { driverStatus, nextTickAt } from './driver.ts';
import { adoption, at, BY, road, T0, trip } from './testing/samples.ts';

const said = (effects: { events: readonly { kind: string }[] }) => effects.events.map(({ kind }) => kind);
const tick = (seconds: number) => ({ kind: 'tick', driverId: 'd', receivedAt: T0 + seconds * 1000, reply: 0 }) as const;
const available = (seconds: number, yes: boolean) =>
  ({ kind: 'availability', driverId: 'd', receivedAt: T0 + seconds * 1000, reply: 0, available: yes }) as const;

describe('status [D1]', () => {
  it('is OFFLINE until heard of, then ONLINE, BUSY when unavailable', () => {
    const { driver, take, drive } = road();
    expect(driverStatus(driver)).toBe('OFFLINE');
    drive(at(0));
    expect(driverStatus(driver)).toBe('ONLINE');
    take(available(1, false));
    expect(driverStatus(driver)).toBe('BUSY');
    take(available(2, true));
    expect(driverStatus(driver)).toBe('ONLINE');
  });

  it('is ON_TRIP while an open trip has started, available or not', () => {
    const { driver, take, drive } = road();
    drive(at(0));
    take(adoption(trip('t')));
    expect(driverStatus(driver)).toBe('ONLINE');
    const status = (to: 'EN_ROUTE' | 'CANCELLED') =>
      ({ kind: 'status', driverId: 'd', receivedAt: T0, reply: 0, tripId: 't', status: to, by: BY, at: T0 }) as const;
    take(status('EN_ROUTE'));
    expect(driverStatus(driver)).toBe('ON_TRIP');
    take(available(1, false));
    expect(driverStatus(driver)).toBe('ON_TRIP');
    take(status('CANCELLED'));
    expect(driverStatus(driver)).toBe('BUSY');
  });
});

describe('silence [D2]', () => {
  it('of 120 s ends online, not of a ms less', () => {
    const { driver, take, drive } = road();
    drive(at(0));
    expect(said(take(tick(119.999)))).toEqual([]);
    expect(said(take(tick(120)))).toEqual(['offline']);
    expect(driver.online).toBe(false);
    expect(driverStatus(driver)).toBe('OFFLINE');
  });

  it('of 60 s makes stale, but only with an open trip', () => {
    const without = road();
    without.drive(at(0));
    expect(said(without.take(tick(60)))).toEqual([]);
    const { driver, take, drive } = road();
    drive(at(0));
    take(adoption(trip('t')));
    expect(said(take(tick(59.999)))).toEqual([]);
    expect(said(take(tick(60)))).toEqual(['stale']);
    expect(said(take(tick(61)))).toEqual([]);
    expect(driver.stale).toBe(true);
    drive(at(62));
    expect(driver.stale).toBe(false);
  });

  it('is counted by receipt, whatever a fix says of its capture', () => {
    const { take, drive } = road();
    drive(at(0));
    take({
      kind: 'fixes',
      driverId: 'd',
      receivedAt: T0 + 100_000,
      reply: 0,
      live: false,
      stream: null,
      base: null,
      sender: 0,
      fixes: [{ seq: null, fix: at(-5000) }],
    });
    expect(said(take(tick(219)))).toEqual([]);
    expect(said(take(tick(220)))).toEqual(['offline']);
  });

  it('is broken by a change of availability, not by a profile', () => {
    const { driver, take } = road();
    take({ kind: 'profile', driverId: 'd', receivedAt: T0, reply: 0, profile: { name: 'Car A' } });
    expect(driver.online).toBe(false);
    expect(said(take(available(1, true)))).toEqual(['online']);
  });

  it('is not waited for when the driver says that it goes: offline at once, once, until it is heard of again', () => {
    const { driver, take, drive } = road();
    const offline = (seconds: number) => ({ kind: 'offline', driverId: 'd', receivedAt: T0 + seconds * 1000, reply: 7 }) as const;
    const before = take(offline(0));
    expect(said(before), 'it was not there').toEqual([]);
    expect(before.answers).toEqual([{ reply: 7, kind: 'done' }]);
    drive(at(1));
    expect(said(take(offline(2)))).toEqual(['offline']);
    expect([driverStatus(driver), nextTickAt(driver)]).toEqual(['OFFLINE', null]);
    expect(said(take(offline(3)))).toEqual([]);
    expect(said(take(tick(200)))).toEqual([]);
    expect(drive(at(201)).flatMap(said)).toEqual(['online']);
    take(available(202, false));
    take(offline(203));
    drive(at(204));
    expect(driverStatus(driver), 'whether it takes trips is another matter').toBe('BUSY');
  });

  it('decides when it says it will', () => {
    const { driver, take, drive } = road();
    expect(nextTickAt(driver)).toBeNull();
    drive(at(0));
    expect(nextTickAt(driver)).toBe(T0 + 120_000);
    take(adoption(trip('t')));
    expect(nextTickAt(driver)).toBe(T0 + 60_000);
    take(tick(60));
    expect(nextTickAt(driver)).toBe(T0 + 120_000);
    take(tick(120));
    expect(nextTickAt(driver)).toBeNull();
  });
});

describe('events of the driver feed [D3]', () => {
  it('are told once per change, numbered, with an id of their time [G8]', () => {
    const { take, drive } = road();
    const [first] = drive(at(0));
    expect(first?.events).toEqual([{ id: `d/online/${T0}`, kind: 'online', driverId: 'd', at: T0 }]);
    expect(first?.published[0]).toMatchObject({ type: 'event', feed: 'driver:d', epoch: 'e1', seq: 1, trip: null });
    expect(drive(at(1))[0]?.events).toEqual([]);
    expect(take(tick(200)).events).toMatchObject([{ id: `d/offline/${T0 + 200_000}` }]);
    expect(drive(at(201))[0]?.events).toMatchObject([{ kind: 'online' }]);
  });

  it('online and offline take turns, whatever happens', () => {
    const step = fc.oneof(
      fc.integer({ min: 0, max: 200 }).map((wait) => ({ wait, what: 'fix' as const })),
      fc.integer({ min: 0, max: 200 }).map((wait) => ({ wait, what: 'tick' as const })),
      fc.integer({ min: 0, max: 200 }).map((wait) => ({ wait, what: 'availability' as const })),
      fc.integer({ min: 1, max: 200 }).map((wait) => ({ wait, what: 'offline' as const })),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { driver, take, drive } = road();
        const told: string[] = [];
        let clock = 0;
        let heard = Number.NEGATIVE_INFINITY;
        for (const { wait, what } of steps) {
          clock += wait;
          if (what === 'fix') told.push(...drive(at(clock)).flatMap(said));
          else if (what === 'offline')
            told.push(...said(take({ kind: 'offline', driverId: 'd', receivedAt: T0 + clock * 1000, reply: 0 })));
          else told.push(...said(take(what === 'tick' ? tick(clock) : available(clock, true))));
          if (what === 'offline') heard = Number.NEGATIVE_INFINITY;
          else if (what !== 'tick') heard = clock;
          if (what === 'tick') expect(driver.online).toBe(clock - heard < 120);
        }
        expect(told).toEqual(told.map((_, i) => (i % 2 === 0 ? 'online' : 'offline')));
      }),
    );
  });
});
