import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { bundledTracks, type Track } from './bundled-track.ts';
import { loadGeolife } from './geolife.ts';

export { bundledTrack, bundledTracks, type Track } from './bundled-track.ts';
export { loadGeolife } from './geolife.ts';
export { stopsOnTrack } from './stops-on-track.ts';
export { type NumberedFix, redelivered, shuffled, type Trouble, type TroubledTrack, withTrouble } from './trouble.ts';

/** Beside the repository, never in it. */
const GEOLIFE = resolve(import.meta.dirname, '../../../shared/data/geolife_small.csv');

/** Five real drives where the data is at hand, five invented ones elsewhere; `source` tells which. */
export function realTracks(): { source: 'geolife' | 'bundled'; tracks: Track[] } {
  if (existsSync(GEOLIFE)) return { source: 'geolife', tracks: loadGeolife(GEOLIFE) };
  return { source: 'bundled', tracks: bundledTracks() };
}
