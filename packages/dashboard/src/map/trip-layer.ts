import type { Location, StopView } from '@waycast/protocol';
import type { Feature, FeatureCollection, Geometry } from 'geojson';
import type { ExpressionSpecification, GeoJSONSource, Map as MapLibre } from 'maplibre-gl';
import { counts } from '../trips/status.ts';
import { circleRing, type Point, shortestTurn } from './geo.ts';
import { addStopIcon } from './icons.ts';
import type { Palette } from './palette.ts';

/** What of a trip is drawn. */
export interface TripDrawing {
  id: string;
  driverId: string | null;
  stops: StopView[];
  track: Location[];
}

const AREAS = 'waycast-trip-areas';
const PLAN = 'waycast-trip-plan';
const TRACK = 'waycast-trip-track';
const TAIL = 'waycast-trip-tail';
const STOPS = 'waycast-trip-stops';
const NOTHING: FeatureCollection = { type: 'FeatureCollection', features: [] };

/** The opened trip: its stops with their radii, the order of what remains, and the way so far. */
export class TripLayer {
  readonly #map: MapLibre;
  #colours: Palette;
  #drawing: TripDrawing | null = null;
  /** where the vehicle is drawn */
  #head: Point | null = null;

  constructor(map: MapLibre, colours: Palette) {
    this.#map = map;
    this.#colours = colours;
  }

  install(colours: Palette): void {
    this.#colours = colours;
    for (const id of [AREAS, PLAN, TRACK, TAIL, STOPS]) this.#map.addSource(id, { type: 'geojson', data: NOTHING, tolerance: 0.2 });
    this.#addAreas();
    this.#addLines();
    this.#map.addLayer({
      id: STOPS,
      type: 'symbol',
      source: STOPS,
      layout: { 'icon-image': ['get', 'icon'], 'icon-size': 0.85, 'icon-allow-overlap': true, 'icon-ignore-placement': true },
      paint: { 'icon-opacity': ['case', ['get', 'counts'], 1, 0.5] },
    });
    this.#drawStops(this.#drawing?.stops ?? []);
    this.#drawTrack();
  }

  draw(drawing: TripDrawing | null): void {
    const before = this.#drawing;
    this.#drawing = drawing;
    if (before?.driverId !== drawing?.driverId || before?.id !== drawing?.id) this.#head = null;
    // Between two styles there is nothing to draw upon; `install` draws what is remembered.
    if (this.#map.getSource(STOPS) === undefined) return;
    if (before?.stops !== drawing?.stops) this.#drawStops(drawing?.stops ?? []);
    if (before?.track !== drawing?.track) this.#drawTrack();
  }

  /** What was driven ends, and what is planned begins, where the vehicle is drawn, not where it was last heard of. */
  drawHead(head: Point): void {
    const from = this.#drawing?.track.at(-2);
    this.#set(TAIL, from === undefined ? NOTHING : line([from, head]));
    this.#head = head;
    this.#drawPlan();
  }

  #drawTrack(): void {
    const track = this.#drawing?.track ?? [];
    this.#set(TRACK, line(track.slice(0, -1)));
    if (track.length < 2) this.#set(TAIL, NOTHING);
    this.#drawPlan();
  }

  /** From the vehicle over the stops still to come, in their order. */
  #drawPlan(): void {
    const ahead = this.#drawing?.stops.filter((stop) => counts(stop) && stop.arrivedAt === null) ?? [];
    this.#set(PLAN, this.#head === null || ahead.length === 0 ? line(ahead) : line([this.#head, ...ahead]));
  }

  #drawStops(stops: StopView[]): void {
    const points = stops.map((stop, i): Feature => {
      const done = stop.arrivedAt !== null;
      const icon = addStopIcon(this.#map, stop.type, String(i + 1), done, this.#colours);
      return feature({ type: 'Point', coordinates: [stop.lng, stop.lat] }, { icon, counts: counts(stop) });
    });
    const areas = stops
      .filter(counts)
      .flatMap((stop): Feature[] => [
        feature({ type: 'Polygon', coordinates: [circleRing(stop, stop.approachRadius)] }, { kind: 'approach', type: stop.type }),
        feature({ type: 'Polygon', coordinates: [circleRing(stop, stop.arriveRadius)] }, { kind: 'arrive', type: stop.type }),
      ]);
    this.#set(STOPS, { type: 'FeatureCollection', features: points });
    this.#set(AREAS, { type: 'FeatureCollection', features: areas });
  }

  #set(id: string, data: FeatureCollection): void {
    void this.#map.getSource<GeoJSONSource>(id)?.setData(data);
  }

  #addAreas(): void {
    const { pickup, dropoff, waypoint } = this.#colours;
    const colour: ExpressionSpecification = ['match', ['get', 'type'], 'pickup', pickup, 'dropoff', dropoff, waypoint];
    this.#map.addLayer({
      id: 'waycast-areas-fill',
      type: 'fill',
      source: AREAS,
      paint: { 'fill-color': colour, 'fill-opacity': ['match', ['get', 'kind'], 'arrive', 0.16, 0.05] },
    });
    this.#map.addLayer({
      id: 'waycast-areas-arrive',
      type: 'line',
      source: AREAS,
      filter: ['==', ['get', 'kind'], 'arrive'],
      paint: { 'line-color': colour, 'line-width': 1.5, 'line-opacity': 0.8 },
    });
    this.#map.addLayer({
      id: 'waycast-areas-approach',
      type: 'line',
      source: AREAS,
      filter: ['==', ['get', 'kind'], 'approach'],
      paint: { 'line-color': colour, 'line-width': 1, 'line-opacity': 0.6, 'line-dasharray': [4, 3] },
    });
  }

  #addLines(): void {
    const round = { 'line-cap': 'round', 'line-join': 'round' } as const;
    const { plan, track, trackCasing } = this.#colours;
    this.#map.addLayer({
      id: PLAN,
      type: 'line',
      source: PLAN,
      layout: round,
      paint: { 'line-color': plan, 'line-width': 2, 'line-dasharray': [0.5, 2.5] },
    });
    for (const id of [TRACK, TAIL]) {
      this.#map.addLayer({
        id: `${id}-casing`,
        type: 'line',
        source: id,
        layout: round,
        paint: { 'line-color': trackCasing, 'line-width': 7, 'line-opacity': 0.85 },
      });
    }
    for (const id of [TRACK, TAIL]) {
      this.#map.addLayer({ id, type: 'line', source: id, layout: round, paint: { 'line-color': track, 'line-width': 4 } });
    }
  }
}

function feature(geometry: Geometry, properties: Record<string, string | boolean>): Feature {
  return { type: 'Feature', properties, geometry };
}

/** One line through the points; across the antimeridian it goes on beyond 180 degrees instead of running back. */
function line(points: Point[]): FeatureCollection {
  if (points.length < 2) return NOTHING;
  const coordinates: [number, number][] = [];
  let lng = points[0]?.lng ?? 0;
  for (const point of points) {
    lng += shortestTurn(lng, point.lng);
    coordinates.push([lng, point.lat]);
  }
  return { type: 'FeatureCollection', features: [feature({ type: 'LineString', coordinates }, {})] };
}
