import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advance } from './advance.ts';
import type { Command } from './commands.ts';
import { type Driver, type DriverSnapshot, newDriver, restoreDriver, snapshotOf } from './driver.ts';
import { noEffects } from './effects.ts';
import { commands } from './testing/commands.ts';
import { adoption, at, RULES, road, stop, trip } from './testing/samples.ts';

function run(driver: Driver, all: readonly Command[], from = 0): Driver {
  structuredClone(all).forEach((command, index) => {
    advance(driver, command, from + index + 1, RULES, noEffects());
  });
  return driver;
}

/** Through JSON, as the store keeps it. */
function kept(driver: Driver): DriverSnapshot {
  return JSON.parse(JSON.stringify(snapshotOf(driver))) as DriverSnapshot;
}

describe('a snapshot', () => {
  it('of a new driver restores a new driver', () => {
    const driver = newDriver('d', 'e1');
    expect(restoreDriver('d', 'e1', kept(driver))).toEqual(driver);
  });

  it('is plain JSON: what comes back is what was kept, under a new epoch [O1]', () => {
    fc.assert(
      fc.property(commands({ unnumbered: true }), (all) => {
        const driver = run(newDriver('d', 'e1'), all);
        const restored = restoreDriver('d', 'e2', kept(driver));
        expect(kept(restored)).toEqual(kept(driver));
        expect(restored).toMatchObject({ epoch: 'e2', seq: 0 });
        for (const active of restored.trips) expect(active).toMatchObject({ epoch: expect.stringMatching(/^e2\./), seq: 0 });
      }),
      { numRuns: 100 },
    );
  });

  it('shares nothing with the driver it was taken of', () => {
    const { driver, drive } = road();
    drive(at(0), at(1, 100_000));
    const snapshot = kept(driver);
    const restored = restoreDriver('d', 'e2', snapshot);
    const before = structuredClone(snapshot);
    run(restored, [
      {
        kind: 'fixes',
        driverId: 'd',
        receivedAt: at(2).at,
        reply: 0,
        live: true,
        stream: 's',
        base: null,
        sender: 0,
        fixes: [{ seq: 3, fix: at(2, 100_000) }],
      },
    ]);
    expect(snapshot).toEqual(before);
  });
});

describe('restore and fold', () => {
  it('a snapshot at any point and the rest give the same as straight through, for numbered fixes [A6]', () => {
    fc.assert(
      fc.property(commands({ unnumbered: false }), fc.nat(), (all, where) => {
        const cut = where % (all.length + 1);
        const straight = run(newDriver('d', 'e1'), all);
        const before = run(newDriver('d', 'e1'), all.slice(0, cut));
        const folded = run(restoreDriver('d', 'e2', kept(before)), all.slice(cut), cut);
        expect(kept(folded)).toEqual(kept(straight));
      }),
      { numRuns: 200 },
    );
  });

  it('and for fixes without a number, as long as none comes twice [A6]', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -30, max: 30 }), fc.constantFrom(0, 90, 700, 60_000)), { maxLength: 60 }),
        fc.nat(),
        (sent, where) => {
          const all = sent.map(([off, metres], i): Command => {
            // Each at a ms of its own.
            const fix = { ...at(i * 5 + off, metres), at: at(i * 5 + off).at + i };
            return {
              kind: 'fixes',
              driverId: 'd',
              receivedAt: at(i * 5 + 40).at,
              reply: 0,
              live: true,
              stream: null,
              base: null,
              sender: 0,
              fixes: [{ seq: null, fix }],
            };
          });
          const given: Command[] = [adoption(trip('t', [stop('A', 'pickup', 0), stop('B', 'dropoff', 700)])), ...all];
          const cut = where % (given.length + 1);
          const before = run(newDriver('d', 'e1'), given.slice(0, cut));
          const folded = run(restoreDriver('d', 'e2', kept(before)), given.slice(cut), cut);
          expect(kept(folded)).toEqual(kept(run(newDriver('d', 'e1'), given)));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('the last fix again after a restart decides nothing: it is a repeat, not a second one [F9, G2]', () => {
    const { driver, take, drive } = road();
    take(adoption(trip('t', [stop('A', 'pickup', 0)])));
    const last = at(5, 10, { accuracy: 80 });
    drive(last);
    const again = road(restoreDriver('d', 'e2', kept(driver)));
    const [effects] = again.drive(last);
    expect(effects?.events).toEqual([]);
    expect(effects?.published).toEqual([]);
  });
});
