import type { TripKind, TripStatus } from '@waycast/protocol';

/** Which time of the trip a status sets [T3]. */
export type Stamp = 'startedAt' | 'arrivedAt' | 'completedAt' | 'cancelledAt';

interface Step {
  readonly next: readonly TripStatus[];
  readonly stamp?: Stamp;
}

interface Lifecycle {
  readonly first: TripStatus;
  /** Whether steps may be left out where that is configured. */
  readonly jumps: boolean;
  readonly steps: Readonly<Partial<Record<TripStatus, Step>>>;
}

/** What differs between kinds of trips is in this table and nowhere else [T1, T3]. */
const LIFECYCLES: Readonly<Record<TripKind, Lifecycle>> = {
  ride: {
    first: 'PENDING',
    jumps: false,
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
    jumps: true,
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

/** The statuses passed on the way from one to another, `to` the last of them; null when there is no way [T1]. */
export function wayTo(kind: TripKind, from: TripStatus, to: TripStatus, mayJump: boolean): readonly TripStatus[] | null {
  const { steps, jumps } = LIFECYCLES[kind];
  if (steps[from]?.next.includes(to)) return [to];
  if (!mayJump || !jumps) return null;
  const way: TripStatus[] = [];
  for (let at: TripStatus | undefined = from; at !== undefined && at !== to; ) {
    at = steps[at]?.next.find((next) => next !== 'CANCELLED');
    if (at !== undefined) way.push(at);
  }
  return way.at(-1) === to ? way : null;
}

/** Whether one status can come after another, however many lie between. */
export function leadsTo(kind: TripKind, from: TripStatus, to: TripStatus): boolean {
  const next = LIFECYCLES[kind].steps[from]?.next ?? [];
  return next.includes(to) || next.some((one) => leadsTo(kind, one, to));
}

export function stampOf(kind: TripKind, status: TripStatus): Stamp | undefined {
  return LIFECYCLES[kind].steps[status]?.stamp;
}

/** A trip is open while its status leads anywhere. */
export function isOpen(kind: TripKind, status: TripStatus): boolean {
  return (LIFECYCLES[kind].steps[status]?.next.length ?? 0) > 0;
}
