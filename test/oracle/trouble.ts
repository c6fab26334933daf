import { ahead, type Track } from './bundled-track.ts';
import type { TruthFix } from './fix.ts';
import type { Point } from './haversine.ts';
import { type Random, random } from './random.ts';

export type Trouble =
  | 'double'
  | 'conflict'
  | 'teleport-1'
  | 'teleport-2'
  | 'teleport-3'
  | 'teleport-to-and-fro'
  | 'ahead'
  | 'past'
  | 'coarse'
  | 'no-accuracy';

export interface NumberedFix extends TruthFix {
  readonly stream: string;
  readonly seq: number;
}

/** `fixes` stands in order of receipt and every receipt is its own ms; `planted` counts the fixes touched or added. */
export interface TroubledTrack {
  readonly name: string;
  readonly fixes: readonly NumberedFix[];
  readonly planted: Readonly<Record<Trouble, number>>;
}

const DAY = 86_400_000;
const YEAR = 365 * DAY;
const RUNS = { 'teleport-1': 1, 'teleport-2': 2, 'teleport-3': 3, 'teleport-to-and-fro': 4 } as const;
type Planted = Record<Trouble, number>;

/** Runs of fixes that are less exact than they were, or do not say. */
function blur(fixes: TruthFix[], chance: Random, planted: Planted): void {
  for (let i = 0; i < fixes.length; i++) {
    if (!chance.chance(0.02)) continue;
    const what = chance.pick(['coarse', 'coarse', 'no-accuracy'] as const);
    const until = Math.min(fixes.length, i + chance.whole(1, 12));
    for (; i < until; i++) {
      const fix = fixes[i];
      if (fix === undefined) break;
      fixes[i] = { ...fix, accuracy: what === 'coarse' ? chance.between(60, 500) : chance.pick([null, undefined]) };
      planted[what]++;
    }
  }
}

/** Invented fixes between `fix` and the one after it, far off the road. Runs of three and more agree with each other. */
function teleport(fix: TruthFix, room: number, what: keyof typeof RUNS, chance: Random): TruthFix[] {
  const count = what === 'teleport-3' ? chance.whole(3, 6) : RUNS[what];
  const far = (): Point => ahead(fix, chance.between(0, 360), chance.pick([3000, 9000, 40_000, 300_000]) * chance.between(1, 2));
  const [here, there] = [far(), far()];
  return Array.from({ length: count }, (_, i) => {
    const place = what === 'teleport-to-and-fro' && i % 2 === 1 ? there : here;
    const later = Math.floor((room * (i + 1)) / (count + 1));
    return {
      ...fix,
      ...ahead(place, chance.between(0, 360), chance.between(0, 40)),
      at: fix.at + later,
      receivedAt: fix.receivedAt + later,
    };
  });
}

/** A fix of the same place whose clock is wrong. */
function misdated(fix: TruthFix, what: 'ahead' | 'past', chance: Random): TruthFix {
  const place = ahead(fix, chance.between(0, 360), chance.between(0, 200));
  const by = chance.pick([90_000, 600_000, 3_600_000, DAY, YEAR, 10 * YEAR]);
  const receivedAt = fix.receivedAt + 1;
  if (what === 'ahead') return { ...fix, ...place, receivedAt, at: receivedAt + by };
  return { ...fix, ...place, receivedAt, at: Math.max(0, fix.at - Math.max(600_000, by)) };
}

/** The fixes with impossible ones between them, not yet numbered. */
function mixIn(fixes: readonly TruthFix[], chance: Random, planted: Planted): TruthFix[] {
  const mixed: TruthFix[] = [];
  fixes.forEach((fix, i) => {
    mixed.push(fix);
    const room = (fixes[i + 1]?.at ?? fix.at + 1000) - fix.at;
    if (chance.chance(0.02) && room >= 1000 && room <= 10_000) {
      const what = chance.pick(Object.keys(RUNS) as (keyof typeof RUNS)[]);
      const added = teleport(fix, room, what, chance);
      planted[what] += added.length;
      mixed.push(...added);
    }
    if (chance.chance(0.015)) {
      const what = chance.pick(['ahead', 'past'] as const);
      planted[what]++;
      mixed.push(misdated(fix, what, chance));
    }
  });
  return mixed;
}

/** Sends of a number that was used before, later than the first. */
function repeat(fix: NumberedFix, chance: Random, planted: Planted): NumberedFix[] {
  const receivedAt = fix.receivedAt + chance.pick([1, 40, 3000, 90_000, 3_600_000]);
  if (chance.chance(0.04)) {
    planted.double++;
    return [{ ...fix, receivedAt }];
  }
  if (!chance.chance(0.01)) return [];
  planted.conflict++;
  const other = chance.pick([ahead(fix, 45, 30), { at: fix.at + 1 }, { speed: (fix.speed ?? 0) + 1 }]);
  return [{ ...fix, ...other, receivedAt }];
}

/** The track as a bad phone on a bad network would send it, numbered from 1 in the order it was first sent. */
export function withTrouble(track: Track, seed: number): TroubledTrack {
  const chance = random(seed * 104_729 + 5);
  const planted: Planted = {
    double: 0,
    conflict: 0,
    'teleport-1': 0,
    'teleport-2': 0,
    'teleport-3': 0,
    'teleport-to-and-fro': 0,
    ahead: 0,
    past: 0,
    coarse: 0,
    'no-accuracy': 0,
  };
  const base = [...track.fixes];
  blur(base, chance, planted);
  const stream = `phone-${seed}`;
  const numbered = inReceiptOrder(mixIn(base, chance, planted)).map((fix, i): NumberedFix => ({ ...fix, stream, seq: i + 1 }));
  const sends = numbered.flatMap((fix) => [fix, ...repeat(fix, chance, planted)]);
  return { name: `${track.name} with trouble ${seed}`, fixes: inReceiptOrder(sends), planted };
}

/** Sorted by receipt and each a ms after the one before at least, so that ties by receipt never depend on a sort. */
function inReceiptOrder<F extends TruthFix>(fixes: readonly F[]): F[] {
  let last = Number.NEGATIVE_INFINITY;
  return [...fixes]
    .sort((a, b) => a.receivedAt - b.receivedAt)
    .map((fix) => {
      last = Math.max(last + 1, fix.receivedAt);
      return { ...fix, receivedAt: last };
    });
}

/** The same things in another order, nothing else changed: receipts stay with their fixes. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const chance = random(seed * 31 + 3);
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = chance.whole(0, i);
    const [a, b] = [copy[i], copy[j]];
    if (a === undefined || b === undefined) continue;
    copy[i] = b;
    copy[j] = a;
  }
  return copy;
}

/**
 * The fixes received anew in the order given, a ms apart from `from` on (epoch ms). What was ahead of its first receipt
 * need not be ahead of this one (F4), and another of two that share a number may be first (F9): ask `truth` again.
 */
export function redelivered<F extends TruthFix>(fixes: readonly F[], from: number): F[] {
  return fixes.map((fix, i) => ({ ...fix, receivedAt: from + i }));
}
