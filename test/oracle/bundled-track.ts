import type { TruthFix } from './fix.ts';
import type { Point } from './haversine.ts';
import { type Random, random } from './random.ts';

export interface Track {
  readonly name: string;
  /** in capture order, each received a little after its capture */
  readonly fixes: readonly TruthFix[];
}

/** Bologna, Piazza Maggiore; the drives are invented. */
const CITY: Point = { lat: 44.4938, lng: 11.3426 };

/** `metres` from a point on a bearing; flat-earth, good for the short legs of a drive. */
export function ahead(from: Point, bearing: number, metres: number): Point {
  const radians = Math.PI / 180;
  const lat = from.lat + (metres * Math.cos(bearing * radians)) / 111_195;
  return { lat, lng: from.lng + (metres * Math.sin(bearing * radians)) / (111_195 * Math.cos(from.lat * radians)) };
}

interface Car {
  place: Point;
  /** degrees */
  heading: number;
  /** m/s */
  speed: number;
  /** m/s, what this street allows */
  limit: number;
  /** m left to the next crossing */
  street: number;
  /** s still to stand */
  standing: number;
}

function turn(car: Car, chance: Random): void {
  car.heading += chance.pick([0, 0, 90, -90]) + chance.normal() * 4;
  // A drive that strays far from the city turns back to it.
  const north = car.place.lat - CITY.lat;
  const east = (car.place.lng - CITY.lng) * Math.cos((CITY.lat * Math.PI) / 180);
  if (Math.hypot(north, east) > 0.06) car.heading = (Math.atan2(-east, -north) * 180) / Math.PI + chance.normal() * 20;
  car.street = chance.between(60, 450);
  car.limit = chance.pick([30, 40, 50, 50, 70]) / 3.6;
  if (chance.chance(0.35)) car.standing = chance.between(4, 50);
}

/** One second of driving. */
function drive(car: Car, chance: Random): void {
  if (car.standing > 0) {
    car.standing -= 1;
    car.speed = 0;
    return;
  }
  const braking = Math.sqrt(2 * 2 * Math.max(0, car.street)) + 1.5;
  car.speed = Math.max(1, Math.min(car.speed + chance.between(0.5, 2), car.limit, braking));
  car.place = ahead(car.place, car.heading, car.speed);
  car.street -= car.speed;
  if (car.street <= 0) turn(car, chance);
}

/** A stop-and-go drive: 400-1,800 fixes 1-5 s apart, red lights, parking, gaps of minutes, noise that wanders. */
export function bundledTrack(seed: number): Track {
  const chance = random(seed * 7919 + 17);
  const count = chance.whole(400, 1800);
  const rhythm = chance.pick([
    [1, 1],
    [1, 3],
    [2, 5],
    [5, 5],
    [1, 5],
  ] as const);
  const start = ahead(CITY, chance.between(0, 360), chance.between(0, 3000));
  const car: Car = { place: start, heading: chance.whole(0, 3) * 90 + 12, speed: 0, limit: 12, street: 200, standing: 5 };
  let clock = Date.UTC(2024, 4, 6 + (seed % 300), 6) + chance.whole(0, 10 * 3600) * 1000;
  let received = 0;
  const error = { north: 0, east: 0 };
  const fixes: TruthFix[] = [];
  while (fixes.length < count) {
    if (chance.chance(0.002)) car.standing = chance.between(90, 900);
    const gap = chance.chance(0.003);
    const seconds = gap ? chance.whole(60, 600) : chance.whole(rhythm[0], rhythm[1]);
    for (let s = 0; s < seconds; s++) drive(car, chance);
    clock += seconds * 1000;
    error.north = error.north * 0.9 + chance.normal() * 1.6;
    error.east = error.east * 0.9 + chance.normal() * 1.6;
    const seen = ahead(ahead(car.place, 0, error.north), 90, error.east);
    received = Math.max(received + 1, clock + chance.whole(80, 1500));
    fixes.push({
      ...seen,
      at: clock,
      receivedAt: received,
      speed: Math.max(0, car.speed * 3.6 + chance.normal() * 0.8),
      bearing: (((car.heading + chance.normal() * 3) % 360) + 360) % 360,
      accuracy: chance.between(3, 24),
    });
  }
  return { name: `bundled-${seed}`, fixes };
}

export function bundledTracks(): Track[] {
  return [1, 2, 3, 4, 5].map(bundledTrack);
}
