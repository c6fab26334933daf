import { WaycastError } from '@waycast/protocol';
import type { LocationPublished } from '../../core/effects.ts';
import type { Fix } from '../../core/fix.ts';
import type { Trip } from '../../core/trip.ts';
import { currentLocation, type Destination, locationUpdate } from '../../dialects/rideshare/locations.ts';
import type { CurrentLocation } from '../../dialects/rideshare/messages.ts';
import { destinationOf, isOver } from '../../dialects/rideshare/parties.ts';
import { driverRoom } from '../../hub/attendance.ts';
import type { Delivery } from '../../hub/delivery.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Watcher } from '../../hub/watchers.ts';
import { frame } from '../websocket/frame.ts';

/** A socket of a ride. */
export interface Member {
  /** The ride has changed: whoever has no part in it any more goes. null: there is no such ride any more. */
  review(trip: Trip | null): void;
  /** The driver of the ride has come, or gone. */
  driverIs(connected: boolean): void;
  deliver(delivery: Delivery): void;
}

export interface RideParts {
  readonly hub: Hub;
  readonly now: () => number;
  readonly broken: (error: unknown) => void;
}

/** A ride with sockets on this process: followed once for all of them. */
export class Ride implements Watcher {
  readonly id: string;
  readonly #parts: RideParts;
  readonly #members = new Set<Member>();
  #trip: Trip | null = null;
  #destination: Destination = null;
  #latest: Fix | null = null;
  /** The room in which the driver is counted, while the ride goes on. */
  #room: string | null = null;
  /** Whether somebody is in it; null until that is known. */
  #driverConnected: boolean | null = null;
  #counting: Promise<void> = Promise.resolve();
  #lastDelivery: LocationPublished | undefined;
  #lastFrame: Buffer | null = null;

  constructor(id: string, parts: RideParts) {
    this.id = id;
    this.#parts = parts;
  }

  /**
   * Resolves once everything that happens to the ride is heard.
   * @throws WaycastError `not_found`
   */
  async follow(): Promise<void> {
    const { hub } = this.#parts;
    hub.rides.watch(this.id);
    const exists = await hub.watching.followTrip(this.id, this, (snapshot) => this.deliver(snapshot));
    if (!exists) throw new WaycastError('not_found', 'no such ride');
    await this.#counting;
  }

  /** Nobody is here any more. */
  close(): void {
    const { hub } = this.#parts;
    hub.rides.unwatch(this.id);
    hub.watching.unsubscribe(`trip:${this.id}`, this);
    if (this.#room !== null) hub.attendance.unfollow(this.#room, this);
    this.#room = null;
  }

  join(member: Member): void {
    this.#members.add(member);
    // Since it was let in the ride may have become another one.
    member.review(this.#trip);
  }

  leave(member: Member): void {
    this.#members.delete(member);
  }

  /** Where its driver was last heard of on this ride, while it goes on [R4]. */
  currentLocation(): CurrentLocation | null {
    const trip = this.#trip;
    if (trip === null || isOver(trip) || trip.driverId === null || this.#latest === null) return null;
    return currentLocation(trip.driverId, this.#latest, this.#destination, this.#parts.now());
  }

  /** The frame of a location, made once for all passengers: they are served one after the other. */
  frameOf(delivery: LocationPublished): Buffer | null {
    if (delivery === this.#lastDelivery) return this.#lastFrame;
    const { driverId, fix, now } = delivery;
    this.#lastFrame = frame(JSON.stringify(locationUpdate(driverId, fix, this.#destination, now)));
    this.#lastDelivery = delivery;
    return this.#lastFrame;
  }

  deliver(delivery: Delivery): void {
    switch (delivery.type) {
      case 'location':
        this.#latest = delivery.fix;
        break;
      case 'event':
        if (delivery.trip !== null) this.#see(delivery.trip);
        break;
      case 'snapshot':
        // What the engine works on changes under our hands.
        if (delivery.trip !== null) this.#see(structuredClone(delivery.trip));
        return;
      case 'removed':
        this.#trip = null;
        for (const member of this.#members) member.review(null);
        return;
      case 'attendance':
        if (delivery.room === this.#room) this.#driverIs(delivery.count > 0);
        return;
      default:
        return;
    }
    for (const member of this.#members) member.deliver(delivery);
  }

  #see(trip: Trip): void {
    if (trip.revision < (this.#trip?.revision ?? 0)) return;
    this.#trip = trip;
    this.#destination = destinationOf(trip);
    this.#latest = trip.lastPoint;
    for (const member of this.#members) member.review(trip);
    this.#followDriver(isOver(trip) ? null : trip.driverId);
  }

  #followDriver(driverId: string | null): void {
    const { attendance } = this.#parts.hub;
    const room = driverId === null ? null : driverRoom(driverId);
    if (room === this.#room) return;
    if (this.#room !== null) attendance.unfollow(this.#room, this);
    this.#room = room;
    if (room === null) {
      this.#driverIs(false);
      return;
    }
    attendance.follow(room, this);
    this.#counting = this.#count(room);
    this.#counting.catch(this.#parts.broken);
  }

  /** Who came or went since is heard anyway, and later. */
  async #count(room: string): Promise<void> {
    const count = await this.#parts.hub.attendance.count(room);
    if (this.#room === room) this.#driverIs(count > 0);
  }

  #driverIs(connected: boolean): void {
    const before = this.#driverConnected;
    this.#driverConnected = connected;
    if (before === null || before === connected) return;
    for (const member of this.#members) member.driverIs(connected);
  }
}
