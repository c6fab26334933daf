import type { Look } from '../live/fleet.ts';

/** The colours the map draws with; the same ones stand in styles/tokens.css for the page. */
export interface Palette {
  ground: string;
  gridFine: string;
  gridStrong: string;
  gridText: string;
  paper: string;
  ink: string;
  vehicle: Record<Look, string>;
  track: string;
  trackCasing: string;
  plan: string;
  halo: string;
  pickup: string;
  dropoff: string;
  waypoint: string;
  muted: string;
}

const LIGHT: Palette = {
  ground: '#edf0f4',
  gridFine: '#dfe4ea',
  gridStrong: '#ccd3dc',
  gridText: '#5f6b7a',
  paper: '#ffffff',
  ink: '#131720',
  vehicle: { 'on-trip': '#3452d9', online: '#157a45', busy: '#b4560b', silent: '#5b6676' },
  track: '#3452d9',
  trackCasing: '#ffffff',
  plan: '#7383a0',
  halo: '#3452d9',
  pickup: '#157a45',
  dropoff: '#b3261e',
  waypoint: '#5b6676',
  muted: '#8d97a5',
};

const DARK: Palette = {
  ground: '#10151c',
  gridFine: '#1d2631',
  gridStrong: '#2d3947',
  gridText: '#8b98a9',
  paper: '#0d1117',
  ink: '#eef1f6',
  vehicle: { 'on-trip': '#8fa5ff', online: '#4cc38a', busy: '#f0a04b', silent: '#94a0b0' },
  track: '#8fa5ff',
  trackCasing: '#0d1117',
  plan: '#66758c',
  halo: '#8fa5ff',
  pickup: '#4cc38a',
  dropoff: '#ff8a80',
  waypoint: '#94a0b0',
  muted: '#66758c',
};

export function palette(dark: boolean): Palette {
  return dark ? DARK : LIGHT;
}
