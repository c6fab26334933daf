import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KeptFix, TruthFix } from './fix.ts';
import { haversine } from './haversine.ts';
import { plausible } from './plausible.ts';
import { quantise } from './quantise.ts';

/** Places on the equator by name, 111 m a step: A home, B and C some 100 km away and apart. */
const PLACES = { A: 0, B: 1, C: -1 } as const;

/** One fix a second, "A a" and so on; a lower-case letter is the same place with a clock 61 s ahead. */
function judge(script: string, max = 300): string {
  const fixes = [...script].map((name, i): KeptFix => {
    const lng = PLACES[name.toUpperCase() as keyof typeof PLACES] + i * 0.00001;
    const isAhead = name !== name.toUpperCase();
    return quantise({ lat: 0, lng, at: i * 1000 + (isAhead ? 61_000 : 0), receivedAt: i * 1000 });
  });
  return plausible(fixes, max)
    .map((verdict) => (verdict ? '+' : '.'))
    .join('');
}

describe('plausible [F4-F6]', () => {
  it.each([
    ['AAAA', '++++', 'nothing to say'],
    ['AAaA', '++.+', 'F4: ahead'],
    ['aAAA', '.+++', 'F4: ahead, the first'],
    ['aaaA', '...+', 'F4: three ahead never agree'],
    ['AABAA', '++.++', 'F5: one jump'],
    ['AABBAA', '++..++', 'F6: two do not do'],
    ['AABBBB', '++++++', 'F6: three do'],
    ['AABBBAA', '+++++..', 'F6: and then home is what is far'],
    ['AABBBAAA', '++++++++', 'F6: until three say so'],
    ['AABBABA', '++..+.+', 'F6: a plausible one starts the row anew'],
    ['AABBABBA', '++..+..+', 'F6: two and two are not three'],
    ['AABCBCBC', '++......', 'F6: none agrees with the one before'],
    ['AABCCC', '++.+++', 'F6: who does not agree is the first of the next row'],
    ['AABBCCC', '++..+++', 'F6: the same after two'],
    ['AABaBbB', '+++.+.+', 'F6: ahead ones neither count nor break the row'],
    ['BAAA', '++++', 'a wrong first is outvoted, and stays'],
    ['BAA', '+..', 'but not by two'],
  ])('%s is judged %s: %s', (script, verdict) => {
    expect(judge(script)).toBe(verdict);
  });

  it('F5: 0 turns it off, but not F4', () => {
    expect(judge('ABCaBAC', 0)).toBe('+++.+++');
  });

  const pair = (metres: number, milliseconds: number): boolean[] => {
    const lng = metres / ((Math.PI * 6_371_000) / 180);
    return plausible(
      [quantise({ lat: 0, lng: 0, at: 0, receivedAt: 1e9 }), quantise({ lat: 0, lng, at: milliseconds, receivedAt: 1e9 })],
      300,
    );
  };

  it('F5: needs both more than 1 km and more than the speed; no time at all is too fast', () => {
    expect(pair(990, 1)).toEqual([true, true]);
    expect(pair(990, 0)).toEqual([true, true]);
    expect(pair(999.9, 1)).toEqual([true, true]);
    expect(pair(1000.1, 1)).toEqual([true, false]);
    expect(pair(1010, 0)).toEqual([true, false]);
    expect(pair(3000, 35_000)).toEqual([true, false]);
    expect(pair(3000, 37_000)).toEqual([true, true]);
    expect(pair(3000, -35_000)).toEqual([true, false]);
    expect(pair(3000, -37_000)).toEqual([true, true]);
  });

  it('F4: 60 s are allowed, a ms more is not', () => {
    const verdicts = [60_000, 60_001].map((by) => plausible([quantise({ lat: 0, lng: 0, at: by, receivedAt: 0 })], 300));
    expect(verdicts).toEqual([[true], [false]]);
  });

  const fix = fc.record({
    lat: fc.constant(0),
    lng: fc.constantFrom(0, 0.001, 0.005, 0.02, 1, 1.001, 2),
    step: fc.constantFrom(0, 1000, 5000, 60_000),
  });
  const track = fc.array(fix, { maxLength: 60 }).map((steps): TruthFix[] => {
    let at = 0;
    return steps.map(({ lat, lng, step }) => {
      at += step;
      return { lat, lng, at, receivedAt: at + 100 };
    });
  });

  it('does not change by what is ahead of its time, wherever it stands', () => {
    fc.assert(
      fc.property(track, fc.infiniteStream(fc.nat({ max: 4 })), (fixes, where) => {
        const kept = fixes.map(quantise);
        const mixed = kept.flatMap((one) => (where.next().value === 0 ? [{ ...one, lng: 50, receivedAt: one.at - 60_001 }, one] : [one]));
        const verdict = plausible(mixed, 300);
        expect(verdict.filter((_, i) => mixed[i]?.lng !== 50)).toEqual(plausible(kept, 300));
        expect(verdict.filter((_, i) => mixed[i]?.lng === 50)).not.toContain(true);
      }),
    );
  });

  it('believes a jump only where three agree', () => {
    fc.assert(
      fc.property(track, (fixes) => {
        const kept = fixes.map(quantise);
        const verdict = plausible(kept, 300);
        const far = (a: KeptFix, b: KeptFix): boolean =>
          haversine(a, b) > 1000 && haversine(a, b) / (Math.abs(a.at - b.at) / 1000) > 300 / 3.6;
        let last: KeptFix | null = null;
        kept.forEach((one, i) => {
          if (!verdict[i]) return;
          const [second, third] = [kept[i + 1], kept[i + 2]];
          if (last !== null && far(last, one)) {
            const three = second !== undefined && third !== undefined && verdict[i + 1] && verdict[i + 2];
            expect(three && !far(one, second) && !far(second, third)).toBe(true);
          }
          last = one;
        });
      }),
      { numRuns: 500 },
    );
  });
});
