import type { Feature, FeatureCollection, LineString } from 'geojson';

export interface Bounds {
  west: number;
  south: number;
  east: number;
  north: number;
}

/** Steps in degrees; the coarsest that still gives some lines across the view is taken. */
const STEPS = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005] as const;
const LINES_ACROSS = 5;
const STRONG_EVERY = 5;
const MAX_LINES = 120;

/** Lines of latitude and longitude over a view and as much again around it, so that panning finds them there. */
export function graticule(view: Bounds): FeatureCollection<LineString> {
  const width = Math.max(view.east - view.west, 1e-6);
  const height = Math.max(view.north - view.south, 1e-6);
  const step = STEPS.find((s) => width / s >= LINES_ACROSS) ?? 0.0005;
  const west = Math.max(-540, view.west - width / 2);
  const east = Math.min(540, view.east + width / 2);
  const south = Math.max(-85, view.south - height / 2);
  const north = Math.min(85, view.north + height / 2);
  const lines: Feature<LineString>[] = [];
  for (let i = Math.ceil(west / step); i * step <= east && lines.length < MAX_LINES; i++) {
    lines.push(line(i, longitudeLabel(i * step, step), [i * step, south], [i * step, north]));
  }
  const meridians = lines.length;
  for (let i = Math.ceil(south / step); i * step <= north && lines.length - meridians < MAX_LINES; i++) {
    lines.push(line(i, latitudeLabel(i * step, step), [west, i * step], [east, i * step]));
  }
  return { type: 'FeatureCollection', features: lines };
}

/** Whether the lines drawn for one view do for another: it lies within them, at much the same scale. */
export function stillServes(drawn: Bounds, view: Bounds): boolean {
  const [width, height] = [drawn.east - drawn.west, drawn.north - drawn.south];
  const scale = (view.east - view.west) / width;
  return (
    scale > 0.6 &&
    scale < 1.6 &&
    view.west >= drawn.west - width / 2 &&
    view.east <= drawn.east + width / 2 &&
    view.south >= drawn.south - height / 2 &&
    view.north <= drawn.north + height / 2
  );
}

function line(index: number, label: string, from: [number, number], to: [number, number]): Feature<LineString> {
  const coordinates = Array.from({ length: 9 }, (_, i) => [from[0] + ((to[0] - from[0]) * i) / 8, from[1] + ((to[1] - from[1]) * i) / 8]);
  return { type: 'Feature', properties: { strong: index % STRONG_EVERY === 0, label }, geometry: { type: 'LineString', coordinates } };
}

function digits(step: number): number {
  return Math.max(0, Math.ceil(-Math.log10(step)));
}

function longitudeLabel(value: number, step: number): string {
  const lng = ((((value + 180) % 360) + 360) % 360) - 180;
  return `${Math.abs(lng).toFixed(digits(step))}° ${lng < 0 ? 'W' : 'E'}`;
}

function latitudeLabel(value: number, step: number): string {
  return `${Math.abs(value).toFixed(digits(step))}° ${value < 0 ? 'S' : 'N'}`;
}
