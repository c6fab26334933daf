import type { ErrorEvent, GeoJSONSource, Map as MapLibre, MapSourceDataEvent, StyleSpecification } from 'maplibre-gl';
import { GRID_SOURCE, gridStyle } from './fallback-style.ts';
import { type Bounds, graticule, stillServes } from './graticule.ts';
import { palette } from './palette.ts';

export type BasemapState = 'loading' | 'online' | 'offline';

/** How long a basemap may take before the plain map is shown instead. */
const PATIENCE = 4_000;

/**
 * Decides what lies under the vehicles: the basemap of the configuration if it can be had in time, else a plain grid.
 * Whenever it changes the style, the map fires `style.load` and whoever draws upon it draws anew.
 */
export class Basemap {
  readonly #map: MapLibre;
  readonly #url: string | null;
  readonly #tell: (state: BasemapState) => void;
  #dark: boolean;
  #state: BasemapState = 'loading';
  #attempt = 0;
  /** the view the grid was drawn for */
  #gridded: Bounds | null = null;
  #tiles = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(map: MapLibre, url: string | null, dark: boolean, tell: (state: BasemapState) => void) {
    this.#map = map;
    this.#url = url;
    this.#dark = dark;
    this.#tell = tell;
    map.on('error', this.#onError);
    map.on('sourcedata', this.#onSourceData);
    map.on('move', this.#drawGrid);
    map.on('style.load', () => {
      this.#gridded = null;
      this.#drawGrid();
    });
    addEventListener('online', this.#onOnline);
  }

  async load(): Promise<void> {
    const attempt = ++this.#attempt;
    clearTimeout(this.#timer);
    const style = this.#url === null ? null : await fetchStyle(darkTwin(this.#url, this.#dark), this.#url);
    if (attempt !== this.#attempt) return;
    if (style === null) {
      this.#goPlain();
      return;
    }
    this.#tiles = 0;
    this.#map.setStyle(style, { diff: false });
    this.#enter('online');
    // A style alone is no map: when no tile follows, the plain map is better than an empty one.
    this.#timer = setTimeout(() => {
      if (this.#tiles === 0 && Object.keys(style.sources).length > 0) this.#goPlain();
    }, PATIENCE);
  }

  setDark(dark: boolean): void {
    if (dark === this.#dark) return;
    this.#dark = dark;
    if (this.#state === 'offline') this.#map.setStyle(gridStyle(palette(dark)), { diff: false });
    else void this.load();
  }

  close(): void {
    removeEventListener('online', this.#onOnline);
    this.#attempt += 1;
    clearTimeout(this.#timer);
  }

  readonly #onOnline = (): void => {
    if (this.#state === 'offline' && this.#url !== null) void this.load();
  };

  #goPlain(): void {
    this.#map.setStyle(gridStyle(palette(this.#dark)), { diff: false });
    this.#enter('offline');
  }

  #enter(state: BasemapState): void {
    this.#state = state;
    this.#tell(state);
  }

  readonly #onSourceData = (event: MapSourceDataEvent): void => {
    if (event.tile !== undefined && !isOurs(event.sourceId) && event.sourceDataType !== 'idle') this.#tiles += 1;
  };

  readonly #onError = (event: ErrorEvent): void => {
    // One tile that fails is not worth a word; the patience above decides whether the basemap is of any use.
    if (this.#state !== 'online') console.warn('map:', event.error.message);
  };

  readonly #drawGrid = (): void => {
    const source = this.#map.getSource<GeoJSONSource>(GRID_SOURCE);
    if (source === undefined) return;
    const bounds = this.#map.getBounds();
    const view = { west: bounds.getWest(), south: bounds.getSouth(), east: bounds.getEast(), north: bounds.getNorth() };
    if (this.#gridded !== null && stillServes(this.#gridded, view)) return;
    this.#gridded = view;
    void source.setData(graticule(view));
  };
}

function isOurs(source: string): boolean {
  return source.startsWith('waycast-');
}

/** OpenFreeMap has a dark map beside its bright ones. */
function darkTwin(url: string, dark: boolean): string {
  return dark ? url.replace(/^(https:\/\/tiles\.openfreemap\.org\/styles\/)(?:liberty|bright|positron)$/, '$1dark') : url;
}

async function fetchStyle(...urls: string[]): Promise<StyleSpecification | null> {
  const signal = AbortSignal.timeout(PATIENCE);
  for (const url of new Set(urls)) {
    try {
      const answer = await fetch(url, { signal, credentials: 'omit' });
      const style: unknown = answer.ok ? await answer.json() : null;
      if (isStyle(style)) return style;
    } catch {
      // Offline, refused or too slow: the next one, or none.
    }
  }
  return null;
}

function isStyle(value: unknown): value is StyleSpecification {
  return typeof value === 'object' && value !== null && 'sources' in value && 'layers' in value && Array.isArray(value.layers);
}
