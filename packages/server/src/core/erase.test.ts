import { describe, expect, it } from 'vitest';
import { advance } from './advance.ts';
import type { EraseCommand } from './commands.ts';
import { newDriver } from './driver.ts';
import { noEffects } from './effects.ts';
import type { Happened } from './events.ts';
import { adoption, at, fixes, RULES, T0, trip } from './testing/samples.ts';
import { eventWithout, names, tripWithout } from './without-driver.ts';

const ERASE: EraseCommand = { kind: 'erase', driverId: 'd', receivedAt: T0 + 5_000, reply: 7 };
const BY = { sub: 'd', role: 'driver', via: 'stream' };

describe('erasing a driver', () => {
  it('ends it: who follows it hears that it leaves, nothing of that is kept [I11]', () => {
    const driver = newDriver('d', 'e');
    advance(driver, fixes([at(1)]), 1, RULES, noEffects());
    const effects = noEffects();
    effects.changed.add(driver);
    advance(driver, ERASE, 2, RULES, effects);
    expect(effects).toMatchObject({
      erased: [{ driverId: 'd', at: T0 + 5_000 }],
      answers: [{ reply: 7, kind: 'done' }],
      events: [],
      rows: [],
    });
    expect(effects.published).toMatchObject([{ type: 'event', feed: 'driver:d', event: { kind: 'offline', at: T0 + 5_000 } }]);
    expect(effects.changed.size).toBe(0);
    expect(driver).toMatchObject({ online: false, latest: null });
  });

  it('reaches to the last it has done, whatever the clocks said [I11]', () => {
    const driver = newDriver('d', 'e');
    advance(driver, fixes([at(30)], { receivedAt: T0 + 8_000 }), 1, RULES, noEffects());
    const effects = noEffects();
    advance(driver, ERASE, 2, RULES, effects);
    expect(effects.erased).toEqual([{ driverId: 'd', at: T0 + 30_000 }]);
  });

  it('tells nobody of one that was offline', () => {
    const effects = noEffects();
    advance(newDriver('d', 'e'), ERASE, 1, RULES, effects);
    expect(effects.published).toEqual([]);
    expect(effects.erased).toHaveLength(1);
  });

  it('is refused while it has open trips, and changes nothing [I10]', () => {
    const driver = newDriver('d', 'e');
    advance(driver, fixes([at(1)]), 1, RULES, noEffects());
    advance(driver, adoption(trip('t')), 2, RULES, noEffects());
    const effects = noEffects();
    advance(driver, ERASE, 3, RULES, effects);
    expect(effects.answers).toMatchObject([{ reply: 7, kind: 'error', code: 'driver_has_trips', message: 'd drives t' }]);
    expect(effects.erased).toEqual([]);
    expect(driver).toMatchObject({ online: true, latest: at(1) });
  });
});

describe('a trip without a driver that is erased [I12]', () => {
  const by = (driverId: string, from: number, to: number | null) => ({ driverId, from: T0 + from, to: to === null ? null : T0 + to });
  const ended = { ...trip('t', [], { driverName: 'Rhett' }), status: 'COMPLETED' as const, lastPoint: at(3), distance: 12 };
  const without = (more: object, until = 100) => tripWithout({ ...ended, ...more }, 'd', T0 + until);

  it('has neither its name nor its place, and all else', () => {
    expect(without({ assignments: [by('d', 0, 9)] })).toEqual({
      ...ended,
      driverId: null,
      driverName: null,
      lastPoint: null,
      assignments: [],
      revision: ended.revision + 1,
    });
  });

  it('keeps those who drove before and after', () => {
    const others = [by('a', 0, 1), by('d', 1, 2), by('c', 2, 9)];
    expect(without({ driverId: 'c', assignments: others })).toMatchObject({
      driverId: 'c',
      lastPoint: at(3),
      driverName: null,
      assignments: [others[0], others[2]],
    });
  });

  it('is held while somebody drives it, not while nobody does', () => {
    const passed = { status: 'PENDING', assignments: [by('d', 0, 1), by('c', 2, null)] };
    expect(without({ ...passed, driverId: 'c' })).toBe('held');
    expect(without({ ...passed, driverId: null })).toMatchObject({ driverId: null, assignments: [passed.assignments[1]] });
  });

  it('is none that the driver had nothing to do with, or after it came back', () => {
    expect(without({ driverId: 'c', assignments: [by('c', 0, 9)] })).toBeNull();
    expect(without({ assignments: [by('d', 101, 109)] })).toBeNull();
    expect(without({ assignments: [by('d', 1, 2), by('d', 101, 109)] })).toMatchObject({ driverId: 'd', assignments: [by('d', 101, 109)] });
  });
});

describe('an event without a driver that is erased [I12]', () => {
  it('of a stop names nobody, one of the driver goes, others stay', () => {
    const stop = { id: 't/a/arrived', kind: 'arrived', tripId: 't', driverId: 'd', stopId: 'a', stopType: 'pickup' } as const;
    const arrived: Happened = { ...stop, partyId: null, bookingId: null, distance: 9, at: T0 };
    expect(eventWithout(arrived, 'd')).toEqual({ ...arrived, driverId: null });
    expect(eventWithout(arrived, 'c')).toBeNull();
    const stale: Happened = { id: 'd/stale/1', kind: 'stale', driverId: 'd', at: T0 };
    expect(eventWithout(stale, 'd')).toBe('gone');
    expect(eventWithout(stale, 'c')).toBeNull();
  });

  it('keeps what others wrote to it, and none of its own words', () => {
    const text = { id: 't/message/1', kind: 'message', tripId: 't', driverId: 'c', text: 'hello', to: null, at: T0 } as const;
    expect(eventWithout({ ...text, by: BY }, 'd')).toEqual({ ...text, text: 'erased', by: { ...BY, sub: 'erased' } });
    const other = { ...BY, sub: 'p' };
    expect(eventWithout({ ...text, to: 'd', by: other }, 'd')).toEqual({ ...text, to: null, by: other });
  });
});

describe('a document', () => {
  it.each([
    [{ a: [{ driverId: 'd' }] }, true],
    [{ by: { sub: 'd' } }, true],
    [['d'], true],
    [{ driverId: 'dd', text: 'd d' }, false],
    [{ stops: [{ partyId: 'd' }], user_id: 'd', to: 'd' }, false],
    [{ d: 'key' }, false],
    [null, false],
  ])('%j names d: %s', (document, expected) => {
    expect(names(document, 'd')).toBe(expected);
  });
});
