import type { Feature, FeatureCollection, Point } from 'geojson';
import type { GeoJSONSource, Map as MapLibre, PointLike } from 'maplibre-gl';
import type { FleetMotion } from './fleet-motion.ts';
import { poseAt } from './glide.ts';
import { addVehicleIcons, vehicleIcon } from './icons.ts';
import type { Palette } from './palette.ts';

const SOURCE = 'waycast-vehicles';
const LAYER = 'waycast-vehicles';
const HALO = 'waycast-vehicle-halo';
/** Later ones lie on top. */
const ORDER = { silent: 0, online: 1, busy: 2, 'on-trip': 3 } as const;

/** All vehicles as one GeoJSON source. */
export class VehicleLayer {
  readonly #map: MapLibre;
  readonly #motion: FleetMotion;
  #selected: string | null = null;
  /** whether the others stand back */
  #alone = false;
  #busy = false;

  constructor(map: MapLibre, motion: FleetMotion) {
    this.#map = map;
    this.#motion = motion;
  }

  /** Puts source, icons and layers upon a style that has just loaded. */
  install(colours: Palette): void {
    addVehicleIcons(this.#map, colours);
    this.#busy = false;
    this.#map.addSource(SOURCE, { type: 'geojson', data: { type: 'FeatureCollection', features: [] }, buffer: 64, maxzoom: 20 });
    this.#map.addLayer({
      id: HALO,
      type: 'circle',
      source: SOURCE,
      filter: ['get', 'selected'],
      paint: {
        'circle-radius': ['interpolate', ['linear'], ['zoom'], 8, 13, 16, 24],
        'circle-color': colours.halo,
        'circle-opacity': 0.18,
        'circle-stroke-color': colours.halo,
        'circle-stroke-width': 2,
      },
    });
    this.#map.addLayer({
      id: LAYER,
      type: 'symbol',
      source: SOURCE,
      layout: {
        'icon-image': ['get', 'icon'],
        'icon-rotate': ['get', 'bearing'],
        'icon-rotation-alignment': 'map',
        'icon-size': ['interpolate', ['linear'], ['zoom'], 6, 0.42, 11, 0.6, 14, 0.78, 17, 1],
        'icon-allow-overlap': true,
        'icon-ignore-placement': true,
        'symbol-sort-key': ['get', 'order'],
      },
      paint: { 'icon-opacity': ['case', ['get', 'back'], 0.35, 1] },
    });
  }

  /** The one everybody looks at; `alone` lets the others stand back. */
  select(id: string | null, alone: boolean): void {
    this.#selected = id;
    this.#alone = alone;
  }

  /** Draws everybody where they are at this moment; false when the map still digests the frame before. */
  draw(now: number): boolean {
    const source = this.#map.getSource<GeoJSONSource>(SOURCE);
    if (source === undefined || this.#busy) return false;
    this.#busy = true;
    const done = () => {
      this.#busy = false;
    };
    source.setData(this.#collect(now)).then(done, done);
    return true;
  }

  /** The vehicle nearest to a point of the screen, within a finger's or a mouse's reach. */
  pick(x: number, y: number, reach: number): string | null {
    if (this.#map.getLayer(LAYER) === undefined) return null;
    const box: [PointLike, PointLike] = [
      [x - reach, y - reach],
      [x + reach, y + reach],
    ];
    let best: string | null = null;
    let nearest = Number.POSITIVE_INFINITY;
    for (const feature of this.#map.queryRenderedFeatures(box, { layers: [LAYER] })) {
      if (feature.geometry.type !== 'Point') continue;
      const [lng = 0, lat = 0] = feature.geometry.coordinates;
      const at = this.#map.project([lng, lat]);
      const distance = Math.hypot(at.x - x, at.y - y);
      if (distance >= nearest) continue;
      nearest = distance;
      best = String(feature.properties.id);
    }
    return best;
  }

  #collect(now: number): FeatureCollection<Point> {
    const features: Feature<Point>[] = [];
    for (const vehicle of this.#motion.vehicles()) {
      const pose = poseAt(vehicle.glide, now);
      const selected = vehicle.id === this.#selected;
      features.push({
        type: 'Feature',
        properties: {
          id: vehicle.id,
          icon: vehicleIcon(vehicle.look, pose.bearing !== null),
          bearing: vehicle.look === 'silent' ? 0 : (pose.bearing ?? 0),
          order: selected ? 9 : ORDER[vehicle.look],
          selected,
          back: this.#alone && !selected,
        },
        geometry: { type: 'Point', coordinates: [pose.lng, pose.lat] },
      });
    }
    return { type: 'FeatureCollection', features };
  }
}
