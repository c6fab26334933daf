import { bearingBetween, distanceBetween, type Point, shortestTurn, wrapLng } from './geo.ts';

/** Where a vehicle is drawn. `bearing` is null while nobody knows where it heads. */
export interface Pose extends Point {
  bearing: number | null;
}

/** A movement from one pose to another; times in milliseconds of one steady clock. */
export interface Glide {
  from: Pose;
  to: Pose;
  start: number;
  duration: number;
}

/** Further than this is a jump, not a drive: the vehicle is set down there at once. */
export const SNAP_METRES = 500;
/** Less than this says nothing about where a vehicle heads. */
const HEADING_METRES = 4;
const SHORTEST = 700;
const LONGEST = 2_500;
/** A little longer than the usual gap, so that a vehicle is still rolling when its next position comes. */
const OVERLAP = 1.1;

export function rest(pose: Pose, now: number): Glide {
  return { from: pose, to: pose, start: now, duration: 0 };
}

/** The pose at a moment: along the straight way, the bearing by the shorter arc, across the antimeridian if that is nearer. */
export function poseAt(glide: Glide, now: number): Pose {
  const { from, to, start, duration } = glide;
  const t = duration <= 0 ? 1 : Math.min(1, Math.max(0, (now - start) / duration));
  if (t <= 0) return from;
  if (t >= 1) return to;
  return {
    lat: from.lat + (to.lat - from.lat) * t,
    lng: wrapLng(from.lng + shortestTurn(from.lng, to.lng) * t),
    bearing: blendBearing(from.bearing, to.bearing, t),
  };
}

export function isMoving(glide: Glide, now: number): boolean {
  return now < glide.start + glide.duration;
}

/**
 * The glide from where the vehicle is drawn now to a new position. `gap` is the time since the position before,
 * in milliseconds; `still` (reduced motion) sets it down at once.
 */
export function retarget(glide: Glide, target: Pose, now: number, gap: number, still = false): Glide {
  const here = poseAt(glide, now);
  const way = distanceBetween(here, target);
  const to = { ...target, bearing: target.bearing ?? guessBearing(here, target, way) };
  if (still || way > SNAP_METRES) return rest(to, now);
  const duration = Math.min(LONGEST, Math.max(SHORTEST, gap * OVERLAP));
  return { from: here, to, start: now, duration };
}

function guessBearing(here: Pose, target: Point, way: number): number | null {
  return way >= HEADING_METRES && way <= SNAP_METRES ? bearingBetween(here, target) : here.bearing;
}

function blendBearing(from: number | null, to: number | null, t: number): number | null {
  if (from === null || to === null) return to;
  // A vehicle turns at the start of its way, not all along it.
  const turned = Math.min(1, t * 2);
  return (from + shortestTurn(from, to) * turned + 360) % 360;
}
