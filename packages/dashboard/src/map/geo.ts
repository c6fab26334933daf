const EARTH_RADIUS = 6_371_000;
const RADIANS = Math.PI / 180;

export interface Point {
  lat: number;
  lng: number;
}

/** Great-circle distance in metres (SPEC F3). */
export function distanceBetween(a: Point, b: Point): number {
  const dLat = (b.lat - a.lat) * RADIANS;
  const dLng = (b.lng - a.lng) * RADIANS;
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.lat * RADIANS) * Math.cos(b.lat * RADIANS) * Math.sin(dLng / 2) ** 2;
  return 2 * EARTH_RADIUS * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** Degrees from north, clockwise, in [0, 360). */
export function bearingBetween(a: Point, b: Point): number {
  const dLng = (b.lng - a.lng) * RADIANS;
  const y = Math.sin(dLng) * Math.cos(b.lat * RADIANS);
  const x = Math.cos(a.lat * RADIANS) * Math.sin(b.lat * RADIANS) - Math.sin(a.lat * RADIANS) * Math.cos(b.lat * RADIANS) * Math.cos(dLng);
  return (Math.atan2(y, x) / RADIANS + 360) % 360;
}

/** The signed way from one angle to another by the shorter arc, in [-180, 180). */
export function shortestTurn(from: number, to: number): number {
  return ((((to - from) % 360) + 540) % 360) - 180;
}

/** A longitude brought into [-180, 180). */
export function wrapLng(lng: number): number {
  return ((((lng + 180) % 360) + 360) % 360) - 180;
}

/** A closed ring of `[lng, lat]` around a centre; `radius` in metres. */
export function circleRing(center: Point, radius: number, corners = 64): [number, number][] {
  const angle = radius / EARTH_RADIUS;
  const lat = center.lat * RADIANS;
  const ring: [number, number][] = [];
  for (let i = 0; i <= corners; i++) {
    const bearing = (i / corners) * 2 * Math.PI;
    const y = Math.asin(Math.sin(lat) * Math.cos(angle) + Math.cos(lat) * Math.sin(angle) * Math.cos(bearing));
    const x = Math.atan2(Math.sin(bearing) * Math.sin(angle) * Math.cos(lat), Math.cos(angle) - Math.sin(lat) * Math.sin(y));
    ring.push([center.lng + x / RADIANS, y / RADIANS]);
  }
  return ring;
}
