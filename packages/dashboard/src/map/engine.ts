import {
  AttributionControl,
  LngLatBounds,
  Map as MapLibre,
  type MapMouseEvent,
  type PaddingOptions,
  ScaleControl,
  setWorkerUrl,
} from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import 'maplibre-gl/dist/maplibre-gl.css';
import type { FleetPosition, Location } from '@waycast/protocol';
import { Basemap, type BasemapState } from './basemap.ts';
import { groundStyle } from './fallback-style.ts';
import { FleetMotion } from './fleet-motion.ts';
import { frameInterval } from './frame-interval.ts';
import { circleRing, type Point } from './geo.ts';
import { palette } from './palette.ts';
import { type TripDrawing, TripLayer } from './trip-layer.ts';
import { VehicleLayer } from './vehicle-layer.ts';

export type { BasemapState } from './basemap.ts';
export type { TripDrawing } from './trip-layer.ts';

// A worker of our own origin: the page's content security policy allows no other.
setWorkerUrl(workerUrl);

export interface MapEvents {
  pick(driver: string): void;
  basemap(state: BasemapState): void;
  /** somebody moved the map by hand while it followed a vehicle */
  unfollowed(): void;
}

const FINGER = 18;
const MOUSE = 10;
const FOLLOW_ZOOM = 15;

/** The map: what lies under it, the vehicles upon it, the opened trip, and the camera. */
export class MapEngine {
  readonly #container: HTMLElement;
  readonly #map: MapLibre;
  readonly #events: MapEvents;
  readonly #basemap: Basemap;
  readonly #motion = new FleetMotion();
  readonly #vehicles: VehicleLayer;
  readonly #trip: TripLayer;
  readonly #reduced = matchMedia('(prefers-reduced-motion: reduce)');
  readonly #darkness = matchMedia('(prefers-color-scheme: dark)');
  #drawing: TripDrawing | null = null;
  #followed: string | null = null;
  #fitted = false;
  /** the first view of the opened trip still lacks its vehicle, which was not heard of yet */
  #owed = false;
  #dirty = true;
  #frame = 0;
  #drawnAt = 0;
  #hoveredAt = 0;

