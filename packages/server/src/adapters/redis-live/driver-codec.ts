import type { ActiveTrip, Driver, SeenDriver } from '../../core/driver.ts';
import { planOf } from '../../core/eta.ts';
import type { Fix } from '../../core/fix.ts';
import type { Stop } from '../../core/stops.ts';
import type { Trip } from '../../core/trip.ts';

/** Of a stop what a fix may change. */
type StopProgress = Pick<Stop, 'approachingAt' | 'arrivedAt' | 'departedAt' | 'wasNear' | 'wasIn' | 'wasOut'>;

/** Of a trip what a plain fix changes, and where its feed stands. */
interface LightTrip {
  readonly id: string;
  readonly epoch: string;
  readonly seq: number;
  readonly distance: number;
  readonly lastPoint: Fix | null;
  readonly updatedAt: number;
  readonly firstFixAt: number | null;
  readonly lastFixAt: number | null;
  readonly stops: readonly StopProgress[];
}

/** `epoch` stands first: by it a script tells whose this is. */
interface LightDriver {
  readonly epoch: string;
  readonly seq: number;
  readonly position: number;
  readonly online: boolean;
  readonly stale: boolean;
  readonly available: boolean;
  readonly lastSeenAt: number | null;
  readonly latest: Fix | null;
  readonly trips: readonly LightTrip[];
}

interface HeavyDriver {
  readonly profile: Driver['profile'];
  readonly trips: readonly Trip[];
}

/** How the light part of a driver of this epoch begins. */
export function lightBeginning(epoch: string): string {
  return `{"epoch":${JSON.stringify(epoch)},`;
}

/** What changes with every fix. */
export function encodeLight({ epoch, seq, position, online, stale, available, lastSeenAt, latest, trips }: Driver): string {
  const light: LightDriver = { epoch, seq, position, online, stale, available, lastSeenAt, latest, trips: trips.map(lightTrip) };
  return JSON.stringify(light);
}

function lightTrip({ trip, epoch, seq }: ActiveTrip): LightTrip {
  const { id, distance, lastPoint, updatedAt, firstFixAt, lastFixAt } = trip;
  return { id, epoch, seq, distance, lastPoint, updatedAt, firstFixAt, lastFixAt, stops: trip.stops.map(progressOf) };
}

function progressOf({ approachingAt, arrivedAt, departedAt, wasNear, wasIn, wasOut }: Stop): StopProgress {
  return { approachingAt, arrivedAt, departedAt, wasNear, wasIn, wasOut };
}

/** What changes by commands and events only. */
export function encodeHeavy({ profile, trips }: Driver): string {
  const heavy: HeavyDriver = { profile, trips: trips.map(({ trip }) => trip) };
  return JSON.stringify(heavy);
}

/**
 * Both parts together. A trip that one of them does not know is left out: it has just come, or just gone.
 */
export function decodeDriver(id: string, lightText: string, heavyText: string): SeenDriver {
  const { trips: lights, ...light } = JSON.parse(lightText) as LightDriver;
  const heavy = JSON.parse(heavyText) as HeavyDriver;
  const trips: ActiveTrip[] = [];
  for (const { epoch, seq, stops, ...more } of lights) {
    const kept = heavy.trips.find((one) => one.id === more.id);
    if (kept === undefined) continue;
    // Stops that were just replaced bring their own progress.
    const same = kept.stops.length === stops.length;
    const trip: Trip = { ...kept, ...more, stops: same ? kept.stops.map((stop, i) => ({ ...stop, ...stops[i] })) : kept.stops };
    trips.push({ trip, feed: `trip:${trip.id}`, epoch, seq, plan: planOf(trip.kind, trip.stops) });
  }
  return { id, feed: `driver:${id}`, ...light, profile: heavy.profile, trips };
}
