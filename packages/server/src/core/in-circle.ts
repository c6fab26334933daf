import { type Box, boxAround, type Circle, millimetres } from './around.ts';
import { haversine } from './geo.ts';

/** What counts of a stored fix, of a driver known by `K`: degrees in 1e-7, epoch ms; `id` grows in the order of receipt. */
export interface PassingFix<K> {
  readonly driver: K;
  readonly at: number;
  readonly id: number;
  readonly lat: number;
  readonly lng: number;
  readonly suspect: number;
}

/** A driver found so far; `mm` and what follows are of the nearest fix. */
export interface PassFound<K> {
  readonly driver: K;
  first: number;
  last: number;
  fixes: number;
  mm: number;
  id: number;
  at: number;
  lat: number;
  lng: number;
}

/** Gathers, by driver, what is within a circle [Q2, Q3]. */
export class InCircle<K> {
  readonly box: Box;
  readonly #lat: number;
  readonly #lng: number;
  readonly #radius: number;
  readonly #found = new Map<K, PassFound<K>>();

  /** Degrees, m. */
  constructor(circle: Circle) {
    this.box = boxAround(circle);
    this.#lat = circle.lat;
    this.#lng = circle.lng;
    this.#radius = millimetres(circle.radius);
  }

  found(): PassFound<K>[] {
    return [...this.#found.values()];
  }

  /** Answers whether it is within. */
  add({ driver, at, id, lat, lng, suspect }: PassingFix<K>): boolean {
    if (suspect !== 0 || lat < this.box.south || lat > this.box.north) return false;
    const mm = millimetres(haversine(this.#lat, this.#lng, lat / 1e7, lng / 1e7));
    if (mm > this.#radius) return false;
    const known = this.#found.get(driver);
    if (known === undefined) {
      this.#found.set(driver, { driver, first: at, last: at, fixes: 1, mm, id, at, lat, lng });
      return true;
    }
    known.fixes++;
    known.first = Math.min(known.first, at);
    known.last = Math.max(known.last, at);
    // Of equally near ones the earlier, then the one received first [Q2].
    if (mm < known.mm || (mm === known.mm && (at < known.at || (at === known.at && id < known.id))))
      Object.assign(known, { mm, id, at, lat, lng });
    return true;
  }
}
