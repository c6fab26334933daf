import type { DriverStatus } from '@waycast/protocol';
import { type Plan, planOf } from './eta.ts';
import type { Fix } from './fix.ts';
import { type Identities, newIdentities, noRecent, remember, type Stream } from './identities.ts';
import { lifeFrom } from './life.ts';
import { type Judgement, newJudgement } from './plausibility.ts';
import { hasStarted, type Trip } from './trip.ts';

/** Silence that makes a driver with an open trip stale, and any driver offline, ms [D2]. */
export const STALE_MS = 60_000;
export const OFFLINE_MS = 120_000;

/** An open trip of a driver and the counter of its feed [O1]. */
export interface ActiveTrip {
  readonly trip: Trip;
  readonly feed: string;
  readonly epoch: string;
  seq: number;
  /** Follows the stops of the trip. */
  plan: Plan;
}

/**
 * The aggregate: a driver with its open trips. One owner applies its commands in order; nothing else changes it.
 * Epoch ms. Everything but `epoch`, `seq`, `adopted`, the feeds' counters and `identities.recent` is kept in snapshots.
 */
export interface Driver {
  readonly id: string;
  readonly feed: string;
  /** Of this life of the counter; new whenever the driver is loaded. */
  readonly epoch: string;
  seq: number;
  /** The log position of the last command applied. */
  position: number;
  online: boolean;
  stale: boolean;
  available: boolean;
  lastSeenAt: number | null;
  /** The newest plausible capture [F8]. */
  latest: Fix | null;
  judgement: Judgement;
  identities: Identities;
  profile: Profile;
  trips: readonly ActiveTrip[];
  /** How often a trip came to this driver in this life: no two lives of a trip's feed share an epoch. */
  adopted: number;
}

/** Replaced when it changes: who has seen this one has seen all of it. */
export interface Profile {
  readonly name: string | null;
  readonly vehicle: string | null;
  readonly plate: string | null;
}

/** Of most drivers: there are a hundred thousand, and what each has for itself the collector goes through. */
const NO_PROFILE: Profile = { name: null, vehicle: null, plate: null };
const NO_TRIPS: readonly ActiveTrip[] = [];

/** A driver as others than its owner see it. */
export type SeenDriver = Omit<Driver, 'judgement' | 'identities' | 'adopted'>;

export function newDriver(id: string, epoch: string): Driver {
  return {
    id,
    feed: `driver:${id}`,
    epoch,
    seq: 0,
    position: 0,
    online: false,
    stale: false,
    available: true,
    lastSeenAt: null,
    latest: null,
    judgement: newJudgement(),
    identities: newIdentities(),
    profile: NO_PROFILE,
    trips: NO_TRIPS,
    adopted: 0,
  };
}

/** An open trip on its feed; the epoch is new with every adoption, and later than before, whoever drove then. `since`: when the driver got it, epoch ms. */
export function activeTrip(driver: Driver, trip: Trip, since = 0): ActiveTrip {
  const epoch = `${lifeFrom(driver.epoch, since)}.${++driver.adopted}`;
  return { trip, feed: `trip:${trip.id}`, epoch, seq: 0, plan: planOf(trip.kind, trip.stops) };
}

/** [D1] */
export function driverStatus(driver: SeenDriver): DriverStatus {
  if (!driver.online) return 'OFFLINE';
  if (driver.trips.some((active) => hasStarted(active.trip))) return 'ON_TRIP';
  return driver.available ? 'ONLINE' : 'BUSY';
}

/** When time next decides something, epoch ms; null when it cannot [D2, T10]. */
export function nextTickAt(driver: Driver): number | null {
  let next: number | null = null;
  if (driver.online && driver.lastSeenAt !== null) {
    const stale = driver.trips.length > 0 && !driver.stale;
    next = driver.lastSeenAt + (stale ? STALE_MS : OFFLINE_MS);
  }
  for (const { trip } of driver.trips) if (trip.expiresAt !== null && (next === null || trip.expiresAt < next)) next = trip.expiresAt;
  return next;
}

/** A driver as it is kept: plain JSON, without counters and without what only serves speed. */
export interface DriverSnapshot {
  readonly position: number;
  readonly online: boolean;
  readonly stale: boolean;
  readonly available: boolean;
  readonly lastSeenAt: number | null;
  readonly latest: Fix | null;
  readonly judgement: Judgement;
  readonly streams: readonly Stream[];
  readonly begun: number;
  /** null when nothing was ever stored. */
  readonly maxAt: number | null;
  readonly aheadAt: number | null;
  readonly profile: Profile;
  readonly trips: readonly Trip[];
}

export function snapshotOf(driver: Driver): DriverSnapshot {
  const { identities } = driver;
  return {
    position: driver.position,
    online: driver.online,
    stale: driver.stale,
    available: driver.available,
    lastSeenAt: driver.lastSeenAt,
    latest: driver.latest,
    judgement: driver.judgement,
    streams: identities.streams,
    begun: identities.begun,
    maxAt: Number.isFinite(identities.maxAt) ? identities.maxAt : null,
    aheadAt: Number.isFinite(identities.aheadAt) ? identities.aheadAt : null,
    profile: driver.profile,
    trips: driver.trips.map((active) => active.trip),
  };
}

/** A driver as it was kept, under a new epoch. What it sent before is told apart by the store from here on. */
export function restoreDriver(id: string, epoch: string, kept: DriverSnapshot): Driver {
  const maxAt = kept.maxAt ?? Number.NEGATIVE_INFINITY;
  const driver: Driver = {
    ...newDriver(id, epoch),
    position: kept.position,
    online: kept.online,
    stale: kept.stale,
    available: kept.available,
    lastSeenAt: kept.lastSeenAt,
    latest: kept.latest,
    judgement: { ...kept.judgement },
    identities: {
      streams: kept.streams.map((stream) => ({ ...stream, above: [...stream.above] })),
      begun: kept.begun,
      maxAt,
      aheadAt: kept.aheadAt ?? Number.NEGATIVE_INFINITY,
      droppedAt: maxAt,
      recent: noRecent(),
    },
    profile: kept.profile,
  };
  // These serve in judging what comes next: a repeat of them must be known at once.
  for (const fix of [kept.latest, ...kept.judgement.row]) if (fix !== null) remember(driver.identities, null, null, fix, false);
  if (kept.trips.length > 0) driver.trips = kept.trips.map((trip) => activeTrip(driver, trip));
  return driver;
}
