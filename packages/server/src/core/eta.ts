import type { TripKind } from '@waycast/protocol';
import type { Fix } from './fix.ts';
import { haversine } from './geo.ts';
import { isWanted, type Stop } from './stops.ts';

/** When a stop will be reached: whole seconds from `from` (epoch ms), over `distance` m. */
export interface StopEta {
  readonly stopId: string;
  readonly seconds: number;
  readonly distance: number;
  readonly at: number;
}

interface Profile {
  /** km/h when the vehicle's own speed does not serve. */
  readonly speed: number;
  readonly usesFixSpeed: boolean;
  /** Added share of the time. */
  readonly extra: number;
  /** s */
  readonly least: number;
}

/** [E1, E2] */
const PROFILES: Readonly<Record<TripKind, Profile>> = {
  ride: { speed: 40, usesFixSpeed: true, extra: 0.2, least: 0 },
  delivery: { speed: 30, usesFixSpeed: false, extra: 0, least: 60 },
};

/** Whole seconds to cover `meters`, by the profile of the kind. */
export function secondsFor(kind: TripKind, meters: number, fixSpeed: number | null): number {
  const profile = PROFILES[kind];
  const speed = profile.usesFixSpeed && fixSpeed !== null && fixSpeed > 0 ? fixSpeed : profile.speed;
  const bare = Math.trunc((meters * 3.6) / speed);
  return Math.max(profile.least, bare + Math.trunc(bare * profile.extra));
}

/** ETA of the next stop and of every later one, straight leg by straight leg [E3]. */
export function etas(kind: TripKind, stops: readonly Stop[], fix: Fix, now: number): StopEta[] {
  const result: StopEta[] = [];
  let { lat, lng } = fix;
  let distance = 0;
  for (const stop of stops) {
    if (stop.arrivedAt !== null || !isWanted(stop)) continue;
    distance += haversine(lat, lng, stop.lat, stop.lng);
    ({ lat, lng } = stop);
    const seconds = secondsFor(kind, distance, fix.speed);
    result.push({ stopId: stop.id, seconds, distance: Math.round(distance), at: now + seconds * 1000 });
  }
  return result;
}
