import type { StopInput } from '@waycast/protocol';
import type { TruthStop } from '../oracle/stop.ts';

/** A fix of a drive along the road; `at` is the capture, epoch ms. */
export interface RoadFix {
  readonly lat: number;
  readonly lng: number;
  readonly at: number;
  readonly speed: number;
  readonly accuracy: number;
}

/** m between two fixes, a second apart */
const STEP = 20;
const METRE = 1 / 111_195;
const STOPS_A_TRIP = 20;
const STOP_EVERY = 460;

/**
 * A straight road to the north for each driver, and what is driven on it: fix after fix, known beforehand, so that the
 * truth of every trip can be told whatever happened in between.
 */
export class Road {
  readonly #lng: number;
  readonly #from: number;

  constructor(index: number, from: number) {
    this.#lng = 11 + index * 0.05;
    this.#from = from;
  }

  fix(i: number): RoadFix {
    const round = (value: number) => Math.round(value * 1e7) / 1e7;
    // Every seventh fix is coarse: it decides only together with the one before it (G2).
    const accuracy = i % 7 === 3 ? 80 : 8;
    return { lat: round(44 + i * STEP * METRE), lng: this.#lng, at: this.#from + i * 1_000, speed: 72, accuracy };
  }

  /** The stops of one of its trips, the next stretch of road each; pickups and drop-offs overlap (G5). */
  stops(trip: number): (TruthStop & StopInput)[] {
    return Array.from({ length: STOPS_A_TRIP }, (_, i) => {
      const metres = 300 + (trip * STOPS_A_TRIP + i) * STOP_EVERY + (i % 3) * 31;
      const party = i < 2 ? 0 : Math.floor((i - (i % 2 === 0 ? 0 : 3)) / 2);
      const type = i % 5 === 4 ? ('waypoint' as const) : i % 2 === 0 ? ('pickup' as const) : ('dropoff' as const);
      return { id: `s${i}`, type, lat: 44 + metres * METRE, lng: this.#lng, partyId: `p${party}` };
    });
  }
}
