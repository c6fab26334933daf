import type { KeptFix } from './fix.ts';
import { haversine } from './haversine.ts';

/** F5: whether `b` cannot be where it says, seen from `a`. */
function teleports(a: KeptFix, b: KeptFix, maxKmh: number): boolean {
  if (maxKmh === 0) return false;
  const metres = haversine(a, b);
  if (metres <= 1000) return false;
  const hours = Math.abs(b.at - a.at) / 3_600_000;
  return hours === 0 || metres / 1000 / hours > maxKmh;
}

/** F4-F6 over fixes that already stand in the order to judge them in. */
export function plausible(fixes: readonly KeptFix[], maxKmh: number): boolean[] {
  const verdict = fixes.map(() => false);
  let last: KeptFix | null = null;
  let row: number[] = [];
  fixes.forEach((fix, i) => {
    const ahead = fix.at - fix.receivedAt > 60_000;
    if (ahead) return;
    if (last === null || !teleports(last, fix, maxKmh)) {
      verdict[i] = true;
      last = fix;
      row = [];
      return;
    }
    const before = fixes[row.at(-1) ?? -1];
    const agrees = before !== undefined && !teleports(before, fix, maxKmh);
    row = agrees ? [...row, i] : [i];
    if (row.length < 3) return;
    for (const j of row) verdict[j] = true;
    last = fix;
    row = [];
  });
  return verdict;
}
