import { isCanary } from '../core/canary.ts';
import type { Driver } from '../core/driver.ts';
import type { Published } from '../core/effects.ts';
import type { Trip } from '../core/trip.ts';
import type { Fleet } from './fleet.ts';
import type { People } from './people.ts';
import type { Bus, Hot, Mirror } from './ports.ts';

export interface PublisherParts {
  readonly hot: Hot;
  readonly bus: Bus;
  readonly fleet: Fleet;
  readonly people: People;
  readonly mirror: Mirror | undefined;
  /** A driver of this process. */
  readonly driver: (id: string) => Driver | undefined;
}

/** Where what happens goes out: to those who come back, to those who watch, to the fleet, to persons, to other services. */
export class Publisher {
  readonly #parts: PublisherParts;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  publish(one: Published): void {
    const { hot, bus, fleet, people, mirror } = this.#parts;
    // What can be asked for must not be behind what was told.
    hot.append(one);
    bus.publish(one);
    if (mirror !== undefined && !isCanaryOf(one)) mirror.published(one, this.#tripOf(one));
    if (one.type !== 'event') return;
    fleet.happened(one.event, one.trip);
    people.happened(one.event, one.trip);
  }

  /** Nobody finds the driver where drivers are looked for any more. */
  erased(driverId: string): void {
    this.#parts.fleet.gone(driverId);
    void this.#parts.mirror?.forget({ driverId });
  }

  #tripOf(one: Published): Trip | null {
    if (one.type === 'event') return one.trip;
    if (one.plan === null) return null;
    return this.#parts.driver(one.driverId)?.trips.find(({ feed }) => feed === one.feed)?.trip ?? null;
  }
}

function isCanaryOf(one: Published): boolean {
  return one.type === 'location' && isCanary(one.driverId);
}
