import { readTime } from './read-time.ts';
import type { TrackPoint } from './track.ts';

/** A row as it stands in the file; undefined or empty: not there. */
export interface RawPoint {
  lat: string | undefined;
  lng: string | undefined;
  time: string | undefined;
  speed?: string | undefined;
  bearing?: string | undefined;
  accuracy?: string | undefined;
  altitude?: string | undefined;
}

/** @throws RangeError that says which value is wrong. `factor` turns the file's speeds into km/h. */
export function readPoint(raw: RawPoint, offset: string, factor: number): TrackPoint {
  const at = readTime(required(raw.time, 'time'), offset);
  if (Number.isNaN(at)) throw new RangeError(`'${raw.time}' is no time: ISO 8601, or epoch s or ms`);
  const speed = positive(raw.speed, 'speed');
  const bearing = positive(raw.bearing, 'bearing');
  if (bearing !== null && bearing > 360) throw new RangeError(`bearing ${bearing} is above 360`);
  return {
    lat: within(required(raw.lat, 'lat'), 'lat', 90),
    lng: within(required(raw.lng, 'lng'), 'lng', 180),
    at,
    speed: speed === null ? null : below(speed * factor, 'speed', 100_000),
    bearing: bearing === null ? null : bearing % 360,
    accuracy: below(positive(raw.accuracy, 'accuracy'), 'accuracy', 10_000_000),
    altitude: altitude(raw.altitude),
  };
}

function required(value: string | undefined, name: string): string {
  const text = value?.trim() ?? '';
  if (text === '') throw new RangeError(`${name} is missing`);
  return text;
}

function within(text: string, name: string, limit: number): number {
  const number = numeric(text, name);
  if (Math.abs(number) > limit) throw new RangeError(`${name} ${text} is not within -${limit} and ${limit}`);
  return number;
}

function numeric(text: string, name: string): number {
  const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(number)) throw new RangeError(`${name} '${text}' is no number`);
  return number;
}

/** Devices write -1 (and spreadsheets NaN) for what they do not know. */
function positive(value: string | undefined, name: string): number | null {
  const text = value?.trim() ?? '';
  if (text === '' || /^(nan|null|none)$/i.test(text)) return null;
  const number = numeric(text, name);
  return number < 0 ? null : number;
}

function below<T extends number | null>(value: T, name: string, limit: number): T {
  if (value !== null && value > limit) throw new RangeError(`${name} ${value} is above ${limit}`);
  return value;
}

function altitude(value: string | undefined): number | null {
  const text = value?.trim() ?? '';
  if (text === '' || /^(nan|null|none)$/i.test(text)) return null;
  const number = numeric(text, 'altitude');
  // Geolife writes -777 for none, others -32768; what no vehicle reaches is none.
  return number < -500 || number > 10_000_000 ? null : number;
}
