import { EARTH_RADIUS } from './geo.ts';
import { HALF_TURN, QUARTER_TURN, UNITS_PER_DEGREE, UNITS_PER_RADIAN, widthAt } from './nearby-search.ts';

/** Around a place: degrees, m. */
export interface Circle {
  readonly lat: number;
  readonly lng: number;
  readonly radius: number;
}

/** What lies outside is not in the circle; in whole 1e-7 degrees, inclusive. Over the date line there are two spans of longitude. */
export interface Box {
  readonly south: number;
  readonly north: number;
  readonly spans: readonly (readonly [west: number, east: number])[];
}

/** What rounding may take away from a box, and more: units, and m, for a circle that only just touches a pole has all longitudes in it. */
const SLACK = 2;
const SLACK_M = 0.01;
const WHOLE_TURN = 2 * HALF_TURN;

/** A little wider than the circle, so that what is on its edge is inside. */
export function boxAround({ lat, lng, radius }: Circle): Box {
  const reach = (radius + SLACK_M) / EARTH_RADIUS;
  const height = Math.ceil(reach * UNITS_PER_RADIAN) + SLACK;
  const width = Math.ceil(widthAt((lat * Math.PI) / 180, reach) * UNITS_PER_RADIAN) + SLACK;
  const y = Math.round(lat * UNITS_PER_DEGREE);
  const x = Math.round(lng * UNITS_PER_DEGREE);
  return { south: Math.max(y - height, -QUARTER_TURN), north: Math.min(y + height, QUARTER_TURN), spans: spansOf(x - width, x + width) };
}

function spansOf(west: number, east: number): Box['spans'] {
  if (east - west >= WHOLE_TURN) return [[-HALF_TURN, HALF_TURN]];
  // 180 east and 180 west are one meridian: touching it is reaching over it.
  if (west <= -HALF_TURN)
    return [
      [-HALF_TURN, east],
      [west + WHOLE_TURN, HALF_TURN],
    ];
  if (east >= HALF_TURN)
    return [
      [west, HALF_TURN],
      [-HALF_TURN, east - WHOLE_TURN],
    ];
  return [[west, east]];
}

/** Metres as whole millimetres: at that distances are compared, so that the last bit of a sine, which is each library's own, decides nothing. */
export function millimetres(metres: number): number {
  return Math.floor(metres * 1_000 + 0.5);
}
