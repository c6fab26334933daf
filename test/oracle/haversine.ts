export interface Point {
  readonly lat: number;
  readonly lng: number;
}

/** F3: metres along the great circle of a sphere of R = 6,371,000 m. */
export function haversine(a: Point, b: Point): number {
  const radians = Math.PI / 180;
  const halfLat = ((b.lat - a.lat) * radians) / 2;
  const halfLng = ((b.lng - a.lng) * radians) / 2;
  const h = Math.sin(halfLat) ** 2 + Math.cos(a.lat * radians) * Math.cos(b.lat * radians) * Math.sin(halfLng) ** 2;
  // Rounding may lift h above 1 at the antipodes.
  return 2 * 6_371_000 * Math.asin(Math.sqrt(Math.min(1, h)));
}
