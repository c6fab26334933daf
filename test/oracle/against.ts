import type { KeptFix } from './fix.ts';
import { haversine } from './haversine.ts';
import type { StopEventKind, TruthEvent } from './stop-events.ts';
import type { Truth } from './truth.ts';

type Moment = number | string;

/** An event as the server tells it; those that are not about a stop are passed over. */
export interface ActualEvent {
  readonly kind: string;
  readonly stopId?: string | null | undefined;
  readonly at: Moment;
  readonly distance?: number | null | undefined;
}

/** A point of `GET /v1/trips/{id}/track`, or of a driver's history with `suspect`. */
export interface ActualPoint {
  readonly lat: number;
  readonly lng: number;
  readonly timestamp: Moment;
  readonly suspect?: boolean | undefined;
}

/** What there is to compare; what is absent is not compared. */
export interface ActualTrack {
  /** the plausible fixes of the trip, in capture order */
  readonly points?: readonly ActualPoint[];
  /** everything stored of the driver, in capture order, judged */
  readonly history?: readonly ActualPoint[];
  /** m */
  readonly distance?: number;
}

function ms(moment: Moment): number {
  return typeof moment === 'number' ? moment : Date.parse(moment);
}

function iso(at: number): string {
  return Number.isFinite(at) && Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : String(at);
}

function firstFive(differences: readonly string[]): string[] {
  const more = differences.length - 5;
  return more > 0 ? [...differences.slice(0, 5), `... and ${more} more`] : [...differences];
}

const isStopKind = (kind: string): kind is StopEventKind => kind === 'approaching' || kind === 'arrived' || kind === 'departed';

function tell(event: { kind: string; stopId?: string | null | undefined; at: Moment; distance?: number | null | undefined }): string {
  const distance = typeof event.distance === 'number' ? ` ${event.distance.toFixed(2)} m` : '';
  return `${event.kind} ${event.stopId ?? '?'} at ${iso(ms(event.at))}${distance}`;
}

/**
 * What differs, readable, the first five; [] when nothing does. Each truth event once, at its capture, its distance within
 * `tolerance` m (an absent distance is not compared), in any order unless `inOrder`.
 */
export function compareEvents(
  expected: readonly TruthEvent[],
  actual: readonly ActualEvent[],
  { tolerance = 0.05, inOrder = false }: { tolerance?: number; inOrder?: boolean } = {},
): string[] {
  const found = actual.filter((event) => isStopKind(event.kind));
  const key = (event: ActualEvent): string => `${event.kind} ${event.stopId}`;
  const differences: string[] = [];
  for (const event of expected) {
    const [same, ...again] = found.filter((other) => key(other) === key(event));
    if (same === undefined) differences.push(`missing: ${tell(event)}`);
    else if (ms(same.at) !== event.at) differences.push(`expected ${tell(event)}, got ${tell(same)}`);
    else if (same.distance !== undefined && !near(event.distance, same.distance, tolerance))
      differences.push(`expected ${tell(event)}, got ${same.distance === null ? 'no distance' : tell(same)}`);
    for (const extra of again) differences.push(`twice: ${tell(extra)}`);
  }
  const wanted = new Set(expected.map(key));
  for (const event of found) if (!wanted.has(key(event))) differences.push(`not expected: ${tell(event)}`);
  if (inOrder && differences.length === 0) {
    const at = expected.findIndex((event, i) => key(event) !== key(found[i] ?? event));
    const [should, is] = [expected[at], found[at]];
    if (should !== undefined && is !== undefined) differences.push(`order, place ${at}: expected ${tell(should)}, got ${tell(is)}`);
  }
  return firstFive(differences);
}

function near(a: number | null, b: number | null, tolerance: number): boolean {
  return a === null || b === null ? a === b : Math.abs(a - b) <= tolerance;
}

function comparePoints(
  what: string,
  expected: readonly KeptFix[],
  actual: readonly ActualPoint[],
  verdict: readonly boolean[] | null,
): string[] {
  const differences: string[] = [];
  if (expected.length !== actual.length) differences.push(`${what}: expected ${expected.length} points, got ${actual.length}`);
  for (let i = 0; i < Math.max(expected.length, actual.length); i++) {
    const [should, is] = [expected[i], actual[i]];
    const where = `${what}[${i}]`;
    if (should === undefined || is === undefined) {
      if (is !== undefined) differences.push(`${where}: not expected: ${is.lat},${is.lng} at ${iso(ms(is.timestamp))}`);
      if (should !== undefined) differences.push(`${where}: missing: ${should.lat},${should.lng} at ${iso(should.at)}`);
    } else if (should.at !== ms(is.timestamp) || should.lat !== is.lat || should.lng !== is.lng) {
      const off = `${haversine(should, is).toFixed(2)} m and ${ms(is.timestamp) - should.at} ms off`;
      differences.push(
        `${where}: expected ${should.lat},${should.lng} at ${iso(should.at)}, got ${is.lat},${is.lng} at ${iso(ms(is.timestamp))}: ${off}`,
      );
    } else if (verdict !== null && is.suspect === verdict[i])
      differences.push(`${where}: expected ${verdict[i] ? 'plausible' : 'suspect'}: ${should.lat},${should.lng} at ${iso(should.at)}`);
  }
  return differences;
}

/** As `compareEvents`, for track, history and distance; `tolerance` in m, a millionth of the distance at least. */
export function compareTrack(
  expected: Pick<Truth, 'fixes' | 'plausible' | 'counted' | 'distance'>,
  actual: ActualTrack,
  { tolerance = 0.05 }: { tolerance?: number } = {},
): string[] {
  const differences: string[] = [];
  const { points, history, distance } = actual;
  const allowed = Math.max(tolerance, expected.distance * 1e-6);
  if (distance !== undefined && !(Math.abs(distance - expected.distance) <= allowed))
    differences.push(`distance: expected ${expected.distance.toFixed(3)} m, got ${distance.toFixed(3)} m`);
  if (points !== undefined) differences.push(...comparePoints('track', expected.counted, points, null));
  if (history !== undefined) differences.push(...comparePoints('history', expected.fixes, history, expected.plausible));
  return firstFive(differences);
}
