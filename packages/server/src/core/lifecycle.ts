import type { TripKind, TripStatus } from '@waycast/protocol';

/** Which time of the trip a status sets [T3]. */
export type Stamp = 'startedAt' | 'arrivedAt' | 'completedAt' | 'cancelledAt';

interface Step {
  readonly next: readonly TripStatus[];
  readonly stamp?: Stamp;
}

interface Lifecycle {
  readonly first: TripStatus;
  readonly steps: Readonly<Partial<Record<TripStatus, Step>>>;
}

/** What differs between kinds of trips is in this table and nowhere else [T1, T3]. */
const LIFECYCLES: Readonly<Record<TripKind, Lifecycle>> = {
  ride: {
    first: 'PENDING',
    steps: {
      PENDING: { next: ['EN_ROUTE', 'CANCELLED'] },
      EN_ROUTE: { next: ['ARRIVED', 'CANCELLED'], stamp: 'startedAt' },
      ARRIVED: { next: ['IN_PROGRESS', 'CANCELLED'], stamp: 'arrivedAt' },
      IN_PROGRESS: { next: ['COMPLETED', 'CANCELLED'] },
      COMPLETED: { next: [], stamp: 'completedAt' },
      CANCELLED: { next: [], stamp: 'cancelledAt' },
    },
  },
  delivery: {
    first: 'ASSIGNED',
    steps: {
      ASSIGNED: { next: ['PICKED_UP', 'CANCELLED'] },
      PICKED_UP: { next: ['IN_TRANSIT', 'CANCELLED'], stamp: 'startedAt' },
      IN_TRANSIT: { next: ['DELIVERED', 'CANCELLED'] },
      DELIVERED: { next: [], stamp: 'completedAt' },
      CANCELLED: { next: [], stamp: 'cancelledAt' },
    },
  },
};

export function firstStatus(kind: TripKind): TripStatus {
  return LIFECYCLES[kind].first;
}

export function mayGo(kind: TripKind, from: TripStatus, to: TripStatus): boolean {
  return LIFECYCLES[kind].steps[from]?.next.includes(to) ?? false;
}

export function stampOf(kind: TripKind, status: TripStatus): Stamp | undefined {
  return LIFECYCLES[kind].steps[status]?.stamp;
}

/** A trip is open while its status leads anywhere. */
export function isOpen(kind: TripKind, status: TripStatus): boolean {
  return (LIFECYCLES[kind].steps[status]?.next.length ?? 0) > 0;
}
