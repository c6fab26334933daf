import type { DriverStatus } from '@waycast/protocol';
import type { SeenDriver } from '../core/driver.ts';
import type { Answer, Published, Remark } from '../core/effects.ts';
import type { StopEta } from '../core/eta.ts';
import type { Happened } from '../core/events.ts';
import type { Fix } from '../core/fix.ts';
import type { Trip } from '../core/trip.ts';

/** The feed of the whole fleet. */
export const FLEET = 'fleet';

/** Where a driver is, as the whole-fleet feed tells it. Epoch ms. */
export interface FleetRow {
  readonly driver: string;
  readonly name: string | null;
  readonly vehicle: string | null;
  readonly status: DriverStatus;
  readonly stale: boolean;
  readonly lat: number;
  readonly lng: number;
  readonly speed: number | null;
  readonly bearing: number | null;
  readonly at: number;
  /** When the last sign of life was received [D2]. */
  readonly heardAt: number;
  readonly trips: readonly string[];
  /** Of its open trips. */
  readonly labels: readonly string[];
}

/** One frame of the fleet feed: everybody, or who changed since the last one and who is gone. */
export interface FleetFrame {
  readonly type: 'fleet';
  readonly feed: typeof FLEET;
  readonly full: boolean;
  /** The process whose drivers these are, and its count of frames from 1; 0 for a full one. */
  readonly home: number;
  readonly number: number;
  readonly rows: readonly FleetRow[];
  readonly gone: readonly string[];
}

export interface FleetEvent {
  readonly type: 'fleet-event';
  readonly feed: typeof FLEET;
  readonly event: Happened;
  readonly trip: Trip | null;
}

/** How it is looked where a feed stands. */
export interface Sought {
  /** Lives of its counter that somebody was told of: what is seen of earlier ones is out of date. */
  readonly told: readonly string[];
  /** Whether what is stored of the driver serves while it cannot be seen. */
  readonly orStored: boolean;
}

/** Where a feed stands: what a watcher starts from. Takes it to `{epoch, seq}`, whatever it had before. */
export interface Snapshot {
  readonly type: 'snapshot';
  readonly feed: string;
  readonly epoch: string;
  readonly seq: number;
  readonly trip: Trip | null;
  readonly driver: SeenDriver | null;
  readonly location: Fix | null;
  readonly etas: readonly StopEta[];
}

/** How many are in a room now: those who follow it know who came and went. */
export interface AttendanceChange {
  readonly type: 'attendance';
  readonly feed: string;
  readonly room: string;
  readonly count: number;
}

/** A seat that only one may have was taken by another one: whoever had it leaves. */
export interface SeatTaken {
  readonly type: 'seat';
  readonly feed: string;
  /** Of whoever has it now: the highest number counts, in whatever order they are heard. */
  readonly number: number;
}

/** A trip became one of a person's, or goes on being it: whoever follows the person follows the trip. */
export interface PersonTrip {
  readonly type: 'person';
  readonly feed: string;
  readonly tripId: string;
}

/** A trip that never started is gone; its feed ends. */
export interface TripRemoved {
  readonly type: 'removed';
  readonly feed: string;
}

/** What became of a command, for the process it came in by. */
export interface ToldHome {
  readonly type: 'telling';
  readonly feed: string;
  readonly telling: Telling;
}

export type Telling =
  | {
      readonly kind: 'accepted' | 'stored';
      readonly sender: number;
      readonly driverId: string;
      readonly stream: string;
      readonly upTo: number;
    }
  | { readonly kind: 'remark'; readonly remark: Remark }
  | { readonly kind: 'answer'; readonly answer: Answer };

/** Everything that travels to watchers. */
export type Delivery = Published | Snapshot | FleetFrame | FleetEvent | AttendanceChange | SeatTaken | PersonTrip | TripRemoved | ToldHome;
