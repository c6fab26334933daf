import type { DriverStatus } from '@waycast/protocol';
import type { Driver } from '../core/driver.ts';
import type { Published } from '../core/effects.ts';
import type { StopEta } from '../core/eta.ts';
import type { Happened } from '../core/events.ts';
import type { Fix } from '../core/fix.ts';
import type { Trip } from '../core/trip.ts';

/** The feed of the whole fleet. */
export const FLEET = 'fleet';

/** Where a driver is, as the whole-fleet feed shows it. Epoch ms. */
export interface FleetRow {
  readonly driver: string;
  readonly name: string | null;
  readonly status: DriverStatus;
  readonly stale: boolean;
  readonly lat: number;
  readonly lng: number;
  readonly speed: number | null;
  readonly bearing: number | null;
  readonly at: number;
  readonly trips: readonly string[];
}

/** One frame of the fleet feed: everybody, or who changed since the last one and who is gone. */
export interface FleetFrame {
  readonly type: 'fleet';
  readonly feed: typeof FLEET;
  readonly full: boolean;
  readonly rows: readonly FleetRow[];
  readonly gone: readonly string[];
}

export interface FleetEvent {
  readonly type: 'fleet-event';
  readonly feed: typeof FLEET;
  readonly event: Happened;
  readonly trip: Trip | null;
}

/** Where a feed stands: what a watcher starts from. Takes it to `{epoch, seq}`, whatever it had before. */
export interface Snapshot {
  readonly type: 'snapshot';
  readonly feed: string;
  readonly epoch: string;
  readonly seq: number;
  readonly trip: Trip | null;
  readonly driver: Driver | null;
  readonly location: Fix | null;
  readonly etas: readonly StopEta[];
}

/** Everything that travels to watchers. */
export type Delivery = Published | Snapshot | FleetFrame | FleetEvent;
