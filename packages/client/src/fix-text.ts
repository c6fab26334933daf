import { ClientError } from './client-error.ts';

/** What `Publisher.publish` takes. A time is a Date, epoch ms, or ISO 8601 with an offset; without one it is now. */
export interface PublishFix {
  /** degrees, WGS 84 */
  lat: number;
  lng: number;
  timestamp?: Date | number | string | undefined;
  /** km/h */
  speed?: number | null | undefined;
  /** degrees from north, clockwise */
  bearing?: number | null | undefined;
  /** m, radius */
  accuracy?: number | null | undefined;
  /** m */
  altitude?: number | null | undefined;
}

const ISO = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)$/;
const LATEST = 253_402_300_799_999;

/**
 * The members of a fix as JSON text without the braces, `"lat":1,"lng":2,"timestamp":3`: checked once, here, because one
 * bad fix in a batch would have the server refuse the whole message. Rounded as the server rounds (F1).
 * @throws ClientError `invalid_fix` that names the field
 */
export function fixText(fix: PublishFix, now: number): string {
  let text = `"lat":${rounded(inside(fix.lat, 'lat', -90, 90), 1e7)},"lng":${rounded(inside(fix.lng, 'lng', -180, 180), 1e7)}`;
  text += `,"timestamp":${moment(fix.timestamp, now)}`;
  if (known(fix.speed)) text += `,"speed":${rounded(inside(fix.speed, 'speed', 0, 100_000), 100)}`;
  // 359.999 rounds up to 360, which is north again.
  if (known(fix.bearing)) text += `,"bearing":${rounded(below360(fix.bearing), 100) % 360}`;
  if (known(fix.accuracy)) text += `,"accuracy":${rounded(inside(fix.accuracy, 'accuracy', 0, 10_000_000), 100)}`;
  if (known(fix.altitude)) text += `,"altitude":${rounded(inside(fix.altitude, 'altitude', -20_000, 10_000_000), 100)}`;
  return text;
}

function known(value: number | null | undefined): value is number {
  return value !== null && value !== undefined;
}

function inside(value: number, field: string, min: number, max: number): number {
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw new ClientError('invalid_fix', `${field} must be a number from ${min} to ${max}`, { field: `/${field}` });
}

function below360(value: number): number {
  if (inside(value, 'bearing', 0, 360) < 360) return value;
  throw new ClientError('invalid_fix', 'bearing must be below 360', { field: '/bearing' });
}

function rounded(value: number, factor: number): number {
  // `+ 0` makes a -0 of rounding a plain 0.
  return Math.round(value * factor) / factor + 0;
}

function moment(value: Date | number | string | undefined, now: number): number {
  const at = value === undefined ? now : typeof value === 'string' ? parsed(value) : Number(value);
  if (at >= 0 && at <= LATEST) return Math.round(at);
  throw new ClientError('invalid_fix', 'timestamp must be a Date, epoch ms, or ISO 8601 with an offset', { field: '/timestamp' });
}

function parsed(value: string): number {
  const m = ISO.exec(value);
  if (m === null) return Number.NaN;
  const offset = m[2] ?? 'Z';
  const zone =
    offset === 'Z' ? 'Z' : offset.length === 3 ? `${offset}:00` : offset.length === 5 ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset;
  return Date.parse(value.slice(0, value.length - offset.length).replace(' ', 'T') + zone);
}
