import { BLOCK, degrees, ground, isCorner, type Place, placeOn, type Route, routeBetween, streetBearing } from './city.ts';
import { between, gauss, type Random } from './random.ts';

export interface VehicleKind {
  /** km/h on a free street: slowest and fastest of the kind */
  speed: readonly [number, number];
}

/** What the receiver in the vehicle says. */
export interface Reading {
  lat: number;
  lng: number;
  /** km/h */
  speed: number;
  /** degrees from north */
  bearing: number;
  /** m */
  accuracy: number;
}

/** m/s2 */
const ACCELERATION = 1.8;
const BRAKING = 2.5;
/** m/s around a corner */
const CORNER_SPEED = 4.2;
/** s, the grain of the motion */
const GRAIN = 0.1;
/** how often a crossing makes it stop, and for how many s */
const RED = 0.25;
const RED_SECONDS = [2, 8] as const;
/** what is left of the receiver's error after a second */
const DRIFT = 0.9;

/**
 * One vehicle: drives routes with acceleration, slows down for corners, stops at some crossings, and reads its position
 * with an error. It moves only in `step`; the same random numbers give the same ride.
 */
export class Vehicle {
  readonly #random: Random;
  /** m/s on a free street */
  readonly #cruise: number;
  /** m, deviation of the receiver */
  readonly #noise: number;
  #route: Route;
  #travelled = 0;
  #speed = 0;
  /** s it still stands at a crossing */
  #hold = 0;
  /** the crossing, counted along the route, that was decided, and whether it is red */
  #crossing = -1;
  #red = false;
  #error = { east: 0, north: 0 };

  constructor(place: Place, kind: VehicleKind, random: Random) {
    this.#random = random;
    this.#cruise = between(random, kind.speed[0], kind.speed[1]) / 3.6;
    this.#noise = between(random, 3, 8);
    this.#route = { streets: [place.street], start: place.offset, end: place.offset, length: 0 };
    this.#error = { east: gauss(random) * this.#noise, north: gauss(random) * this.#noise };
  }

  get place(): Place {
    return placeOn(this.#route, this.#travelled);
  }

  /** m/s */
  get speed(): number {
    return this.#speed;
  }

  /** m to the end of its route */
  get left(): number {
    return this.#route.length - this.#travelled;
  }

  get arrived(): boolean {
    return this.left === 0;
  }

  /** Takes another way from where it is; it keeps its speed. */
  driveTo(place: Place): void {
    this.#route = routeBetween(this.place, place);
    this.#travelled = 0;
    this.#crossing = -1;
  }

  /** Lets `seconds` pass. */
  step(seconds: number): void {
    for (let left = seconds; left > 1e-9; left -= GRAIN) this.#move(Math.min(GRAIN, left));
    const keep = DRIFT ** seconds;
    const fresh = this.#noise * Math.sqrt(1 - keep * keep);
    this.#error = {
      east: this.#error.east * keep + gauss(this.#random) * fresh,
      north: this.#error.north * keep + gauss(this.#random) * fresh,
    };
  }

  /** What the receiver says now. */
  reading(): Reading {
    const { place } = this;
    const { east, north } = ground(place);
    const { lat, lng } = degrees(east + this.#error.east, north + this.#error.north);
    const moving = this.#speed > 0.5;
    const bearing = streetBearing(place.street) + (moving ? gauss(this.#random) * 2 : 0);
    return {
      lat,
      lng,
      speed: moving ? Math.max(0, this.#speed * 3.6 + gauss(this.#random) * 0.5) : 0,
      bearing: (bearing + 360) % 360,
      accuracy: this.#noise * between(this.#random, 1, 1.5),
    };
  }

  #move(seconds: number): void {
    if (this.#hold > 0) {
      this.#hold -= seconds;
      return;
    }
    if (this.arrived) {
      this.#speed = 0;
      return;
    }
    const limit = this.#limit();
    this.#speed = this.#speed < limit ? Math.min(limit, this.#speed + ACCELERATION * seconds) : limit;
    this.#travelled = Math.min(this.#route.length, this.#travelled + this.#speed * seconds);
    const toLine = this.#toCrossing();
    if (this.#red && toLine < 1) {
      this.#red = false;
      this.#speed = 0;
      this.#hold = between(this.#random, ...RED_SECONDS);
    }
    if (this.left < 0.5) {
      this.#travelled = this.#route.length;
      this.#speed = 0;
    }
  }

  /** m to the next crossing of the route; beyond its end there is none. */
  #toCrossing(): number {
    const total = this.#route.start + this.#travelled;
    const next = Math.floor(total / BLOCK + 1e-9) + 1;
    return next < this.#route.streets.length ? next * BLOCK - total : Number.POSITIVE_INFINITY;
  }

  /** m/s it may go here, to still make the next corner, the red light and the end. */
  #limit(): number {
    const line = this.#toCrossing();
    let limit = Math.min(this.#cruise, braking(this.left, 0));
    if (line === Number.POSITIVE_INFINITY) return Math.max(limit, 0.5);
    const index = Math.round((this.#route.start + this.#travelled + line) / BLOCK);
    if (index !== this.#crossing) {
      this.#crossing = index;
      this.#red = this.#random() < RED;
    }
    const from = this.#route.streets[index - 1] ?? 0;
    const to = this.#route.streets[index] ?? 0;
    if (isCorner(from, to)) limit = Math.min(limit, braking(line, CORNER_SPEED));
    if (this.#red) limit = Math.min(limit, braking(line - 0.5, 0));
    return Math.max(limit, 0.5);
  }
}

/** The speed from which `end` can just be reached in `distance` m. */
function braking(distance: number, end: number): number {
  return Math.sqrt(2 * BRAKING * Math.max(0, distance) + end * end);
}
