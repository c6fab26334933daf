import type { Happened } from '../core/events.ts';
import { partiesOf, type Trip } from '../core/trip.ts';
import type { Bus } from './ports.ts';

/** What one person follows: the open trips of a passenger or customer, of a driver, of a merchant's label. */
export const PERSON_FEEDS = ['party', 'jobs', 'label'] as const;
export type PersonFeed = (typeof PERSON_FEEDS)[number];

/** Tells persons of trips that have become theirs: whoever follows them goes on with the trip's own feed [O8]. */
export class People {
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Only what can give a trip to somebody new counts. */
  happened(event: Happened, trip: Trip | null): void {
    if (trip === null || (event.kind !== 'assignment' && event.kind !== 'changed' && event.kind !== 'status')) return;
    for (const feed of personFeedsOf(trip)) this.#bus.publish({ type: 'person', feed, tripId: trip.id });
  }
}

/** The persons a trip concerns. */
export function personFeedsOf(trip: Trip): string[] {
  return [
    ...[...partiesOf(trip)].map((id) => `party:${id}`),
    ...trip.labels.map((label) => `label:${label}`),
    ...(trip.driverId === null ? [] : [`jobs:${trip.driverId}`]),
  ];
}
