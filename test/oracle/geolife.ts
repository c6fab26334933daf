import { readFileSync } from 'node:fs';
import type { Track } from './bundled-track.ts';
import type { TruthFix } from './fix.ts';

/** Tracks from a CSV with columns X;Y;fid;id;sequence;trajectory_id;tracker;t; X is lng, t like `2008-12-11 04:42:14+00`. */
export function loadGeolife(path: string): Track[] {
  const [header = '', ...lines] = readFileSync(path, 'utf8')
    .split(/\r?\n/)
    .filter((line) => line !== '');
  const columns = header.split(';');
  const tracks = new Map<string, { sequence: number; fix: TruthFix }[]>();
  for (const line of lines) {
    const cells = line.split(';');
    const cell = (name: string): string => {
      const value = cells[columns.indexOf(name)];
      if (value === undefined) throw new Error(`${path}: no ${name} in "${line}"`);
      return value;
    };
    const at = Date.parse(
      cell('t')
        .replace(' ', 'T')
        .replace(/([+-]\d\d)$/, '$1:00'),
    );
    const fix: TruthFix = { lat: Number(cell('Y')), lng: Number(cell('X')), at, receivedAt: at + 250 };
    if (![fix.lat, fix.lng, at].every(Number.isFinite)) throw new Error(`${path}: cannot read "${line}"`);
    const id = cell('trajectory_id');
    const track = tracks.get(id) ?? [];
    track.push({ sequence: Number(cell('sequence')), fix });
    tracks.set(id, track);
  }
  return [...tracks].map(([id, points]) => ({
    name: `geolife-${id}`,
    fixes: points.sort((a, b) => a.sequence - b.sequence).map(({ fix }) => fix),
  }));
}
