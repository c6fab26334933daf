import type { Map as MapLibre } from 'maplibre-gl';
import type { Look } from '../live/fleet.ts';
import type { Palette } from './palette.ts';
import { HEADING_SHAPES, STANDING_SHAPES, type VehicleShape } from './vehicle-shapes.ts';

const FIELD = 40;
const PIXEL_RATIO = 2;
const LOOKS: Look[] = ['on-trip', 'online', 'busy', 'silent'];

export function vehicleIcon(look: Look, heading: boolean): string {
  return `vehicle-${look}${heading ? '' : '-standing'}`;
}

export function stopIcon(type: string, label: string, done: boolean): string {
  return `stop-${type}-${label}${done ? '-done' : ''}`;
}

/** Puts the vehicle icons on the map, drawn here: nothing comes from the network. */
export function addVehicleIcons(map: MapLibre, colours: Palette): void {
  for (const look of LOOKS) {
    put(map, vehicleIcon(look, true), drawVehicle(HEADING_SHAPES[look], colours.vehicle[look], colours.paper));
    put(map, vehicleIcon(look, false), drawVehicle(STANDING_SHAPES[look], colours.vehicle[look], colours.paper));
  }
}

/** A numbered stop: round for a pickup, square for a drop-off, a diamond for a waypoint; hollow until reached. */
export function addStopIcon(map: MapLibre, type: string, label: string, done: boolean, colours: Palette): string {
  const name = stopIcon(type, label, done);
  if (!map.hasImage(name)) put(map, name, drawStop(type, label, done, colours));
  return name;
}

function put(map: MapLibre, name: string, image: ImageData): void {
  if (map.hasImage(name)) map.removeImage(name);
  map.addImage(name, image, { pixelRatio: PIXEL_RATIO });
}

function canvas(): CanvasRenderingContext2D {
  const element = document.createElement('canvas');
  element.width = FIELD * PIXEL_RATIO;
  element.height = FIELD * PIXEL_RATIO;
  const context = element.getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('this browser draws no canvas');
  context.scale(PIXEL_RATIO, PIXEL_RATIO);
  context.lineJoin = 'round';
  context.lineCap = 'round';
  return context;
}

function read(context: CanvasRenderingContext2D): ImageData {
  return context.getImageData(0, 0, FIELD * PIXEL_RATIO, FIELD * PIXEL_RATIO);
}

function drawVehicle(shape: VehicleShape, colour: string, paper: string): ImageData {
  const context = canvas();
  const body = new Path2D(shape.body);
  context.shadowColor = 'rgba(10, 16, 28, 0.35)';
  context.shadowBlur = 3 * PIXEL_RATIO;
  context.shadowOffsetY = PIXEL_RATIO;
  context.strokeStyle = paper;
  context.lineWidth = 5;
  context.stroke(body);
  context.shadowColor = 'transparent';
  context.fillStyle = shape.hollow ? paper : colour;
  context.fill(body);
  if (shape.hollow) {
    context.strokeStyle = colour;
    context.lineWidth = 2.4;
    context.setLineDash([3.6, 4]);
    context.stroke(body);
  }
  if (shape.mark !== null) {
    context.fillStyle = shape.hollow ? colour : paper;
    context.fill(new Path2D(shape.mark));
  }
  return read(context);
}

function stopOutline(type: string): Path2D {
  const path = new Path2D();
  if (type === 'pickup') path.arc(20, 20, 12, 0, 2 * Math.PI);
  else if (type === 'dropoff') path.roundRect(8.5, 8.5, 23, 23, 5);
  else path.addPath(new Path2D('M20 5 35 20 20 35 5 20Z'));
  return path;
}

function drawStop(type: string, label: string, done: boolean, colours: Palette): ImageData {
  const context = canvas();
  const outline = stopOutline(type);
  const colour = type === 'pickup' ? colours.pickup : type === 'dropoff' ? colours.dropoff : colours.waypoint;
  context.strokeStyle = colours.paper;
  context.lineWidth = 6;
  context.stroke(outline);
  context.fillStyle = done ? colour : colours.paper;
  context.fill(outline);
  context.strokeStyle = colour;
  context.lineWidth = 2.6;
  context.stroke(outline);
  context.fillStyle = done ? colours.paper : colours.ink;
  context.font = `700 ${label.length > 1 ? 12 : 14}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(label, 20, 20.8);
  return read(context);
}
