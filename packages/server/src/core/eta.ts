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

/** The way still to go, over the stops that remain [E3]. Never changed: a trip whose stops move on gets a new one. */
export interface Plan {
  readonly kind: TripKind;
  readonly stops: readonly PlannedStop[];
}

interface PlannedStop {
  readonly id: string;
  readonly partyId: string | null;
  readonly lat: number;
  readonly lng: number;
  /** m along the plan from its first stop. */
  readonly beyond: number;
}

export function planOf(kind: TripKind, stops: readonly Stop[]): Plan {
  const planned: PlannedStop[] = [];
  let beyond = 0;
  for (const stop of stops) {
    if (stop.arrivedAt !== null || !isWanted(stop)) continue;
    const { id, partyId, lat, lng } = stop;
    const before = planned.at(-1);
    if (before !== undefined) beyond += haversine(before.lat, before.lng, lat, lng);
    planned.push({ id, partyId, lat, lng, beyond });
  }
  return { kind, stops: planned };
}

/** Which stops somebody is told of. */
export type Sees = (stop: Pick<Stop, 'partyId'>) => boolean;

/** ETA of the next stop and of every later one, straight leg by straight leg [E3]; with `sees`, only of those it names. */
export function etasOf(plan: Plan, fix: Pick<Fix, 'lat' | 'lng' | 'speed'>, now: number, sees?: Sees): StopEta[] {
  const [first] = plan.stops;
  if (first === undefined) return [];
  const toFirst = haversine(fix.lat, fix.lng, first.lat, first.lng);
  // The way leads over all stops, whoever is told of them.
  const told = sees === undefined ? plan.stops : plan.stops.filter(sees);
  return told.map(({ id, beyond }) => {
    const distance = toFirst + beyond;
    const seconds = secondsFor(plan.kind, distance, fix.speed);
    return { stopId: id, seconds, distance: Math.round(distance), at: now + seconds * 1000 };
  });
}
