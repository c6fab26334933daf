import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { haversine } from './haversine.ts';
import { visitedTwice } from './stops-on-track.ts';
import { bundledTrack, bundledTracks, loadGeolife, realTracks, shuffled, stopsOnTrack, withTrouble } from './tracks.ts';
import { truth } from './truth.ts';

const rules = { kind: 'ride', maxPlausibleSpeedKmh: 300, stops: [] } as const;

describe('bundled tracks', () => {
  it('are the same every time and different from each other', () => {
    expect(bundledTrack(3)).toEqual(bundledTrack(3));
    expect(new Set(bundledTracks().map(({ fixes }) => fixes[0]?.lat)).size).toBe(5);
  });

  it('are drives: plausible throughout, with stops, gaps and 1-5 s between', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), (seed) => {
        const { fixes } = bundledTrack(seed);
        expect(fixes.length).toBeGreaterThanOrEqual(400);
        expect(fixes.length).toBeLessThanOrEqual(1800);
        expect(truth({ ...rules, fixes }).plausible).not.toContain(false);
        const gaps = fixes.slice(1).map(({ at }, i) => (at - (fixes[i]?.at ?? 0)) / 1000);
        expect(gaps.every((gap) => (gap >= 1 && gap <= 5) || (gap >= 60 && gap <= 600))).toBe(true);
        expect(fixes.filter(({ speed }) => (speed ?? 0) < 3).length).toBeGreaterThan(5);
        expect(fixes.every(({ bearing, receivedAt, at }) => (bearing ?? -1) >= 0 && (bearing ?? 360) < 360 && receivedAt > at)).toBe(true);
      }),
      { numRuns: 25 },
    );
    const gaps = bundledTracks().map(({ fixes }) => fixes.filter(({ at }, i) => at - (fixes[i - 1]?.at ?? at) >= 60_000).length);
    expect(gaps.reduce((a, b) => a + b)).toBeGreaterThan(5);
  });
});

describe('withTrouble', () => {
  it('is the same every time, in order of receipt, no two at once', () => {
    const { fixes } = withTrouble(bundledTrack(1), 8);
    expect(withTrouble(bundledTrack(1), 8).fixes).toEqual(fixes);
    expect(fixes.every(({ receivedAt }, i) => receivedAt > (fixes[i - 1]?.receivedAt ?? 0))).toBe(true);
  });

  it('has some of everything, and what is planted is what the rules find', () => {
    for (const track of bundledTracks()) {
      const { fixes, planted } = withTrouble(track, 2);
      const { plausible, fixes: kept } = truth({ ...rules, fixes });
      const found = (what: (fix: (typeof kept)[number], i: number) => boolean): number => kept.filter(what).length;
      for (const [trouble, count] of Object.entries(planted)) expect(count, trouble).toBeGreaterThan(0);
      expect(found(({ at, receivedAt }) => at - receivedAt > 60_000)).toBe(planted.ahead);
      expect(found(({ accuracy }) => accuracy !== null && accuracy >= 60)).toBeGreaterThanOrEqual(planted.coarse);
      expect(found(({ accuracy }) => accuracy === null)).toBeGreaterThanOrEqual(planted['no-accuracy']);
      // Every jump of one or two and every ahead fix is suspect; runs of three and more are believed in the end.
      expect(found((_, i) => plausible[i] === false)).toBeGreaterThanOrEqual(planted.ahead + planted['teleport-1'] + planted['teleport-2']);
      const far = found((fix, i) => plausible[i] === true && track.fixes.every((one) => haversine(one, fix) > 2000));
      expect(far).toBeGreaterThan(0);
    }
  });
});

describe('shuffled', () => {
  it('keeps everything', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), fc.nat(), (items, seed) => {
        expect(shuffled(items, seed).toSorted()).toEqual(items.toSorted());
      }),
    );
    expect(shuffled([1, 2, 3, 4, 5, 6, 7, 8], 1)).not.toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describe('stopsOnTrack', () => {
  it('puts every stop on the track, pickups and drop-offs in pairs', () => {
    for (const track of [...realTracks().tracks, ...bundledTracks()]) {
      const stops = stopsOnTrack(track, 6);
      expect(stops).toHaveLength(12);
      expect(new Set(stops.map(({ id }) => id)).size).toBe(12);
      for (const stop of stops) expect(Math.min(...track.fixes.map((fix) => haversine(fix, stop)))).toBeLessThan(70);
      const { events } = truth({ ...rules, fixes: track.fixes, stops });
      expect(events.filter(({ kind }) => kind === 'arrived').length).toBeGreaterThan(6);
      expect(events.filter(({ stopId }) => stopId.endsWith('-5'))).toEqual([]);
    }
  });

  it('finds places passed twice where there are any', () => {
    const there = [0, 0.002, 0.004, 0.006, 0.008, 0.01].map((lng, i) => ({ lat: 0, lng, at: i, receivedAt: i }));
    expect(visitedTwice([...there, ...there.toReversed()])).toEqual([0, 11]);
    expect(visitedTwice(there)).toBeNull();
  });
});

describe('real tracks', () => {
  it('reads the columns of GeoLife', () => {
    const folder = mkdtempSync(join(tmpdir(), 'waycast-oracle-'));
    const path = join(folder, 'two.csv');
    const rows = [
      '116.5;39.25;2;2;2;7;19;2008-12-11 04:42:16+00',
      '116.391305;39.898573;1;1;1;7;19;2008-12-11 04:42:14+00',
      '1;2;3;3;1;8;0;2009-01-01 00:00:00+00',
    ];
    writeFileSync(path, `X;Y;fid;id;sequence;trajectory_id;tracker;t\n${rows.join('\n')}\n`);
    const [track, other] = loadGeolife(path);
    rmSync(folder, { recursive: true });
    const at = Date.UTC(2008, 11, 11, 4, 42, 14);
    expect(track?.fixes.map((fix) => [fix.lat, fix.lng, fix.at])).toEqual([
      [39.898573, 116.391305, at],
      [39.25, 116.5, at + 2000],
    ]);
    expect(other?.name).toBe('geolife-8');
  });

  it('says where its tracks are from', () => {
    const { source, tracks } = realTracks();
    expect(source).toBe(existsSync(join(import.meta.dirname, '../../../shared/data/geolife_small.csv')) ? 'geolife' : 'bundled');
    expect(tracks).toHaveLength(5);
    for (const { fixes } of tracks) expect(fixes.every(({ at }, i) => at > (fixes[i - 1]?.at ?? 0))).toBe(true);
  });
});
