import { EARTH_RADIUS, haversine } from './geo.ts';

/** Coordinates are whole 1e-7 degrees, as fixes have them [F1]. */
export const UNITS_PER_DEGREE = 1e7;
export const HALF_TURN = 180 * UNITS_PER_DEGREE;
export const QUARTER_TURN = 90 * UNITS_PER_DEGREE;
export const UNITS_PER_RADIAN = HALF_TURN / Math.PI;
/** What rounding may take away from a bound: far more than it does, and far less than a unit. */
const SLACK = 1e-9;

/** A point that was found: its slot, and how far it is in metres. */
export interface Found {
  readonly slot: number;
  readonly distance: number;
}

export interface NearbyQuery {
  /** degrees */
  readonly lat: number;
  readonly lng: number;
  /** m, inclusive */
  readonly radius: number;
  readonly limit: number;
  /** Whether a slot counts; asked only about points that would be among the nearest. */
  readonly accept: (slot: number) => boolean;
}

/** 1 cm, in radians. */
const POLE_SLACK = 0.01 / EARTH_RADIUS;

/** How far east and west of a point on `lat` anything within `reach` can lie; all radians. Pi when a pole is within reach. */
export function widthAt(lat: number, reach: number): number {
  // A circle that only just touches the pole has all longitudes: rounding must not leave it a hair short, a centimetre say.
  if (Math.abs(lat) + reach + POLE_SLACK >= Math.PI / 2) return Math.PI;
  return Math.asin(Math.sin(reach) / Math.cos(lat));
}

/** One search: the nearest of the points it was shown so far. */
export class NearbySearch {
  readonly lat: number;
  readonly lng: number;
  /** Of the place, in units. */
  readonly y: number;
  readonly x: number;
  readonly #ys: Int32Array;
  readonly #xs: Int32Array;
  readonly #limit: number;
  readonly #accept: (slot: number) => boolean;
  /** Sorted by distance, then slot. */
  readonly #slots: number[] = [];
  readonly #distances: number[] = [];
  #worst: number;
  /** What lies outside cannot be within `#boxOf` metres; units, then a bound on a cheap underestimate of the squared distance. */
  #boxOf = 0;
  #height = 0;
  #width = 0;
  #squeeze = 0;
  #loss = 0;
  #bound = 0;

  /** `ys` and `xs`: latitude and longitude by slot, in units. */
  constructor(query: NearbyQuery, ys: Int32Array, xs: Int32Array) {
    this.lat = query.lat;
    this.lng = query.lng;
    this.y = query.lat * UNITS_PER_DEGREE;
    this.x = query.lng * UNITS_PER_DEGREE;
    this.#ys = ys;
    this.#xs = xs;
    this.#limit = query.limit;
    this.#accept = query.accept;
    this.#worst = query.radius;
    this.#draw();
  }

  /** Nothing farther than this is of interest any more, m. */
  get worst(): number {
    return this.#worst;
  }

  found(): Found[] {
    return this.#slots.map((slot, i) => ({ slot, distance: this.#distances[i] as number }));
  }

  /** Forgets what it found, to be shown the points in another way. */
  restart(): void {
    this.#slots.length = 0;
    this.#distances.length = 0;
  }

  consider(slot: number): void {
    const dy = Math.abs((this.#ys[slot] as number) - this.y);
    if (dy > this.#height) return;
    let dx = Math.abs((this.#xs[slot] as number) - this.x);
    if (dx > HALF_TURN) dx = 2 * HALF_TURN - dx;
    if (dx > this.#width || dy * dy + this.#squeeze * dx * dx > this.#bound) return;
    if (!this.#accept(slot)) return;
    const lat = (this.#ys[slot] as number) / UNITS_PER_DEGREE;
    const lng = (this.#xs[slot] as number) / UNITS_PER_DEGREE;
    this.#insert(slot, haversine(this.lat, this.lng, lat, lng));
  }

  #insert(slot: number, distance: number): void {
    const [slots, distances] = [this.#slots, this.#distances];
    if (distance > this.#worst) return;
    let at = slots.length;
    while (at > 0 && ((distances[at - 1] as number) > distance || (distances[at - 1] === distance && (slots[at - 1] as number) > slot)))
      at--;
    if (at >= this.#limit) return;
    // Shifted by hand: splice costs an array each.
    for (let i = Math.min(slots.length, this.#limit - 1); i > at; i--) {
      slots[i] = slots[i - 1] as number;
      distances[i] = distances[i - 1] as number;
    }
    slots[at] = slot;
    distances[at] = distance;
    if (slots.length < this.#limit) return;
    this.#worst = distances[this.#limit - 1] as number;
    if (this.#worst < this.#boxOf / 2) this.#draw();
    else this.#bind();
  }

  /**
   * Draws the box that holds everything within the worst distance. Inside it haversine's sin(a/2)^2 is at least
   * (a/2)^2 (1 - a^2/12), and cos(lat) at least that of the edge nearest to a pole: so the planar distance,
   * squeezed by the one and short by the other, is never more than the true one.
   */
  #draw(): void {
    const lat = (this.lat * Math.PI) / 180;
    const reach = this.#worst / EARTH_RADIUS;
    const width = widthAt(lat, reach);
    const longest = Math.min(Math.PI, Math.max(reach, width)) * (1 + SLACK);
    this.#boxOf = this.#worst;
    this.#height = reach * UNITS_PER_RADIAN * (1 + SLACK) + 1;
    this.#width = width * UNITS_PER_RADIAN * (1 + SLACK) + 1;
    this.#squeeze = Math.cos(lat) * Math.max(0, Math.cos(Math.min(Math.PI / 2, Math.abs(lat) + reach)));
    this.#loss = 1 - (longest * longest) / 12;
    this.#bind();
  }

  #bind(): void {
    const reach = (this.#worst / EARTH_RADIUS) * UNITS_PER_RADIAN + 1;
    this.#bound = ((reach * reach) / this.#loss) * (1 + SLACK);
  }
}
