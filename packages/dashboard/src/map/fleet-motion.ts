import type { FleetPosition, Location } from '@waycast/protocol';
import { type Look, lookOf } from '../live/fleet.ts';
import { distanceBetween, type Point } from './geo.ts';
import { type Glide, isMoving, type Pose, poseAt, rest, retarget } from './glide.ts';

export interface MovingVehicle {
  id: string;
  look: Look;
  glide: Glide;
  /** when the last position came, on the clock of the glide */
  heardAt: number;
  /** capture time of the position it glides to */
  timestamp: string;
  source: FleetPosition | null;
}

/** Every vehicle with its glide. Pure of any map; times are of one steady clock in milliseconds. */
export class FleetMotion {
  still = false;
  readonly #vehicles = new Map<string, MovingVehicle>();

  get size(): number {
    return this.#vehicles.size;
  }

  vehicles(): Iterable<MovingVehicle> {
    return this.#vehicles.values();
  }

  poseOf(id: string, now: number): Pose | null {
    const vehicle = this.#vehicles.get(id);
    return vehicle === undefined ? null : poseAt(vehicle.glide, now);
  }

  /** Takes over the fleet as it is known now. Only positions that are new objects are looked at. */
  sync(fleet: ReadonlyMap<string, FleetPosition>, now: number): void {
    for (const [id, position] of fleet) {
      const known = this.#vehicles.get(id);
      if (known?.source === position) continue;
      this.#move(id, lookOf(position), position, position.bearing, position.timestamp, position, now);
    }
    for (const [id, vehicle] of this.#vehicles) {
      // A vehicle known from its trip alone is kept by whoever observes it.
      if (!fleet.has(id) && vehicle.source !== null) this.#vehicles.delete(id);
    }
  }

  /** A position from a trip's or driver's own feed, which is faster than the fleet's. */
  observe(id: string, location: Location, now: number): void {
    const known = this.#vehicles.get(id);
    this.#move(id, known?.look ?? 'silent', location, location.bearing, location.timestamp, known?.source ?? null, now);
  }

  /** Forgets a vehicle that only `observe` knew. */
  release(id: string): void {
    if (this.#vehicles.get(id)?.source === null) this.#vehicles.delete(id);
  }

  isMoving(now: number): boolean {
    for (const vehicle of this.#vehicles.values()) if (isMoving(vehicle.glide, now)) return true;
    return false;
  }

  #move(id: string, look: Look, at: Point, bearing: number | null, timestamp: string, source: FleetPosition | null, now: number): void {
    const target: Pose = { lat: at.lat, lng: at.lng, bearing };
    const known = this.#vehicles.get(id);
    if (known === undefined) {
      this.#vehicles.set(id, { id, look, glide: rest(target, now), heardAt: now, timestamp, source });
      return;
    }
    known.look = look;
    known.source = source;
    if (timestamp < known.timestamp) return;
    const sameSpot = distanceBetween(known.glide.to, target) < 0.05;
    if (timestamp === known.timestamp && sameSpot) return;
    known.glide = retarget(known.glide, target, now, now - known.heardAt, this.still);
    known.heardAt = now;
    known.timestamp = timestamp;
  }
}
