import { NearbyGrid } from './nearby-grid.ts';
import { type Found, type NearbyQuery, NearbySearch, UNITS_PER_DEGREE } from './nearby-search.ts';

/** Half a kilometre, for cities; and 9 km, for where few are. The one divides the other. */
const FINE = 50_000;
const COARSE = 16 * FINE;
/** After so many cells without enough found, the coarse ones are the shorter way. */
const FINE_CELLS = 400;
const FIRST_CAPACITY = 1_024;
/** No latitude: the slot is free. */
const FREE = -0x8000_0000;

/**
 * Moving points and who is nearest to a place. A point is known by its slot, a small number that is used again once the
 * point is removed. A place is kept at 1e-7 degree. About 48 bytes for each of the most points there ever were at once.
 */
export class Nearby {
  #capacity = FIRST_CAPACITY;
  #ys = new Int32Array(FIRST_CAPACITY).fill(FREE);
  #xs = new Int32Array(FIRST_CAPACITY);
  readonly #fine = new NearbyGrid(FINE, FIRST_CAPACITY);
  readonly #coarse = new NearbyGrid(COARSE, FIRST_CAPACITY);
  /** Slots below this one have been used; `#free` are those that can be again. */
  #used = 0;
  readonly #free: number[] = [];

  get size(): number {
    return this.#used - this.#free.length;
  }

  /** Takes a point in, degrees; answers its slot. */
  add(lat: number, lng: number): number {
    if (this.#free.length === 0 && this.#used === this.#capacity) this.#grow();
    const slot = this.#free.pop() ?? this.#used++;
    const y = Math.round(lat * UNITS_PER_DEGREE);
    const x = Math.round(lng * UNITS_PER_DEGREE);
    this.#ys[slot] = y;
    this.#xs[slot] = x;
    this.#fine.link(slot, this.#fine.cellOf(y, x));
    this.#coarse.link(slot, this.#coarse.cellOf(y, x));
    return slot;
  }

  move(slot: number, lat: number, lng: number): void {
    const y = Math.round(lat * UNITS_PER_DEGREE);
    const x = Math.round(lng * UNITS_PER_DEGREE);
    this.#ys[slot] = y;
    this.#xs[slot] = x;
    if (this.#fine.relink(slot, this.#fine.cellOf(y, x))) this.#coarse.relink(slot, this.#coarse.cellOf(y, x));
  }

  remove(slot: number): void {
    this.#fine.unlink(slot);
    this.#coarse.unlink(slot);
    this.#ys[slot] = FREE;
    this.#free.push(slot);
  }

  /** The nearest points within a radius, nearest first; of equally near ones the lower slot. Any radius is right, small ones are fast. */
  nearest(query: NearbyQuery): Found[] {
    const search = new NearbySearch(query, this.#ys, this.#xs);
    if (query.limit < 1 || this.size === 0) return [];
    if (this.#fine.search(search, Math.min(FINE_CELLS, this.size))) return search.found();
    search.restart();
    // Looking at a point is as dear as at a cell or two: beyond that there is nothing to gain from cells.
    if (this.#coarse.search(search, this.size / 2)) return search.found();
    search.restart();
    for (let slot = 0; slot < this.#used; slot++) if (this.#ys[slot] !== FREE) search.consider(slot);
    return search.found();
  }

  #grow(): void {
    this.#capacity *= 2;
    const [ys, xs] = [this.#ys, this.#xs];
    this.#ys = new Int32Array(this.#capacity).fill(FREE);
    this.#xs = new Int32Array(this.#capacity);
    this.#ys.set(ys);
    this.#xs.set(xs);
    for (const grid of [this.#fine, this.#coarse]) {
      grid.grow(this.#capacity);
      for (let slot = 0; slot < this.#used; slot++) grid.link(slot, grid.cellOf(this.#ys[slot] as number, this.#xs[slot] as number));
    }
  }
}
