import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixAt, T0 } from '../../hub/contracts/samples.ts';
import { encodePolyline, toGeoJson, toGpx } from './track-formats.ts';

/** The decoding of Google's own description of the format. */
function decode(text: string): { lat: number; lng: number }[] {
  let at = 0;
  const next = (): number => {
    let value = 0;
    let shift = 1;
    for (;;) {
      const group = text.charCodeAt(at++) - 63;
      value += (group % 32) * shift;
      shift *= 32;
      if (group < 32) break;
    }
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  };
  const points: { lat: number; lng: number }[] = [];
  let [lat, lng] = [0, 0];
  while (at < text.length) {
    lat += next();
    lng += next();
    points.push({ lat: lat / 1e5, lng: lng / 1e5 });
  }
  return points;
}

describe('polyline', () => {
  it('is that of its description', () => {
    const points = [
      { lat: 38.5, lng: -120.2 },
      { lat: 40.7, lng: -120.95 },
      { lat: 43.252, lng: -126.453 },
    ];
    expect(encodePolyline(points)).toBe('_p~iF~ps|U_ulLnnqC_mqNvxq`@');
    expect(encodePolyline([])).toBe('');
    expect(encodePolyline([{ lat: 0, lng: 0 }])).toBe('??');
  });

  it('comes back within half of 1e-5 degree, anywhere, however far apart', () => {
    const point = fc.record({ lat: fc.double({ min: -90, max: 90, noNaN: true }), lng: fc.double({ min: -180, max: 180, noNaN: true }) });
    fc.assert(
      fc.property(fc.array(point, { maxLength: 30 }), (points) => {
        const text = encodePolyline(points);
        expect(text).toMatch(/^[?-~]*$/);
        const back = decode(text);
        expect(back).toHaveLength(points.length);
        back.forEach(({ lat, lng }, i) => {
          expect(Math.abs(lat - (points[i]?.lat ?? 0))).toBeLessThanOrEqual(0.5e-5 + 1e-10);
          expect(Math.abs(lng - (points[i]?.lng ?? 0))).toBeLessThanOrEqual(0.5e-5 + 1e-10);
        });
      }),
    );
  });
});

describe('GeoJSON', () => {
  it('is a line of lng, lat and altitude where known, with its times beside it', () => {
    expect(toGeoJson('t', [fixAt(0), fixAt(1, 0, { altitude: null })])).toEqual({
      type: 'Feature',
      properties: { tripId: 't', times: ['2026-01-05T08:00:00.000Z', '2026-01-05T08:00:01.000Z'] },
      geometry: {
        type: 'LineString',
        coordinates: [
          [11.3, 44.5, -3.75],
          [11.3, 44.5],
        ],
      },
    });
  });

  it('is no line with fewer than two points', () => {
    expect(toGeoJson('t', []).geometry).toEqual({ type: 'MultiPoint', coordinates: [] });
    expect(toGeoJson('t', [fixAt(0)]).geometry).toMatchObject({ type: 'MultiPoint', coordinates: [[11.3, 44.5, -3.75]] });
  });
});

describe('GPX', () => {
  it('has a point with its time, and its elevation where known, for each fix', () => {
    const text = toGpx('t:1.a_b-c', [fixAt(0), fixAt(1, 0, { altitude: null })]);
    expect(text).toMatch(
      /^<\?xml version="1.0" encoding="UTF-8"\?>\n<gpx version="1.1" creator="Waycast" xmlns="http:\/\/www.topografix.com\/GPX\/1\/1">/,
    );
    expect(text).toContain('<name>t:1.a_b-c</name>');
    expect(text.match(/<trkpt [^>]*>.*<\/trkpt>/g)).toEqual([
      `<trkpt lat="44.5" lon="11.3"><ele>-3.75</ele><time>${new Date(T0).toISOString()}</time></trkpt>`,
      `<trkpt lat="44.5" lon="11.3"><time>${new Date(T0 + 1000).toISOString()}</time></trkpt>`,
    ]);
  });

  it('writes small numbers as numbers any reader takes', () => {
    expect(toGpx('t', [fixAt(0, 0, { lat: 1e-7, lng: -1e-7 })])).toMatch(/lat="0\.0000001" lon="-0\.0000001"/);
  });
});
