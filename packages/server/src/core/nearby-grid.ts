import { EARTH_RADIUS } from './geo.ts';
import { HALF_TURN, type NearbySearch, QUARTER_TURN, UNITS_PER_RADIAN, widthAt } from './nearby-search.ts';

const NONE = -1;

/** Which cells of a grid a search has seen: rows and columns from and to, inclusive; columns not yet wrapped round the earth. */
interface Seen {
  readonly south: number;
  readonly north: number;
  readonly west: number;
  readonly east: number;
}

/**
 * Points in square cells of degrees. Cells hash to buckets; a bucket is a doubly linked list through the slots, so that a
 * point changes its cell without any allocation. Neighbours in a row lie side by side in memory.
 */
export class NearbyGrid {
  readonly #size: number;
  readonly #columns: number;
  readonly #rows: number;
  #cells: Int32Array;
  #next: Int32Array;
  /** The slot before, or, of the first in its bucket, -1 - bucket. */
  #previous: Int32Array;
  #heads: Int32Array;
  #mask: number;

  /** @param size of a cell, in units; must divide a half turn and a quarter turn */
  constructor(size: number, capacity: number) {
    this.#size = size;
    this.#columns = (2 * HALF_TURN) / size;
    this.#rows = (2 * QUARTER_TURN) / size;
    this.#cells = new Int32Array(capacity);
    this.#next = new Int32Array(capacity);
    this.#previous = new Int32Array(capacity);
    this.#heads = new Int32Array(capacity).fill(NONE);
    this.#mask = capacity - 1;
  }

  /** The number of the cell a place lies in. */
  cellOf(y: number, x: number): number {
    const column = Math.floor((x + HALF_TURN) / this.#size);
    return this.#cell(this.#row(y), column === this.#columns ? 0 : column);
  }

  link(slot: number, cell: number): void {
    const bucket = this.#bucket(cell);
    const first = this.#heads[bucket] as number;
    this.#cells[slot] = cell;
    this.#next[slot] = first;
    this.#previous[slot] = -1 - bucket;
    if (first !== NONE) this.#previous[first] = slot;
    this.#heads[bucket] = slot;
  }

  unlink(slot: number): void {
    const next = this.#next[slot] as number;
    const previous = this.#previous[slot] as number;
    if (next !== NONE) this.#previous[next] = previous;
    if (previous < 0) this.#heads[-1 - previous] = next;
    else this.#next[previous] = next;
  }

  /** Moves a point to another cell, if it is another; answers whether it was. */
  relink(slot: number, cell: number): boolean {
    if (this.#cells[slot] === cell) return false;
    this.unlink(slot);
    this.link(slot, cell);
    return true;
  }

  /** Makes room for more slots, a power of two; all those `used` have to be linked anew. */
  grow(capacity: number): void {
    this.#cells = new Int32Array(capacity);
    this.#next = new Int32Array(capacity);
    this.#previous = new Int32Array(capacity);
    this.#heads = new Int32Array(capacity).fill(NONE);
    this.#mask = capacity - 1;
  }

  /**
   * Shows a search the points around its place, ring by ring, until no other can be nearer than those it has.
   * Answers false when that would take more than `budget` cells: then it has not seen all.
   */
  search(search: NearbySearch, budget: number): boolean {
    const row = this.#row(search.y);
    let seen: Seen = { south: row + 1, north: row, west: 0, east: NONE };
    for (let ring = 0; ; ring++) {
      const south = Math.max(0, row - ring);
      const north = Math.min(this.#rows - 1, row + ring);
      // Everything within `clear` lies in these rows.
      const clear = Math.min(this.#below(search.y, row - ring), this.#above(search.y, row + ring)) / UNITS_PER_RADIAN;
      const worst = search.worst / EARTH_RADIUS;
      const { west, east } = this.#span(search, Math.min(clear, worst), seen);
      if (east - west + 1 >= this.#columns) return false;
      budget -= (north - south + 1) * (east - west + 1) - (seen.north - seen.south + 1) * (seen.east - seen.west + 1);
      if (budget < 0) return false;
      this.#visit(search, seen, { south, north, west, east });
      if (search.worst / EARTH_RADIUS < clear * (1 - 1e-9)) return true;
      seen = { south, north, west, east };
    }
  }

  /** Shows what lies in `now` and did not in `seen`. */
  #visit(search: NearbySearch, seen: Seen, now: Seen): void {
    for (let row = now.south; row <= now.north; row++) {
      if (row < seen.south || row > seen.north) {
        this.#show(search, row, now.west, now.east);
      } else {
        this.#show(search, row, now.west, seen.west - 1);
        this.#show(search, row, seen.east + 1, now.east);
      }
    }
  }

  #show(search: NearbySearch, row: number, west: number, east: number): void {
    const columns = this.#columns;
    for (let column = west; column <= east; column++) {
      const cell = this.#cell(row, column < 0 ? column + columns : column >= columns ? column - columns : column);
      for (let slot = this.#heads[this.#bucket(cell)] as number; slot !== NONE; slot = this.#next[slot] as number) {
        if (this.#cells[slot] === cell) search.consider(slot);
      }
    }
  }

  /** The columns that hold everything within `reach` (radians) of the place, and all that were seen before. */
  #span({ lat, x }: NearbySearch, reach: number, seen: Seen): { west: number; east: number } {
    const width = widthAt((lat * Math.PI) / 180, reach) * UNITS_PER_RADIAN * (1 + 1e-9) + 1;
    const west = Math.floor((x - width + HALF_TURN) / this.#size);
    const east = Math.floor((x + width + HALF_TURN) / this.#size);
    if (seen.east < seen.west) return { west, east };
    return { west: Math.min(west, seen.west), east: Math.max(east, seen.east) };
  }

  /** How far it is to the southern edge of a row, in units; nothing lies beyond the pole. */
  #below(y: number, row: number): number {
    return row <= 0 ? Number.POSITIVE_INFINITY : y - (row * this.#size - QUARTER_TURN);
  }

  #above(y: number, row: number): number {
    return row >= this.#rows - 1 ? Number.POSITIVE_INFINITY : (row + 1) * this.#size - QUARTER_TURN - y;
  }

  /** The North Pole itself belongs to the last row. */
  #row(y: number): number {
    return Math.min(this.#rows - 1, Math.floor((y + QUARTER_TURN) / this.#size));
  }

  #cell(row: number, column: number): number {
    return (Math.imul(row, this.#columns) + column) | 0;
  }

  #bucket(cell: number): number {
    return (cell + Math.imul(cell >>> 8, 0x9e3779b1)) & this.#mask;
  }
}
