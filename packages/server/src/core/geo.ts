/** Mean radius of the earth in metres; the rules are stated on this sphere [F3]. */
export const EARTH_RADIUS = 6_371_000;

const RAD = Math.PI / 180;

/** Great-circle distance in metres between two points in degrees [F3]. */
export function haversine(latA: number, lngA: number, latB: number, lngB: number): number {
  const sinLat = Math.sin((latB - latA) * RAD * 0.5);
  const sinLng = Math.sin((lngB - lngA) * RAD * 0.5);
  const h = sinLat * sinLat + Math.cos(latA * RAD) * Math.cos(latB * RAD) * sinLng * sinLng;
  // Rounding can push h a hair over 1 for antipodes.
  return 2 * EARTH_RADIUS * Math.asin(Math.sqrt(Math.min(h, 1)));
}

/** Initial bearing from A to B in degrees, [0, 360). */
export function bearing(latA: number, lngA: number, latB: number, lngB: number): number {
  const dLng = (lngB - lngA) * RAD;
  const y = Math.sin(dLng) * Math.cos(latB * RAD);
  const x = Math.cos(latA * RAD) * Math.sin(latB * RAD) - Math.sin(latA * RAD) * Math.cos(latB * RAD) * Math.cos(dLng);
  return (((Math.atan2(y, x) / RAD) % 360) + 360) % 360;
}
