import { PARTITIONS } from '../../hub/ports.ts';

/** So many entries that are stored stay in a list until they are dropped in one go. */
const DROP_AT_ONCE = 1_024;

interface Handed {
  entries: { readonly position: number; readonly weight: number }[];
  /** From here on they are not stored. */
  first: number;
  weight: number;
}

/** What this process was handed on and is not stored yet: it is in its memory, as commands or as what they led to [P5]. */
export class HandedOn {
  readonly #lanes: readonly Handed[] = Array.from({ length: PARTITIONS }, () => ({ entries: [], first: 0, weight: 0 }));
  #weight = 0;

  /** Of all partitions, in fixes and other commands. */
  get weight(): number {
    return this.#weight;
  }

  add(partition: number, position: number, weight: number): void {
    const lane = this.#lanes[partition] as Handed;
    lane.entries.push({ position, weight });
    lane.weight += weight;
    this.#weight += weight;
  }

  /** Everything up to this position is stored. */
  stored(partition: number, position: number): void {
    const lane = this.#lanes[partition] as Handed;
    let gone = 0;
    for (let next = lane.entries[lane.first]; next !== undefined && next.position <= position; next = lane.entries[lane.first]) {
      gone += next.weight;
      lane.first++;
    }
    lane.weight -= gone;
    this.#weight -= gone;
    if (lane.first < lane.entries.length && lane.first < DROP_AT_ONCE) return;
    lane.entries = lane.entries.slice(lane.first);
    lane.first = 0;
  }

  /** Nothing of the partition is in this process any more. */
  forget(partition: number): void {
    const lane = this.#lanes[partition] as Handed;
    this.#weight -= lane.weight;
    lane.entries = [];
    lane.first = 0;
    lane.weight = 0;
  }
}
