import { type FixInput, parseMoment, WaycastError } from '@waycast/protocol';

/**
 * One position report as everything inside sees it, already rounded [F1].
 * Degrees; km/h; degrees from north; m; m; `at` is the capture time in epoch ms.
 */
export interface Fix {
  readonly lat: number;
  readonly lng: number;
  readonly at: number;
  readonly speed: number | null;
  readonly bearing: number | null;
  readonly accuracy: number | null;
  readonly altitude: number | null;
}

/** Older than any track worth keeping: what looks so is epoch seconds, and would never be shown. */
const EARLIEST = Date.UTC(2000, 0, 1);

function hundredths(value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : Math.round(value * 100) / 100;
}

function degrees(value: number): number {
  return Math.round(value * 1e7) / 1e7;
}

/**
 * What a client sent, checked by its schema, as a fix. Without a timestamp it was captured at `receivedAt` [F2].
 * @throws WaycastError `invalid_fix` when the timestamp names no moment (30 February, say), or one before 2000
 */
export function fixFrom(input: FixInput, receivedAt: number): Fix {
  const at = input.timestamp === undefined ? receivedAt : parseMoment(input.timestamp);
  if (Number.isNaN(at)) throw new WaycastError('invalid_fix', 'timestamp: no such moment', { field: '/timestamp' });
  if (at < EARLIEST)
    throw new WaycastError('invalid_fix', 'timestamp: before the year 2000; epoch times are in milliseconds', { field: '/timestamp' });
  const rounded = hundredths(input.bearing);
  return {
    lat: degrees(input.lat),
    lng: degrees(input.lng),
    at,
    speed: hundredths(input.speed),
    // 359.999 rounds up to 360, which is north again.
    bearing: rounded === 360 ? 0 : rounded,
    accuracy: hundredths(input.accuracy),
    altitude: hundredths(input.altitude),
  };
}
