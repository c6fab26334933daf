import type { FixRow } from './effects.ts';
import type { Suspicion } from './plausibility.ts';

/**
 * A fix in the form history keeps it in [F1]: degrees in 1e-7; speed km/h, bearing degrees, accuracy and altitude m, each in
 * hundredths; suspect 0 no, 1 ahead, 2 teleport; times epoch ms.
 */
export interface KeptFix {
  readonly at: number;
  /** Grows in the order of receipt. */
  readonly id: number;
  readonly lat: number;
  readonly lng: number;
  readonly speed: number | null;
  readonly bearing: number | null;
  readonly accuracy: number | null;
  readonly altitude: number | null;
  readonly suspect: number;
  readonly received: number;
  readonly stream: string | null;
  readonly seq: number | null;
}

/** A stored fix; by `id` after capture history has one order, wherever its parts lie. */
export interface HistoryFix extends FixRow {
  readonly id: number;
}

const SUSPECT = ['ahead', 'teleport'] as const satisfies Suspicion[];

/** As the rest of the house knows it. `position` is of the log, 0 where nobody needs it any more. */
export function fixRowOf(kept: KeptFix, driverId: string, position: number): HistoryFix {
  const { id, at, lat, lng, received: receivedAt, stream, seq } = kept;
  const fix = {
    lat: lat / 1e7,
    lng: lng / 1e7,
    at,
    speed: unit(kept.speed),
    bearing: unit(kept.bearing),
    accuracy: unit(kept.accuracy),
    altitude: unit(kept.altitude),
  };
  const suspect = SUSPECT[kept.suspect - 1] ?? null;
  return { id, driverId, position, fix, receivedAt, suspect, stream, seq, unsure: false, reply: 0 };
}

/** As history keeps it. */
export function suspectNumber(suspect: Suspicion | null): number {
  return suspect === null ? 0 : SUSPECT.indexOf(suspect) + 1;
}

function unit(value: number | null): number | null {
  return value === null ? null : value / 100;
}
