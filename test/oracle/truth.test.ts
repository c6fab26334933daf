import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TruthFix } from './fix.ts';
import { haversine } from './haversine.ts';
import { bundledTrack, realTracks, redelivered, shuffled, stopsOnTrack, withTrouble } from './tracks.ts';
import { eta, truth } from './truth.ts';

const seed = fc.integer({ min: 1, max: 10_000 });
const rules = { kind: 'ride', maxPlausibleSpeedKmh: 300 } as const;
/** The parts of a truth that do not tell when it was received. */
const seen = ({ distance, events, latest, counted, etas }: ReturnType<typeof truth>) => ({
  distance,
  events,
  etas,
  latest: latest?.at,
  points: counted.map(({ at, lat, lng }) => [at, lat, lng]),
});

describe('truth', () => {
  it('adds up the legs between plausible fixes within the trip [T8]', () => {
    const fix = (at: number, lng: number): TruthFix => ({ lat: 0, lng, at, receivedAt: at });
    const fixes = [fix(0, 0), fix(60_000, 0.01), fix(61_000, 3), fix(120_000, 0.02), fix(180_000, 0.03)];
    const whole = truth({ ...rules, fixes, stops: [] });
    expect(whole.plausible).toEqual([true, true, false, true, true]);
    expect(whole.distance).toBeCloseTo(haversine({ lat: 0, lng: 0 }, { lat: 0, lng: 0.03 }), 6);
    const part = truth({ ...rules, fixes, stops: [], start: 60_000, end: 120_000 });
    expect(part.distance).toBeCloseTo(whole.distance / 3, 6);
    expect(part.latest?.at).toBe(180_000);
  });

  it('is the same for fixes listed in any order', () => {
    fc.assert(
      fc.property(seed, (n) => {
        const { fixes } = withTrouble(bundledTrack(n % 7), n);
        const stops = stopsOnTrack(bundledTrack(n % 7), 5, n);
        expect(truth({ ...rules, fixes: shuffled(fixes, n), stops })).toEqual(truth({ ...rules, fixes, stops }));
      }),
      { numRuns: 12 },
    );
  });

  it('does not change when fixes ahead of their time are added', () => {
    fc.assert(
      fc.property(seed, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 60_001, max: 3e11 })), { maxLength: 40 }), (n, extra) => {
        const track = bundledTrack(n % 5);
        const stops = stopsOnTrack(track, 5, n);
        const suspects = extra.map(([where, by]): TruthFix => {
          const from = track.fixes[where % track.fixes.length];
          return { lat: 10, lng: 10, at: (from?.receivedAt ?? 0) + by, receivedAt: from?.receivedAt ?? 0 };
        });
        const [clean, mixed] = [
          truth({ ...rules, fixes: track.fixes, stops }),
          truth({ ...rules, fixes: [...track.fixes, ...suspects], stops }),
        ];
        expect(seen(mixed)).toEqual(seen(clean));
        const stored = new Set(suspects.map(({ at }) => at)).size;
        expect(mixed.plausible.filter((verdict) => !verdict)).toHaveLength(stored);
      }),
      { numRuns: 15 },
    );
  });

  it('does not change when what was sent is sent again', () => {
    fc.assert(
      fc.property(seed, (n) => {
        const { fixes } = withTrouble(bundledTrack(n % 5), n);
        const stops = stopsOnTrack(bundledTrack(n % 5), 4, n);
        const last = Math.max(...fixes.map(({ receivedAt }) => receivedAt));
        const again = redelivered(shuffled(fixes, n), last + 1);
        expect(truth({ ...rules, fixes: [...fixes, ...again], stops })).toEqual(truth({ ...rules, fixes, stops }));
      }),
      { numRuns: 10 },
    );
  });

  it('of a clean track does not depend on when it was received', () => {
    for (const track of realTracks().tracks) {
      const stops = stopsOnTrack(track, 5);
      const late = redelivered(shuffled(track.fixes, 9), (track.fixes.at(-1)?.at ?? 0) + 6 * 3_600_000);
      expect(seen(truth({ ...rules, fixes: late, stops }))).toEqual(seen(truth({ ...rules, fixes: track.fixes, stops })));
    }
  });
});

describe('eta [E1-E3]', () => {
  const from = { lat: 0, lng: 0, at: 0, receivedAt: 0 };
  const stop = (id: string, metres: number) => ({ id, type: 'waypoint' as const, lat: 0, lng: (metres / (Math.PI * 6_371_000)) * 180 });
  const seconds = (kind: 'ride' | 'delivery', speed: number | null, metres: number) =>
    eta(kind, { ...from, speed }, [stop('W', metres)])[0]?.seconds;

  it('of a ride: by its speed, else 40 km/h, a fifth on top, each truncated', () => {
    expect(seconds('ride', 36, 1009)).toBe(120);
    expect(seconds('ride', 36, 1011)).toBe(121);
    expect(seconds('ride', 36, 1041)).toBe(124);
    expect(seconds('ride', 0, 10_001)).toBe(1080);
    expect(seconds('ride', null, 10_001)).toBe(1080);
    expect(seconds('ride', 0.004, 10_001)).toBe(1080);
    expect(seconds('ride', 36, 5)).toBe(0);
  });

  it('of a delivery: 30 km/h, a minute at least', () => {
    expect(seconds('delivery', 90, 10_004)).toBe(1200);
    expect(seconds('delivery', 90, 10_009)).toBe(1201);
    expect(seconds('delivery', 90, 1)).toBe(60);
  });

  it('goes from stop to stop and leaves out what does not count', () => {
    const off = { ...stop('X', 50_000), bookingStatus: 'rejected' as const };
    const etas = eta('delivery', from, [stop('W1', 2000), off, stop('W2', 500), stop('W3', 3500)]);
    expect(etas.map(({ stopId, distance }) => [stopId, Math.round(distance)])).toEqual([
      ['W1', 2000],
      ['W2', 3500],
      ['W3', 6500],
    ]);
  });

  it('is asked by truth for the stops that have not arrived, until the trip ends', () => {
    const input = { ...rules, fixes: [from], stops: [stop('W1', 50), stop('W2', 5000)] };
    expect(truth(input).etas.map(({ stopId }) => stopId)).toEqual(['W2']);
    expect(truth({ ...input, end: 1 }).etas).toEqual([]);
  });
});
