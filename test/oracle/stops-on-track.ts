import { ahead, type Track } from './bundled-track.ts';
import type { TruthFix } from './fix.ts';
import { haversine, type Point } from './haversine.ts';
import { units } from './quantise.ts';
import { random } from './random.ts';
import type { TruthStop } from './stop.ts';

/** Indexes of two passes by the same place, at least a fifth of the track and a departure apart; null when there are none. */
export function visitedTwice(fixes: readonly TruthFix[]): readonly [number, number] | null {
  for (let i = 0; i < fixes.length; i += 3) {
    for (let j = i + Math.ceil(fixes.length / 5); j < fixes.length; j++) {
      const [a, b] = [fixes[i], fixes[j]];
      if (a === undefined || b === undefined || haversine(a, b) > 40) continue;
      if (fixes.slice(i, j).some((fix) => haversine(fix, a) > 600)) return [i, j];
    }
  }
  return null;
}

interface Pair {
  readonly pickup: number;
  readonly dropoff: number;
  /** of the drop-off beside the track, m */
  readonly offset: number;
}

/**
 * `count` pairs of pickup and drop-off on the track, in the order the track comes by their pickups and drop-offs. Of every
 * five: a plain one; one picked up where the one before is dropped (overlapping); one at a place passed twice, if
 * there is any; one with its drop-off 120-400 m of road from its pickup; one over nearly the whole track. Pairs are held together
 * by booking and party, by party alone, or by nothing but the order. From five on the last is cancelled and stands last.
 */
export function stopsOnTrack(track: Track, count: number, seed = 1): TruthStop[] {
  const { fixes } = track;
  const chance = random(seed * 613 + count);
  const last = fixes.length - 1;
  const index = (fraction: number): number => Math.min(last, Math.max(0, Math.round(fraction * last)));
  const twice = visitedTwice(fixes);
  const pairs: Pair[] = [];
  for (let i = 0; i < count; i++) {
    const a = chance.between(0.02, 0.6);
    const plain: Pair = { pickup: index(a), dropoff: index(chance.between(a + 0.1, 0.98)), offset: chance.between(0, 60) };
    const before = pairs.at(-1);
    if (i % 5 === 1 && before !== undefined) {
      pairs.push({ ...plain, pickup: before.dropoff, dropoff: Math.max(before.dropoff, index(chance.between(0.7, 0.99))) });
    } else if (i % 5 === 2 && twice !== null) {
      pairs.push(
        chance.chance(0.5) ? { ...plain, pickup: twice[0], dropoff: twice[1] } : { ...plain, dropoff: twice[0], pickup: index(0.01) },
      );
    } else if (i % 5 === 3) {
      const near = fixes.findIndex((fix, j) => j > plain.pickup && haversine(fix, fixes[plain.pickup] ?? fix) > chance.between(120, 400));
      pairs.push(near < 0 ? plain : { ...plain, dropoff: near });
    } else if (i % 5 === 4) {
      pairs.push({ ...plain, pickup: index(0.01), dropoff: index(0.97) });
    } else pairs.push(plain);
  }
  const placed = pairs.flatMap((pair, i) => {
    const cancelled = count >= 5 && i === count - 1;
    const named = {
      ...(i % 3 === 2 && !cancelled ? {} : { partyId: `party-${i}` }),
      ...(i % 3 === 0 || cancelled
        ? { bookingId: `booking-${i}`, bookingStatus: cancelled ? ('cancelled' as const) : ('approved' as const) }
        : {}),
      ...(i % 4 === 3 ? { approachRadius: 300, arriveRadius: 60 } : {}),
    };
    const at = (where: number, offset: number): Point => kept(ahead(fixes[where] ?? { lat: 0, lng: 0 }, chance.between(0, 360), offset));
    return [
      {
        order: cancelled ? Number.MAX_VALUE : pair.pickup,
        stop: { id: `pickup-${i}`, type: 'pickup' as const, ...at(pair.pickup, 10), ...named },
      },
      {
        order: cancelled ? Number.MAX_VALUE : pair.dropoff,
        stop: { id: `dropoff-${i}`, type: 'dropoff' as const, ...at(pair.dropoff, pair.offset), ...named },
      },
    ];
  });
  return placed.sort((a, b) => a.order - b.order).map(({ stop }) => stop);
}

/** Stops stand at 1e-7 degree already, so that it does not matter whether F1 is meant for them too. */
function kept(point: Point): Point {
  return { lat: units(point.lat, 1e7) / 1e7, lng: units(point.lng, 1e7) / 1e7 };
}
