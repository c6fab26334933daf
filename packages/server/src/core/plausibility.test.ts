import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fix } from './fix.ts';
import { judge, judgeLate, judgeTrack, newJudgement, reachable } from './plausibility.ts';
import { at, road } from './testing/samples.ts';

/** One fix a second at named places 100 km apart; a lower-case letter has a clock 61 s ahead. */
const PLACES: Readonly<Record<string, number>> = { A: 0, B: 100_000, C: -100_000 };
function script(names: string): { fix: Fix; receivedAt: number }[] {
  return [...names].map((name, second) => {
    const fix = at(second, PLACES[name.toUpperCase()]);
    return name === name.toUpperCase() ? { fix, receivedAt: fix.at } : { fix: { ...fix, at: fix.at + 61_000 }, receivedAt: fix.at };
  });
}
const told = (verdict: readonly boolean[]) => verdict.map((one) => (one ? '+' : '.')).join('');

describe('ahead [F4]', () => {
  it('allows 60 s, and not a ms more', () => {
    const fix = at(60);
    expect(judge(newJudgement(), fix, fix.at - 60_000, 300).verdict).toBe('plausible');
    expect(judge(newJudgement(), fix, fix.at - 60_001, 300).verdict).toBe('ahead');
  });

  it('holds also where the teleport rule is off', () => {
    expect(judge(newJudgement(), at(60), at(0).at - 1, 0).verdict).toBe('ahead');
  });
});

describe('teleport [F5]', () => {
  it.each([
    [999.9, 0, true],
    [999.9, 1, true],
    [1000.1, 0, false],
    [1000.1, 1, false],
    [3000, 35, false],
    [3000, 37, true],
    [3000, -35, false],
    [3000, -37, true],
  ])('%d m in %d s: %s', (metres, seconds, may) => {
    expect(reachable(at(0), at(seconds, metres), 300)).toBe(may);
  });

  it('never happens at 0 km/h', () => {
    expect(reachable(at(0), at(0, 19_000_000), 0)).toBe(true);
  });

  it('is the same both ways', () => {
    const place = fc.record({ seconds: fc.integer({ min: 0, max: 5000 }), metres: fc.integer({ min: -200_000, max: 200_000 }) });
    fc.assert(
      fc.property(place, place, (a, b) => {
        const [one, other] = [at(a.seconds, a.metres), at(b.seconds, b.metres)];
        expect(reachable(one, other, 300)).toBe(reachable(other, one, 300));
      }),
    );
  });
});

const CASES = [
  ['AAAA', '++++', 'nothing to say'],
  ['AAaA', '++.+', 'ahead'],
  ['aAAA', '.+++', 'ahead, the first'],
  ['aaaA', '...+', 'three ahead never agree'],
  ['AABAA', '++.++', 'one jump'],
  ['AABBAA', '++..++', 'two do not do'],
  ['AABBBB', '++++++', 'three do'],
  ['AABBBAA', '+++++..', 'and then home is what is far'],
  ['AABBBAAA', '++++++++', 'until three say so'],
  ['AABBABA', '++..+.+', 'a plausible one starts the row anew'],
  ['AABBABBA', '++..+..+', 'two and two are not three'],
  ['AABCBCBC', '++......', 'none agrees with the one before'],
  ['AABCCC', '++.+++', 'who does not agree is the first of the next row'],
  ['AABBCCC', '++..+++', 'the same after two'],
  ['AABaBbB', '+++.+.+', 'ahead ones neither count nor break the row'],
  ['BAAA', '++++', 'a wrong first is outvoted, and stays'],
] as const;

