import type { FixRow } from '../../core/effects.ts';

/** What a driver has in history that its last snapshot lacks, as far as this process stored it. */
interface Tail {
  /** The highest position, and the earliest receipt, epoch ms. */
  last: number;
  received: number;
}

/** A row for driver_tail: rows from position `since` on are not in the snapshot. */
export interface TailRow {
  readonly driverId: string;
  readonly since: number;
  readonly received: number;
}

/**
 * Which drivers have rows newer than their snapshots: the table driver_tail is written only when that begins, and
 * drivers are found whole without looking through history.
 */
export class Tails {
  readonly #tails = new Map<string, Tail>();

  /** What driver_tail has to learn of a commit; `whole`: the positions of the snapshots stored with it. */
  of(rows: readonly FixRow[], whole: ReadonlyMap<string, number>): TailRow[] {
    const begun = new Map<string, { since: number; received: number }>();
    for (const [driverId, position] of whole) {
      const tail = this.#tails.get(driverId);
      // A snapshot of before some rows that are stored already.
      if (tail !== undefined && tail.last > position) begun.set(driverId, { since: position + 1, received: tail.received });
    }
    for (const { driverId, position, receivedAt } of rows) {
      const covered = whole.get(driverId);
      if (covered === undefined ? this.#tails.has(driverId) : position <= covered) continue;
      const tail = begun.get(driverId);
      if (tail === undefined) begun.set(driverId, { since: position, received: receivedAt });
      else begun.set(driverId, { since: Math.min(tail.since, position), received: Math.min(tail.received, receivedAt) });
    }
    return Array.from(begun, ([driverId, tail]) => ({ driverId, ...tail }));
  }

  /** That commit is stored. */
  stored(rows: readonly FixRow[], whole: ReadonlyMap<string, number>): void {
    for (const [driverId, position] of whole) {
      const tail = this.#tails.get(driverId);
      if (tail !== undefined && tail.last <= position) this.#tails.delete(driverId);
    }
    for (const { driverId, position, receivedAt } of rows) {
      if (position <= (whole.get(driverId) ?? Number.NEGATIVE_INFINITY)) continue;
      const tail = this.#tails.get(driverId);
      if (tail === undefined) this.#tails.set(driverId, { last: position, received: receivedAt });
      else if (position > tail.last) tail.last = position;
    }
  }

  /** They begin anew. */
  erased(driverIds: Iterable<string>): void {
    for (const id of driverIds) this.#tails.delete(id);
  }

  /** Others may have stored these drivers meanwhile. */
  forget(): void {
    this.#tails.clear();
  }
}
