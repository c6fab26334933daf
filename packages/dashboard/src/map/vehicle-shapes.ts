import type { Look } from '../live/fleet.ts';

/**
 * Vehicles as SVG paths on a 40 x 40 field, heading north; the map draws them on a canvas, the legend as SVG.
 * Each look has a form of its own, so that colour is never the only sign.
 */
export interface VehicleShape {
  body: string;
  /** drawn in the paper colour upon the body */
  mark: string | null;
  /** an outline only, dashed: nobody knows where it is now */
  hollow: boolean;
}

const DART = 'M20 3.5 31.5 33 20 27.2 8.5 33Z';
const DISC = 'M31 20A11 11 0 1 1 9 20 11 11 0 0 1 31 20Z';
const DROP = 'M20 2.5 28.7 14.3A11 11 0 1 1 11.3 14.3Z';
const BOX = 'M14 10H26A4 4 0 0 1 30 14V26A4 4 0 0 1 26 30H14A4 4 0 0 1 10 26V14A4 4 0 0 1 14 10Z';
const BOX_NOSE = 'M20 2.5 26.5 10.2A4 4 0 0 1 30 14V28A4 4 0 0 1 26 32H14A4 4 0 0 1 10 28V14A4 4 0 0 1 13.5 10.2Z';
const DOT = 'M24.5 20.8A4.5 4.5 0 1 1 15.5 20.8 4.5 4.5 0 0 1 24.5 20.8Z';
const BAR = 'M14.5 19.2H25.5V22.8H14.5Z';
const DIAMOND = 'M20 6.5 33.5 20 20 33.5 6.5 20Z';
const SPECK = 'M23 20A3 3 0 1 1 17 20 3 3 0 0 1 23 20Z';

export const HEADING_SHAPES: Record<Look, VehicleShape> = {
  'on-trip': { body: DART, mark: null, hollow: false },
  online: { body: DROP, mark: DOT, hollow: false },
  busy: { body: BOX_NOSE, mark: BAR, hollow: false },
  silent: { body: DISC, mark: SPECK, hollow: true },
};

/** For vehicles that never said where they head. */
export const STANDING_SHAPES: Record<Look, VehicleShape> = {
  'on-trip': { body: DIAMOND, mark: null, hollow: false },
  online: { body: DISC, mark: DOT, hollow: false },
  busy: { body: BOX, mark: BAR, hollow: false },
  silent: { body: DISC, mark: SPECK, hollow: true },
};
