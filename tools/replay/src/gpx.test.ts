import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseGpx } from './gpx.ts';

const GPX = `<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="a device" xmlns="http://www.topografix.com/GPX/1/1" xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2">
  <metadata><name>not a track</name></metadata>
  <wpt lat="1" lon="1"><name>nor this</name></wpt>
  <trk>
    <name>Ring &amp; back</name>
    <trkseg>
      <trkpt lat="41.39" lon="2.16"><ele>12.5</ele><time>2024-05-01T10:00:00Z</time>
        <extensions><gpxtpx:TrackPointExtension><gpxtpx:speed>10</gpxtpx:speed><gpxtpx:course>270.5</gpxtpx:course></gpxtpx:TrackPointExtension></extensions>
      </trkpt>
      <trkpt lat="41.40" lon="2.17"><time>2024-05-01T10:00:01.500Z</time><extensions><speed>5</speed></extensions></trkpt>
    </trkseg>
    <trkseg>
      <trkpt lat="41.41" lon="2.18"><time>2024-05-01T12:00:00+02:00</time></trkpt>
    </trkseg>
  </trk>
  <trk><trkseg><trkpt lat="0" lon="0"><time>2024-05-01T10:00:00Z</time></trkpt></trkseg></trk>
</gpx>`;

test('reads tracks, segments and extensions; speeds become km/h', () => {
  const noon = Date.UTC(2024, 4, 1, 10);
  expect(parseGpx(GPX, { track: 'day' })).toEqual([
    {
      id: 'Ring & back',
      points: [
        { lat: 41.39, lng: 2.16, at: noon, speed: 36, bearing: 270.5, accuracy: null, altitude: 12.5 },
        { lat: 41.4, lng: 2.17, at: noon + 1500, speed: 18, bearing: null, accuracy: null, altitude: null },
        { lat: 41.41, lng: 2.18, at: noon, speed: null, bearing: null, accuracy: null, altitude: null },
      ],
    },
    { id: 'day-2', points: [{ lat: 0, lng: 0, at: noon, speed: null, bearing: null, accuracy: null, altitude: null }] },
  ]);
});

test('GPX 1.0 has speed and course in the point itself', () => {
  const text = `<gpx version="1.0"><trk><trkseg><trkpt lat="1" lon="2"><time>2024-05-01T10:00:00Z</time><speed>2.5</speed><course>45</course></trkpt></trkseg></trk></gpx>`;
  expect(parseGpx(text)[0]?.points[0]).toMatchObject({ speed: 9, bearing: 45 });
});

test('two tracks of one name are two tracks', () => {
  const trk = '<trk><name>run</name><trkseg><trkpt lat="1" lon="2"><time>2024-05-01T10:00:00Z</time></trkpt></trkseg></trk>';
  expect(parseGpx(`<gpx>${trk}${trk}</gpx>`).map(({ id }) => id)).toEqual(['run', 'run-2']);
});

test('a bad point is named with file and line, or left out', () => {
  const text = GPX.replace('lat="41.41"', 'lat="141.41"').replace(
    '<trkpt lat="0" lon="0"><time>2024-05-01T10:00:00Z</time>',
    '<trkpt lat="0" lon="0">',
  );
  expect(() => parseGpx(text, { file: 'day.gpx' })).toThrow('day.gpx:14: lat 141.41 is not within -90 and 90');
  const told: string[] = [];
  const tracks = parseGpx(text, { file: 'day.gpx', onBad: ({ message }) => told.push(message) });
  expect(told).toEqual(['day.gpx:14: lat 141.41 is not within -90 and 90', 'day.gpx:17: time is missing']);
  expect(tracks.map(({ points }) => points.length)).toEqual([2, 0]);
});

test('what is no GPX is said so', () => {
  expect(() => parseGpx('<gpx><trk></gpx>')).toThrow(/input:1: /);
  expect(() => parseGpx('<kml></kml>')).toThrow('this is no GPX');
  expect(() => parseGpx('lat,lng\n1,2')).toThrow(/input:\d+: /);
});

const pt = fc.record({
  lat: fc.double({ min: -90, max: 90, noNaN: true }),
  lng: fc.double({ min: -180, max: 180, noNaN: true }),
  at: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  altitude: fc.option(fc.double({ min: -400, max: 9_000, noNaN: true })),
});

test('what was written is read', () => {
  fc.assert(
    fc.property(fc.array(fc.array(pt, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 }), (tracks) => {
      const trkpt = (p: (typeof tracks)[number][number]) =>
        `<trkpt lat="${p.lat}" lon="${p.lng}">${p.altitude === null ? '' : `<ele>${p.altitude}</ele>`}<time>${new Date(p.at).toISOString()}</time></trkpt>`;
      const text = `<gpx>${tracks.map((points) => `<trk><trkseg>${points.map(trkpt).join('')}</trkseg></trk>`).join('\n')}</gpx>`;
      const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
      expect(plain(parseGpx(text).map(({ points }) => points))).toEqual(
        plain(tracks.map((points) => points.map((p) => ({ ...p, speed: null, bearing: null, accuracy: null })))),
      );
    }),
    { numRuns: 100 },
  );
});
