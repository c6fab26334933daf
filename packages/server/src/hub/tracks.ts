import { setTimeout as sleep } from 'node:timers/promises';
import type { FixRow } from '../core/effects.ts';
import { judgeTrack, memoryMs } from '../core/plausibility.ts';
import type { Rules } from '../core/rules.ts';
import { type TrackInterval, trackIntervals } from '../core/track-intervals.ts';
import type { Trip } from '../core/trip.ts';
import type { Page } from './page.ts';
import type { Records } from './storage-ports.ts';

/** Read at once. */
const PAGE = 5_000;
/** Fixes before those wanted that their judgement takes in [F12]. */
const AROUND = 20;
/** So far back it looks for plausible ones; a track of which fewer are is told as far as that. */
const FURTHEST = 2_000;
/** A fix is shown some ms before it is stored. So often it is looked for again, and this long after, ms. */
const ATTEMPTS = 20;
const COMMIT_MS = 10;

/** The fixes that make up trips. Who may see them has been settled by the caller. */
export class Tracks {
  readonly #records: Records;
  readonly #rules: Rules;

  constructor(parts: { readonly records: Records; readonly rules: Rules }) {
    this.#records = parts.records;
    this.#rules = parts.rules;
  }

  /** The plausible fixes of a trip captured from `from` to `to` (epoch ms, inclusive), in capture order [F12]. */
  async whole(trip: Trip, from: number, to: number): Promise<readonly FixRow[]> {
    const rows: FixRow[] = [];
    for (const stretch of trackIntervals(trip)) {
      const first = Math.max(from, stretch.from);
      const last = Math.min(to, stretch.to);
      let cursor: string | null = null;
      do {
        const page: Page<FixRow> = await this.#records.locations(stretch.driverId, first, last, PAGE, cursor);
        rows.push(...page.items);
        cursor = page.cursor;
      } while (cursor !== null);
    }
    const plausible = judgeTrack(rows, this.#rules.maxPlausibleSpeedKmh);
    return rows.filter((_, index) => plausible[index]);
  }

  /**
   * At most `limit` plausible fixes of a trip, newest first, without reading all of its track; the last one shown is among
   * them, unless the store stalls.
   */
  async recent(trip: Trip, limit: number): Promise<readonly FixRow[]> {
    const shownAt = trip.lastPoint?.at ?? 0;
    for (let attempt = 1; ; attempt++) {
      const stored = await this.#stored(trip, limit);
      if (attempt === ATTEMPTS || (stored[0]?.fix.at ?? 0) >= shownAt) return stored;
      await sleep(COMMIT_MS);
    }
  }

  async #stored(trip: Trip, limit: number): Promise<readonly FixRow[]> {
    const found: FixRow[] = [];
    for (const interval of trackIntervals(trip).reverse()) {
      if (found.length >= limit) break;
      found.push(...(await this.#within(interval, limit - found.length)));
    }
    return found;
  }

  async #within({ driverId, from, to }: TrackInterval, limit: number): Promise<FixRow[]> {
    const { maxPlausibleSpeedKmh } = this.#rules;
    for (let reach = limit + AROUND; ; reach *= 2) {
      const before = Math.min(to + 1, Number.MAX_SAFE_INTEGER);
      const rows = await this.#records.locationsBefore(driverId, before, reach, from - memoryMs(maxPlausibleSpeedKmh));
      const plausible = judgeTrack(rows, maxPlausibleSpeedKmh);
      const inside = rows.filter((row, index) => plausible[index] === true && row.fix.at >= from);
      const isAll = rows.length < reach || (rows[0]?.fix.at ?? from) < from;
      if (inside.length >= limit || isAll || reach >= FURTHEST) return inside.slice(-limit).reverse();
    }
  }
}
