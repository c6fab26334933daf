import { EARTH_RADIUS } from '../../core/geo.ts';

interface Point {
  readonly lat: number;
  readonly lng: number;
}

/** The line is laid through this many points at a time: one zigzag over a whole day would take the square of its length. */
const SPAN = 500;

/**
 * Leaves out points nearer than `tolerance` m to the line through those that stay (Douglas-Peucker, with a stack of
 * its own: a track of 100,000 points must not end in a stack overflow). First and last stay, and one in 500.
 */
export function simplify<T extends Point>(points: readonly T[], tolerance: number): T[] {
  if (points.length <= 2) return [...points];
  const keep = new Uint8Array(points.length);
  const end = points.length - 1;
  keep[end] = 1;
  const spans: [number, number][] = [];
  for (let first = 0; first < end; first += SPAN) {
    keep[first] = 1;
    spans.push([first, Math.min(first + SPAN, end)]);
  }
  for (let span = spans.pop(); span !== undefined; span = spans.pop()) {
    const [first, last] = span;
    let farthest = -1;
    let most = tolerance;
    for (let i = first + 1; i < last; i++) {
      const distance = distanceToLine(points[i] as T, points[first] as T, points[last] as T);
      if (distance <= most) continue;
      most = distance;
      farthest = i;
    }
    if (farthest < 0) continue;
    keep[farthest] = 1;
    spans.push([first, farthest], [farthest, last]);
  }
  return points.filter((_, index) => keep[index] === 1);
}

/** m, on a plane laid at `a`: at the length of a simplified leg the earth is flat. */
function distanceToLine(point: Point, a: Point, b: Point): number {
  const [px, py] = plane(point, a);
  const [bx, by] = plane(b, a);
  const length = bx * bx + by * by;
  const along = length === 0 ? 0 : Math.min(1, Math.max(0, (px * bx + py * by) / length));
  return Math.hypot(px - along * bx, py - along * by);
}

function plane(point: Point, origin: Point): [number, number] {
  const rad = Math.PI / 180;
  const dLng = ((((point.lng - origin.lng + 180) % 360) + 360) % 360) - 180;
  return [dLng * rad * EARTH_RADIUS * Math.cos(origin.lat * rad), (point.lat - origin.lat) * rad * EARTH_RADIUS];
}
