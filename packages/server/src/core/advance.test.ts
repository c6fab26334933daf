import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advance } from './advance.ts';
import type { Command } from './commands.ts';
import { type Driver, newDriver, snapshotOf } from './driver.ts';
import { type Effects, noEffects } from './effects.ts';
import { commands } from './testing/commands.ts';
import { RULES } from './testing/samples.ts';

/** Effects of each command; commands are copied first, for a trip that is adopted becomes the driver's own. */
function run(driver: Driver, all: readonly Command[]): Effects[] {
  return structuredClone(all).map((command, index) => {
    const effects = noEffects();
    advance(driver, command, index + 1, RULES, effects);
    return effects;
  });
}

/** As it would be stored and sent: what is told later of a live object does not count. */
function frozen(all: readonly Command[], driver = newDriver('d', 'e1')): unknown[] {
  return structuredClone(all).map((command, index) => {
    const effects = noEffects();
    advance(driver, command, index + 1, RULES, effects);
    return structuredClone(effects);
  });
}

const any = commands({ unnumbered: true });

describe('advance', () => {
  it('gives the same for the same commands, every time', () => {
    fc.assert(
      fc.property(any, (all) => {
        expect(frozen(all)).toEqual(frozen(all));
      }),
      { numRuns: 50 },
    );
  });

  it('throws for no sequence of commands, and answers each that asks for one, once', () => {
    fc.assert(
      fc.property(any, (all) => {
        run(newDriver('d', 'e1'), all).forEach(({ answers }, index) => {
          const silent = ['adopt', 'tick', 'refused'].includes(all[index]?.kind ?? '');
          expect(answers.map(({ reply }) => reply)).toEqual(silent ? [] : [1]);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('throws what is no refusal but a fault [core]', () => {
    const broken = { kind: 'patch', driverId: 'd', receivedAt: 0, reply: 1, tripId: 't' } as unknown as Command;
    const driver = newDriver('d', 'e1');
    Object.defineProperty(driver, 'trips', {
      get: () => {
        throw new TypeError('a fault');
      },
    });
    expect(() => advance(driver, broken, 1, RULES, noEffects())).toThrow(TypeError);
  });

  it('remembers the position of the last command', () => {
    fc.assert(
      fc.property(any, (all) => {
        const driver = newDriver('d', 'e1');
        run(driver, all);
        expect(driver.position).toBe(all.length);
      }),
      { numRuns: 20 },
    );
  });

  it('numbers every message of a feed one after the other [O1]', () => {
    fc.assert(
      fc.property(any, (all) => {
        const last = new Map<string, number>();
        for (const { published } of run(newDriver('d', 'e1'), all)) {
          for (const { feed, epoch, seq } of published) {
            expect(seq).toBe((last.get(`${feed} ${epoch}`) ?? 0) + 1);
            last.set(`${feed} ${epoch}`, seq);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('a driver whose trips, availability, profile or watermark by refusal changed is to be stored whole', () => {
    // Only what fixes alone do not change: the rest is folded from the stored fixes.
    const kept = ({ online, available, profile, trips }: ReturnType<typeof snapshotOf>) => ({
      online,
      available,
      profile,
      trips: trips.map(({ distance: _d, lastPoint: _lp, firstFixAt: _f, lastFixAt: _lf, updatedAt: _u, stops, ...trip }) => ({
        ...trip,
        stops: stops.map(({ wasNear: _n, wasIn: _i, wasOut: _o, ...stop }) => stop),
      })),
    });
    fc.assert(
      fc.property(any, (all) => {
        const driver = newDriver('d', 'e1');
        structuredClone(all).forEach((command, index) => {
          const before = JSON.stringify(kept(snapshotOf(driver)));
          const effects = noEffects();
          advance(driver, command, index + 1, RULES, effects);
          if (JSON.stringify(kept(snapshotOf(driver))) !== before || command.kind === 'refused')
            expect(effects.changed.has(driver), command.kind).toBe(true);
        });
      }),
      { numRuns: 60 },
    );
  });
});

describe('a backlog [O6]', () => {
  it('publishes its newest position once per feed, and every event', () => {
    fc.assert(
      fc.property(any, (all) => {
        run(newDriver('d', 'e1'), all).forEach(({ published, events }, index) => {
          const one = all[index];
          if (one?.kind !== 'fixes') return;
          const positions = published.filter(({ type }) => type === 'location');
          if (!one.live || one.fixes.length === 1) expect(positions.length).toBe(new Set(positions.map(({ feed }) => feed)).size);
          expect(published.length - positions.length).toBe(events.length);
        });
      }),
      { numRuns: 60 },
    );
  });
});
