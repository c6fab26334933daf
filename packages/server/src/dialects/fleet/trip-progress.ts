import { isoTime } from '@waycast/protocol';
import { etasOf, type Plan, planOf, type Sees } from '../../core/eta.ts';
import type { Fix } from '../../core/fix.ts';
import { isOpenTrip, type Trip } from '../../core/trip.ts';
import type { HybridLocation, LiveLocation, TripUpdate } from './messages.ts';

/** An ETA that moved by so much is told, at most so often, ms [K9]. */
const MOVED_MS = 30_000;
const EVERY_MS = 5_000;

/** A trip as one rider follows it: what is to be said of it, and when. Times are epoch ms. */
export class TripProgress {
  readonly #party: string;
  readonly #sees: Sees;
  #trip: Trip;
  #plan: Plan;
  #fix: Fix | null;
  /** The ETA last told, and when. */
  #told: number | null = null;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** `party` is who follows, `sees` which stops it is told of; `fix` is where the driver is, as far as that is known. */
  constructor(party: string, sees: Sees, trip: Trip, fix: Fix | null) {
    this.#party = party;
    this.#sees = sees;
    this.#trip = trip;
    this.#plan = planOf(trip.kind, trip.stops);
    this.#fix = fix;
  }

  get trip(): Trip {
    return this.#trip;
  }

  get driverId(): string | null {
    return this.#trip.driverId;
  }

  get isOpen(): boolean {
    return isOpenTrip(this.#trip);
  }

  /** The trip as it is now. Where the one before drove says nothing about where a new driver is. */
  changed(trip: Trip): void {
    if (trip.driverId !== this.#trip.driverId) this.#fix = null;
    this.#trip = trip;
    this.#plan = planOf(trip.kind, trip.stops);
  }

  moved(fix: Fix, plan: Plan | null): void {
    this.#fix = fix;
    this.#plan = plan ?? this.#plan;
  }

  /** When the driver is at the rider's own next stop; at the next one it is told of, when the rider has none left. */
  eta(now: number): number | null {
    if (this.#fix === null || !this.isOpen) return null;
    const [own] = etasOf(this.#plan, this.#fix, now, ({ partyId }) => partyId === this.#party);
    return (own ?? etasOf(this.#plan, this.#fix, now, this.#sees)[0])?.at ?? null;
  }

  /** What is said of the trip now. */
  update(now: number): TripUpdate {
    this.#told = this.eta(now);
    this.#toldAt = now;
    return { tripId: this.#trip.id, status: this.#trip.status, eta: isoOrNull(this.#told) };
  }

  /** Whether the ETA is worth telling: known at last, or moved far. */
  isDue(now: number): boolean {
    if (this.#told !== null && now - this.#toldAt < EVERY_MS) return false;
    const eta = this.eta(now);
    return eta !== null && (this.#told === null || Math.abs(eta - this.#told) >= MOVED_MS);
  }

  hybridLocation({ lat, lng }: Fix, now: number): HybridLocation {
    return { lat, lng, eta: isoOrNull(this.eta(now)) };
  }
}

export function liveLocation(driverId: string, { lat, lng, bearing, speed, at }: Fix): LiveLocation {
  return { driverId, latitude: lat, longitude: lng, bearing, speed, timestamp: isoTime(at) };
}

function isoOrNull(at: number | null): string | null {
  return at === null ? null : isoTime(at);
}
