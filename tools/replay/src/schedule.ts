import { shuffledOrder } from './shuffle.ts';
import type { Track, TrackPoint } from './track.ts';

/** `max`: as fast as the server takes it; else so many times faster than it was. */
export type Speed = number | 'max';

/** When the points of one track go out, and with which time. */
export interface Schedule {
  count: number;
  /** the point that goes out as number `i` */
  point(i: number): TrackPoint;
  /** ms after the start at which number `i` is due */
  due(i: number): number;
}

export interface ScheduleOptions {
  speed: Speed;
  /** epoch ms to start at; undefined: the original times */
  shiftTo?: number | undefined;
  /** another order than that of the times */
  shuffle?: number | undefined;
}

/**
 * Every track starts at once, whenever it was recorded. When times are moved and go by faster than they did, the track
 * starts in the past, just so far that none of its points is ahead of its sending (F4).
 */
export function schedule(track: Track, { speed, shiftTo, shuffle }: ScheduleOptions): Schedule {
  const { points } = track;
  const first = points[0]?.at ?? 0;
  const duration = (points.at(-1)?.at ?? 0) - first;
  const pace = speed === 'max' ? Number.POSITIVE_INFINITY : speed;
  const shift = shiftTo === undefined ? 0 : Math.round(shiftTo - Math.max(0, duration - duration / pace) - first);
  const order = shuffle === undefined ? undefined : shuffledOrder(points.length, shuffle);
  const at = (i: number): TrackPoint => {
    const point = points[i];
    if (point === undefined) throw new RangeError(`the track ${track.id} has no point ${i}`);
    return point;
  };
  return {
    count: points.length,
    point: (i) => {
      const point = at(order?.[i] ?? i);
      return shift === 0 ? point : { ...point, at: point.at + shift };
    },
    due: (i) => (at(i).at - first) / pace,
  };
}