describe('a track [F6, F12]', () => {
  it.each(CASES)('%s is judged %s: %s', (names, verdict) => {
    expect(told(judgeTrack(script(names), 300))).toBe(verdict);
  });

  it.each(CASES)('%s as it comes in is told %s in the end', (names, verdict) => {
    const state = newJudgement();
    const believed = new Set<Fix>();
    for (const { fix, receivedAt } of script(names)) {
      const said = judge(state, fix, receivedAt, 300);
      for (const earlier of said.believed) believed.add(earlier);
      if (said.verdict === 'plausible' || said.verdict === 'cleared') believed.add(fix);
    }
    expect(
      script(names).map((_, i) =>
        [...believed].some((fix) => fix.lng === script(names)[i]?.fix.lng && fix.at === script(names)[i]?.fix.at),
      ),
    ).toEqual([...verdict].map((one) => one === '+'));
  });

  it('judge and judgeTrack agree, whatever comes', () => {
    const step = fc.record({
      metres: fc.constantFrom(0, 500, 100_000, 100_400, -100_000, 300_000),
      seconds: fc.integer({ min: 0, max: 400 }),
      ahead: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.constantFrom(0, 50, 300), (steps, max) => {
        let clock = 0;
        const track = steps.map(({ metres, seconds, ahead }) => {
          clock += seconds;
          const fix = at(clock, metres);
          return { fix, receivedAt: ahead ? fix.at - 60_001 : fix.at };
        });
        const state = newJudgement();
        const live = new Set<Fix>();
        for (const { fix, receivedAt } of track) {
          const { verdict, believed } = judge(state, fix, receivedAt, max);
          for (const earlier of believed) live.add(earlier);
          if (verdict === 'plausible' || verdict === 'cleared') live.add(fix);
        }
        expect(judgeTrack(track, max)).toEqual(track.map(({ fix }) => live.has(fix)));
      }),
    );
  });

  it('late fixes are judged alone and leave the judgement as it was [F6, F8]', () => {
    const state = newJudgement();
    for (const { fix, receivedAt } of script('AABB')) judge(state, fix, receivedAt, 300);
    const before = structuredClone(state);
    expect(judgeLate(state, at(-10, 0), 300)).toBe('plausible');
    expect(judgeLate(state, at(-10, 100_000), 300)).toBe('teleport');
    expect(state).toEqual(before);
    expect(judgeLate(newJudgement(), at(0), 300)).toBe('plausible');
  });
});

describe('a driver that is judged [F7, F8]', () => {
  const { A, B } = { A: 0, B: 100_000 };

  it('stores suspects, tells their sender, and counts and publishes none of them', () => {
    const { driver, take, drive } = road();
    drive(at(0, A), at(1, A));
    const [effects] = drive(at(2, B));
    expect(effects?.rows).toMatchObject([{ suspect: 'teleport', fix: at(2, B) }]);
    expect(effects?.published).toEqual([]);
    expect(effects?.remarks).toMatchObject([{ kind: 'suspect', reason: 'teleport', at: at(2).at }]);
    expect(driver.latest).toEqual(at(1, A));
    const early = take({
      kind: 'fixes',
      driverId: 'd',
      receivedAt: at(3).at,
      reply: 7,
      live: true,
      stream: null,
      base: null,
      sender: 0,
      fixes: [{ seq: null, fix: at(64) }],
    });
    expect(early.rows).toMatchObject([{ suspect: 'ahead' }]);
    expect(early.answers).toMatchObject([{ reply: 7, counts: { accepted: 1, stored: 1, suspect: 1 } }]);
  });

  it('counts what is cleared, and publishes only the one that cleared it [F6, O5]', () => {
    const { driver, drive } = road();
    drive(at(0, A), at(1, B), at(2, B + 10));
    const [effects] = drive(at(3, B + 20));
    expect(effects?.rows).toMatchObject([{ suspect: null }]);
    expect(effects?.published).toMatchObject([{ type: 'location', fix: at(3, B + 20) }]);
    expect(driver.latest).toEqual(at(3, B + 20));
  });

  it('takes the later receipt of two captures at one time for the latest [F8]', () => {
    const { driver, drive } = road();
    drive(at(0, 0), at(0, 50));
    expect(driver.latest).toEqual(at(0, 50));
  });

  it('stores late fixes and changes nothing live for them [F8, O5]', () => {
    const { driver, drive } = road();
    drive(at(10, 0));
    const [effects] = drive(at(5, 20));
    expect(effects).toMatchObject({ published: [], rows: [{ suspect: null }] });
    expect(driver.latest).toEqual(at(10, 0));
  });

  it('never goes back in time, whatever comes in whatever order [F8]', () => {
    const place = fc.tuple(fc.integer({ min: 0, max: 40 }), fc.constantFrom(A, B, B, B));
    fc.assert(
      fc.property(fc.array(place, { minLength: 4, maxLength: 8 }), (sent) => {
        const { driver, drive } = road();
        let newest = Number.NEGATIVE_INFINITY;
        for (const [second, metres] of sent) {
          drive(at(second, metres));
          expect(driver.latest?.at).toBeGreaterThanOrEqual(newest);
          newest = driver.latest?.at ?? newest;
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('suspects that clear one another out of order count as if they had never been suspect: the latest is the newest [F6, F8]', () => {
    const { driver, drive } = road();
    drive(at(5, A), at(10, B), at(8, B), at(9, B));
    expect(driver.latest).toEqual(at(10, B));
  });
});
