import type { TripInput, TripKind, TripStatus } from '@waycast/protocol';
import { coordinates, type Place } from './city.ts';
import { between, type Random } from './random.ts';

/** What a driver does next for its trip. */
export type Task =
  | { do: 'create' }
  | { do: 'status'; status: TripStatus }
  | { do: 'drive'; to: 'pickup' | 'dropoff' }
  | { do: 'wait'; seconds: number };

export interface JobPlan {
  id: string;
  /** its number in this run */
  number: number;
  kind: TripKind;
  driverId: string;
  driverName: string;
  pickup: Place;
  dropoff: Place;
}

/** One trip as its driver lives it: a list of tasks, done one after the other. */
export class Job {
  readonly plan: JobPlan;
  readonly #tasks: readonly Task[];
  #at = 0;

  constructor(plan: JobPlan, random: Random) {
    this.plan = plan;
    this.#tasks = plan.kind === 'ride' ? ride(random) : delivery(random);
  }

  /** undefined once the trip has ended */
  get task(): Task | undefined {
    return this.#tasks[this.#at];
  }

  /** whether the server knows the trip */
  get created(): boolean {
    return this.#at > 0;
  }

  /** The current task is done. */
  advance(): void {
    this.#at = Math.min(this.#at + 1, this.#tasks.length);
  }

  /** The server says how the trip stands: go on after that. False when it knows less than was done here. */
  realign(status: TripStatus): boolean {
    if (status === 'CANCELLED') this.#at = this.#tasks.length;
    const known = this.#tasks.findIndex((task) => task.do === 'status' && task.status === status);
    if (known >= this.#at) this.#at = known + 1;
    return !this.#tasks.slice(known + 1, this.#at).some((task) => task.do === 'status') || status === 'CANCELLED';
  }

  /** The trip as it is created: what is the same at every attempt, so that repeating is safe. */
  input(): TripInput {
    const { id, number, kind, driverId, driverName, pickup, dropoff } = this.plan;
    const who = { partyId: `demo-${kind === 'ride' ? 'rider' : 'customer'}-${number}`, bookingId: `booking-${id}` };
    const booked = kind === 'ride' ? ({ bookingStatus: 'approved' } as const) : {};
    const shop = (number % 7) + 1;
    return {
      id,
      kind,
      driverId,
      driverName,
      stops: [
        { id: `${id}-a`, type: 'pickup', ...rounded(pickup), ...who, ...booked, ...(kind === 'delivery' && { name: `Shop ${shop}` }) },
        { id: `${id}-b`, type: 'dropoff', ...rounded(dropoff), ...who, ...booked },
      ],
      labels: kind === 'ride' ? ['demo'] : ['demo', `demo-shop-${shop}`],
    };
  }
}

function ride(random: Random): Task[] {
  return [
    { do: 'create' },
    { do: 'wait', seconds: between(random, 0.5, 2) },
    { do: 'status', status: 'EN_ROUTE' },
    { do: 'drive', to: 'pickup' },
    { do: 'status', status: 'ARRIVED' },
    { do: 'wait', seconds: between(random, 5, 10) },
    { do: 'status', status: 'IN_PROGRESS' },
    { do: 'drive', to: 'dropoff' },
    { do: 'wait', seconds: between(random, 3, 6) },
    { do: 'status', status: 'COMPLETED' },
  ];
}

function delivery(random: Random): Task[] {
  return [
    { do: 'create' },
    { do: 'drive', to: 'pickup' },
    { do: 'wait', seconds: between(random, 5, 10) },
    { do: 'status', status: 'PICKED_UP' },
    { do: 'wait', seconds: between(random, 2, 4) },
    { do: 'status', status: 'IN_TRANSIT' },
    { do: 'drive', to: 'dropoff' },
    { do: 'wait', seconds: between(random, 5, 10) },
    { do: 'status', status: 'DELIVERED' },
  ];
}

/** As the server keeps them: then the same trip compares as the same. */
function rounded(place: Place): { lat: number; lng: number } {
  const { lat, lng } = coordinates(place);
  return { lat: Math.round(lat * 1e7) / 1e7, lng: Math.round(lng * 1e7) / 1e7 };
}