  constructor(container: HTMLElement, basemapUrl: string | null, events: MapEvents) {
    this.#container = container;
    this.#events = events;
    const colours = palette(this.#darkness.matches);
    this.#map = new MapLibre({
      container,
      style: groundStyle(colours),
      center: [10, 30],
      zoom: 1.5,
      maxPitch: 0,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      // Our icons move all the time: fading them would make them flicker.
      fadeDuration: 0,
      attributionControl: false,
    });
    this.#map.touchZoomRotate.disableRotation();
    this.#map.keyboard.disableRotation();
    this.#map.addControl(new ScaleControl({ maxWidth: 110 }), 'bottom-right');
    this.#map.addControl(new AttributionControl({ compact: true }), 'bottom-right');
    this.#vehicles = new VehicleLayer(this.#map, this.#motion);
    this.#trip = new TripLayer(this.#map, colours);
    this.#basemap = new Basemap(this.#map, basemapUrl, this.#darkness.matches, (state) => events.basemap(state));
    this.#listen();
    void this.#basemap.load();
  }

  setFleet(fleet: ReadonlyMap<string, FleetPosition>): void {
    this.#motion.sync(fleet, performance.now());
    if (!this.#fitted && fleet.size > 0 && this.#drawing === null) this.fitFleet();
    this.#wake();
  }

  /** A vehicle's newest position from a feed of its own. */
  observe(driver: string, location: Location): void {
    this.#motion.observe(driver, location, performance.now());
    if (this.#owed && driver === this.#drawing?.driverId) this.fitTrip();
    this.#wake();
  }

  /** Takes a vehicle off the map that only `observe` told of. */
  release(driver: string): void {
    this.#motion.release(driver);
    this.#wake();
  }

  setTrip(drawing: TripDrawing | null): void {
    const before = this.#drawing;
    this.#drawing = drawing;
    if (before?.driverId != null && before.driverId !== drawing?.driverId) this.#motion.release(before.driverId);
    this.#trip.draw(drawing);
    if (drawing !== null && drawing.id !== before?.id) this.fitTrip();
    this.#wake();
  }

  /** Marks a vehicle. While a trip is drawn, all others stand back. */
  select(driver: string | null): void {
    this.#vehicles.select(driver, this.#drawing !== null && driver !== null);
    this.#wake();
  }

  follow(driver: string | null): void {
    const begins = driver !== null && driver !== this.#followed;
    this.#followed = driver;
    if (driver === null) this.#map.scrollZoom.enable();
    else this.#map.scrollZoom.enable({ around: 'center' });
    const pose = begins ? this.#motion.poseOf(driver, performance.now()) : null;
    if (pose !== null) this.#map.easeTo({ center: [pose.lng, pose.lat], zoom: Math.max(this.#map.getZoom(), FOLLOW_ZOOM), duration: 600 });
    this.#wake();
  }

  /** What the page's panels cover of the map, so that "the middle" is the middle of what can be seen. */
  setInsets(padding: PaddingOptions): void {
    this.#map.setPadding(padding);
  }

  fitFleet(): void {
    const now = performance.now();
    this.#fit([...this.#motion.vehicles()].flatMap(({ id }) => this.#motion.poseOf(id, now) ?? []));
  }

  fitTrip(): void {
    if (this.#drawing === null) return;
    const { stops, track, driverId } = this.#drawing;
    const pose = driverId === null ? null : this.#motion.poseOf(driverId, performance.now());
    this.#owed = driverId !== null && pose === null;
    const last = track.at(-1);
    const around = stops.flatMap((stop) => circleRing(stop, Math.min(stop.approachRadius, 1_000), 4).map(([lng, lat]) => ({ lng, lat })));
    this.#fit([...around, ...(pose === null ? [] : [pose]), ...(last === undefined ? [] : [last])]);
  }

  showVehicle(driver: string): void {
    const pose = this.#motion.poseOf(driver, performance.now());
    if (pose !== null) this.#map.easeTo({ center: [pose.lng, pose.lat], zoom: Math.max(this.#map.getZoom(), 14), duration: 600 });
  }

  zoomBy(levels: number): void {
    this.#map.easeTo({ zoom: this.#map.getZoom() + levels, duration: 250 });
  }

  retryBasemap(): void {
    void this.#basemap.load();
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    document.removeEventListener('visibilitychange', this.#onVisible);
    this.#darkness.removeEventListener('change', this.#onDarkness);
    this.#reduced.removeEventListener('change', this.#onReduced);
    this.#basemap.close();
    this.#map.remove();
  }

  #listen(): void {
    this.#map.on('style.load', () => {
      const colours = palette(this.#darkness.matches);
      this.#trip.install(colours);
      this.#vehicles.install(colours);
      this.#wake();
    });
    this.#map.on('click', (event) => this.#onClick(event));
    this.#map.on('mousemove', (event) => this.#onHover(event));
    this.#map.on('movestart', ({ originalEvent }) => {
      // Whoever moves the map by hand has chosen a view.
      if (originalEvent !== undefined) this.#owed = false;
    });
    this.#map.on('dragstart', () => {
      if (this.#followed !== null) this.#events.unfollowed();
    });
    document.addEventListener('visibilitychange', this.#onVisible);
    this.#darkness.addEventListener('change', this.#onDarkness);
    this.#reduced.addEventListener('change', this.#onReduced);
    this.#onReduced();
  }

  readonly #onVisible = (): void => {
    if (document.visibilityState === 'visible') this.#wake();
  };

  readonly #onDarkness = (): void => this.#basemap.setDark(this.#darkness.matches);

  readonly #onReduced = (): void => {
    this.#motion.still = this.#reduced.matches;
  };

  #onClick(event: MapMouseEvent): void {
    const touch = matchMedia('(pointer: coarse)').matches;
    const driver = this.#vehicles.pick(event.point.x, event.point.y, touch ? FINGER : MOUSE);
    if (driver !== null) this.#events.pick(driver);
  }

  #onHover(event: MapMouseEvent): void {
    const now = performance.now();
    if (now - this.#hoveredAt < 60) return;
    this.#hoveredAt = now;
    const over = this.#vehicles.pick(event.point.x, event.point.y, MOUSE) !== null;
    this.#map.getCanvas().style.cursor = over ? 'pointer' : '';
  }

  #fit(points: Point[]): void {
    if (points.length === 0) return;
    const bounds = new LngLatBounds();
    for (const point of points) bounds.extend([point.lng, point.lat]);
    // The first view is set at once: nobody wants to fly in from space every morning.
    this.#map.fitBounds(bounds, { padding: 48, maxZoom: 15.5, animate: this.#fitted, duration: 700 });
    this.#fitted = true;
  }

  #wake(): void {
    this.#dirty = true;
    if (this.#frame === 0) this.#frame = requestAnimationFrame(this.#onFrame);
  }

  readonly #onFrame = (): void => {
    this.#frame = 0;
    const now = performance.now();
    const moving = this.#motion.isMoving(now);
    const interval = frameInterval(this.#map.getZoom(), this.#map.getCenter().lat, this.#followed !== null);
    if (!moving || now - this.#drawnAt >= interval) this.#draw(now, moving);
    if (moving || this.#dirty) this.#frame = requestAnimationFrame(this.#onFrame);
  };

  #draw(now: number, moving: boolean): void {
    if (!this.#vehicles.draw(now)) return;
    // While something moves, one more frame is owed: the one where it stands still at last.
    this.#dirty = moving;
    this.#drawnAt = now;
    this.#container.dataset.vehicles = String(this.#motion.size);
    const driver = this.#drawing?.driverId ?? null;
    const pose = driver === null ? null : this.#motion.poseOf(driver, now);
    if (pose !== null) this.#trip.drawHead(pose);
    const followed = this.#followed === null || this.#map.isMoving() ? null : this.#motion.poseOf(this.#followed, now);
    if (followed !== null) this.#map.jumpTo({ center: [followed.lng, followed.lat] });
  }
}
