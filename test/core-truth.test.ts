import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advance } from '../packages/server/src/core/advance.ts';
import type { Command, NumberedFix } from '../packages/server/src/core/commands.ts';
import { newDriver } from '../packages/server/src/core/driver.ts';
import { noEffects } from '../packages/server/src/core/effects.ts';
import { etasOf, planOf } from '../packages/server/src/core/eta.ts';
import type { Happened } from '../packages/server/src/core/events.ts';
import { type Fix, fixFrom } from '../packages/server/src/core/fix.ts';
import { judgeTrack } from '../packages/server/src/core/plausibility.ts';
import { newTrip, type Trip } from '../packages/server/src/core/trip.ts';
import { compareEvents, compareTrack } from './oracle/against.ts';
import type { TruthFix } from './oracle/fix.ts';
import { bundledTrack, realTracks, shuffled, stopsOnTrack, type Track, withTrouble } from './oracle/tracks.ts';
import { type Truth, truth } from './oracle/truth.ts';

const BY = { sub: 'test', role: 'admin', via: 'test' };
const RULES = { maxPlausibleSpeedKmh: 300, deliveriesMayJump: false };
const KIND = 'ride' as const;
const seed = fc.integer({ min: 1, max: 10_000 });

/** What core makes of fixes that come one by one in this order, each received when it says. */
function core(sent: readonly TruthFix[], stops: ReturnType<typeof stopsOnTrack>, end?: number) {
  const driver = newDriver('d', 'e');
  const effects = noEffects();
  let position = 0;
  const take = (command: Command) => advance(driver, command, ++position, RULES, effects);
  const begin = sent[0]?.receivedAt ?? 0;
  const trip: Trip = newTrip('t', { kind: KIND, driverId: 'd', stops: [...stops] }, 'digest', begin);
  const common = { driverId: 'd', reply: 0 };
  take({ kind: 'adopt', ...common, receivedAt: begin, trip, previous: null, by: BY, at: begin, entry: 'entry' });
  for (const one of sent)
    take({
      kind: 'fixes',
      ...common,
      receivedAt: one.receivedAt,
      live: true,
      stream: one.stream ?? null,
      base: null,
      sender: 0,
      fixes: [numbered(one)],
    });
  if (end !== undefined) take({ kind: 'status', ...common, receivedAt: end, tripId: 't', status: 'CANCELLED', by: BY, at: end });
  return { driver, trip, rows: effects.rows, events: effects.events };
}

function numbered(one: TruthFix): NumberedFix {
  return { seq: one.seq ?? null, fix: rounded(one) };
}

function rounded({ lat, lng, at, receivedAt, speed, bearing, accuracy, altitude }: TruthFix): Fix {
  return fixFrom(
    { lat, lng, timestamp: at, speed: speed ?? null, bearing: bearing ?? null, accuracy: accuracy ?? null, altitude: altitude ?? null },
    receivedAt,
  );
}

function stopEventsOf(events: readonly Happened[]) {
  return events.flatMap((event) => ('stopId' in event ? [event] : []));
}

/** Both, side by side; [] everywhere when they say the same. */
function differences(expected: Truth, found: ReturnType<typeof core>): string[] {
  const points = found.rows.map(({ fix, suspect }) => ({ lat: fix.lat, lng: fix.lng, timestamp: fix.at, suspect: suspect !== null }));
  return [
    ...compareEvents(expected.events, stopEventsOf(found.events), { inOrder: true }),
    // A row that a later one clears keeps the first opinion of it; history is judged anew [F12].
    ...compareTrack(expected, { history: judged(points, found.rows), distance: found.trip.distance }, { tolerance: 1e-6 }),
  ];
}

function judged<P>(points: readonly P[], rows: readonly { fix: Fix; receivedAt: number }[]) {
  const plausible = judgeTrack(rows, RULES.maxPlausibleSpeedKmh);
  return points.map((point, i) => ({ ...point, suspect: plausible[i] === false }));
}

/** In capture order, ties by receipt: what F12 calls the track. */
function inCaptureOrder<F extends TruthFix>(fixes: readonly F[]): F[] {
  return [...fixes].sort((a, b) => a.at - b.at || a.receivedAt - b.receivedAt);
}

