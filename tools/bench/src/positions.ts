/**
 * Where the simulated drivers are, in 1e-7 degree; `generator.c` holds the same numbers. Driver i drives north from its base,
 * STEP a fix, so that the latitude of a fix tells which one it is.
 */
export const STEP = 49;
const METRES_PER_UNIT = (6_371_000 * Math.PI) / 180 / 1e7;

export function baseLat(driver: number): number {
  return 370_000_000 + (driver % 40) * 100_000;
}

export function baseLng(driver: number): number {
  return -1_210_000_000 - Math.floor(driver / 40) * 100_000;
}

/** A point `metres` ahead on the way of a driver, in degrees. */
export function ahead(driver: number, metres: number): { lat: number; lng: number } {
  return { lat: (baseLat(driver) + Math.round(metres / METRES_PER_UNIT)) / 1e7, lng: baseLng(driver) / 1e7 };
}
