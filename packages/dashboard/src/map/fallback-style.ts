import type { StyleSpecification } from 'maplibre-gl';
import type { Palette } from './palette.ts';

export const GRID_SOURCE = 'grid';
const nothing = { type: 'FeatureCollection' as const, features: [] };

/** Only the ground: what is shown until it is known whether there is a basemap. */
export function groundStyle(colours: Palette): StyleSpecification {
  return { version: 8, sources: {}, layers: [{ id: 'ground', type: 'background', paint: { 'background-color': colours.ground } }] };
}

/** A map without any network: a grid of degrees to find one's way by. Without `glyphs` MapLibre draws letters itself. */
export function gridStyle(colours: Palette): StyleSpecification {
  return {
    version: 8,
    sources: { [GRID_SOURCE]: { type: 'geojson', data: nothing, tolerance: 0 } },
    layers: [
      { id: 'ground', type: 'background', paint: { 'background-color': colours.ground } },
      {
        id: 'grid-fine',
        type: 'line',
        source: GRID_SOURCE,
        filter: ['!', ['get', 'strong']],
        paint: { 'line-color': colours.gridFine, 'line-width': 1 },
      },
      {
        id: 'grid-strong',
        type: 'line',
        source: GRID_SOURCE,
        filter: ['get', 'strong'],
        paint: { 'line-color': colours.gridStrong, 'line-width': 1.2 },
      },
      {
        id: 'grid-names',
        type: 'symbol',
        source: GRID_SOURCE,
        layout: {
          'symbol-placement': 'line',
          'symbol-spacing': 420,
          'text-field': ['get', 'label'],
          'text-font': ['sans-serif'],
          'text-size': 11,
          'text-padding': 24,
        },
        paint: { 'text-color': colours.gridText, 'text-halo-color': colours.ground, 'text-halo-width': 2 },
      },
    ],
  };
}