/** What a phone in trouble sent that came in the order of its captures: late fixes left out, repeats and conflicts kept. */
function withoutLate(fixes: readonly TruthFix[]): TruthFix[] {
  const firsts = new Map<number, TruthFix>();
  let newest = Number.NEGATIVE_INFINITY;
  return fixes.filter((fix) => {
    const first = firsts.get(fix.seq ?? 0);
    if (first !== undefined) return true;
    const isAhead = fix.at > fix.receivedAt + 60_000;
    if (!isAhead && fix.at < newest) return false;
    if (!isAhead) newest = fix.at;
    firsts.set(fix.seq ?? 0, fix);
    return true;
  });
}

function troubled(n: number): { track: Track; fixes: readonly TruthFix[]; stops: ReturnType<typeof stopsOnTrack> } {
  const track = bundledTrack(n % 12);
  return { track, fixes: withTrouble(track, n).fixes, stops: stopsOnTrack(track, 5, n) };
}

describe('core says what is true', () => {
  it('of clean tracks: distance, events with their captures and distances, latest [F8, T8, G1-G7]', () => {
    for (const track of realTracks().tracks) {
      const stops = stopsOnTrack(track, 5);
      const end = (track.fixes.at(-1)?.at ?? 0) + 60_000;
      const expected = truth({ fixes: track.fixes, stops, kind: KIND, ...RULES, end });
      const found = core(track.fixes, stops, end);
      expect(expected.events.length, track.name).toBeGreaterThan(0);
      expect(differences(expected, found), track.name).toEqual([]);
      expect(found.driver.latest, track.name).toMatchObject({
        at: expected.latest?.at,
        lat: expected.latest?.lat,
        lng: expected.latest?.lng,
      });
    }
  });

  it('of what a bad phone sent, put in capture order: distance, events, latest, plausibility [F4-F8, T8, G, E]', () => {
    fc.assert(
      fc.property(seed, fc.boolean(), (n, ends) => {
        const { fixes, stops } = troubled(n);
        const last = Math.max(...fixes.map(({ at, receivedAt }) => Math.max(at, receivedAt)));
        const end = ends ? last + 1 : undefined;
        const expected = truth({ fixes, stops, kind: KIND, ...RULES, end });
        // As stored, one by one without their numbers: the order is another than they were sent in.
        const stored = expected.fixes.map(({ stream: _, seq: __, ...fix }) => fix);
        const found = core(stored, stops, end);
        expect(differences(expected, found)).toEqual([]);
        expect(found.driver.latest?.at).toBe(expected.latest?.at);
        if (ends || found.driver.latest === null) return;
        const etas = etasOf(planOf(KIND, found.trip.stops), found.driver.latest, 0);
        expect(etas.map(({ stopId, seconds, distance }) => [stopId, seconds, distance])).toEqual(
          expected.etas.map(({ stopId, seconds, distance }) => [stopId, seconds, Math.round(distance)]),
        );
      }),
      { numRuns: 25 },
    );
  });

  it('of a stream with repeats, conflicts, teleports and wrong clocks, as it came [F9, F6, T8, G]', () => {
    fc.assert(
      fc.property(seed, (n) => {
        const { fixes, stops } = troubled(n);
        const sent = withoutLate(fixes);
        const expected = truth({ fixes: sent, stops, kind: KIND, ...RULES });
        const found = core(sent, stops);
        const rows = inCaptureOrder(found.rows.map((row) => ({ ...row.fix, receivedAt: row.receivedAt, row })));
        expect(rows.map(({ at }) => at)).toEqual(expected.fixes.map(({ at }) => at));
        expect(compareEvents(expected.events, stopEventsOf(found.events), { inOrder: true })).toEqual([]);
        expect(compareTrack(expected, { distance: found.trip.distance }, { tolerance: 1e-6 })).toEqual([]);
        expect(found.driver.latest?.at).toBe(expected.latest?.at);
      }),
      { numRuns: 25 },
    );
  });
});

describe('judgeTrack says what is true', () => {
  it('whatever order the fixes arrived in, once they stand in capture order [F12]', () => {
    fc.assert(
      fc.property(seed, fc.constantFrom(0, 80, 300), (n, max) => {
        const sent = shuffled(withTrouble(bundledTrack(n % 12), n).fixes, n);
        const expected = truth({ fixes: sent, stops: [], kind: KIND, maxPlausibleSpeedKmh: max });
        const track = inCaptureOrder(shuffled(expected.fixes, n + 1)).map((fix) => ({ fix: rounded(fix), receivedAt: fix.receivedAt }));
        expect(judgeTrack(track, max)).toEqual(expected.plausible);
      }),
      { numRuns: 40 },
    );
  });
});
