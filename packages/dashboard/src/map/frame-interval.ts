/** Metres a pixel covers at zoom 0 on the equator, with MapLibre's tiles of 512 pixels. */
const METRES_PER_PIXEL = 78_271.517;
/** m/s of a fast vehicle in a town */
const FAST = 20;
/** Half a pixel is the smallest step worth a frame. */
const STEP = 0.5;
const SHORTEST = 40;
const LONGEST = 200;

/** Milliseconds between frames: a whole town on the screen moves by less than a pixel a second, one street does not. */
export function frameInterval(zoom: number, lat: number, following: boolean): number {
  if (following) return SHORTEST;
  const metres = (METRES_PER_PIXEL * Math.cos((lat * Math.PI) / 180)) / 2 ** zoom;
  return Math.min(LONGEST, Math.max(SHORTEST, ((metres * STEP) / FAST) * 1000));
}
