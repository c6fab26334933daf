import { isoTime } from '@waycast/protocol';
import type { Fix } from '../../core/fix.ts';

/** A track as a GeoJSON feature (RFC 7946); `times` runs beside the coordinates. */
export function toGeoJson(tripId: string, fixes: readonly Fix[]) {
  return {
    type: 'Feature',
    properties: { tripId, times: fixes.map(({ at }) => isoTime(at)) },
    // A line needs two points; fewer are what they are.
    geometry:
      fixes.length >= 2
        ? { type: 'LineString', coordinates: fixes.map(position) }
        : { type: 'MultiPoint', coordinates: fixes.map(position) },
  };
}

function position({ lat, lng, altitude }: Fix): number[] {
  return altitude === null ? [lng, lat] : [lng, lat, altitude];
}

/** GPX 1.1; speeds are left out, the standard has no place for them. */
export function toGpx(tripId: string, fixes: readonly Fix[]): string {
  const points = fixes.map(({ lat, lng, at, altitude }) => {
    const elevation = altitude === null ? '' : `<ele>${altitude}</ele>`;
    return `<trkpt lat="${degrees(lat)}" lon="${degrees(lng)}">${elevation}<time>${isoTime(at)}</time></trkpt>`;
  });
  // Ids are letters, digits and _.:- only: nothing to escape.
  return `<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="Waycast" xmlns="http://www.topografix.com/GPX/1/1"><trk><name>${tripId}</name><trkseg>
${points.join('\n')}
</trkseg></trk></gpx>
`;
}

/** In full: readers of XML need not know what 1e-7 is. */
function degrees(value: number): string {
  return value.toFixed(7).replace(/\.?0+$/, '');
}

/** Encoded polyline, five decimals: differences, zigzag, in groups of five bits from '?' on. */
export function encodePolyline(fixes: readonly { readonly lat: number; readonly lng: number }[]): string {
  let text = '';
  let lat = 0;
  let lng = 0;
  for (const fix of fixes) {
    const nextLat = Math.round(fix.lat * 1e5);
    const nextLng = Math.round(fix.lng * 1e5);
    text += encodeSigned(nextLat - lat) + encodeSigned(nextLng - lng);
    lat = nextLat;
    lng = nextLng;
  }
  return text;
}

function encodeSigned(value: number): string {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let text = '';
  while (rest >= 0x20) {
    text += String.fromCharCode((0x20 | (rest % 0x20)) + 63);
    rest = Math.floor(rest / 0x20);
  }
  return text + String.fromCharCode(rest + 63);
}
