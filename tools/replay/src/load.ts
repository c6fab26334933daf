import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import type { OnBad } from './bad-input.ts';
import type { Columns } from './columns.ts';
import { type CsvOptions, parseCsv } from './csv.ts';
import { parseGpx } from './gpx.ts';
import type { Track, TrackPoint } from './track.ts';

export interface LoadOptions {
  format?: 'csv' | 'gpx' | undefined;
  columns?: Partial<Columns> | undefined;
  delimiter?: CsvOptions['delimiter'];
  speedUnit?: CsvOptions['speedUnit'];
  timezoneOffset?: string | undefined;
  onBad?: OnBad | undefined;
}

/**
 * Reads files into tracks, each in the order of its times. A track that goes on in another file is one track.
 * @throws BadInput, and what reading a file throws
 */
export async function loadTracks(files: readonly string[], options: LoadOptions): Promise<Track[]> {
  const tracks = new Map<string, TrackPoint[]>();
  for (const file of files) {
    const text = await readFile(file, 'utf8');
    for (const { id, points } of parseFile(file, text, options)) {
      const before = tracks.get(id);
      tracks.set(id, before === undefined ? points : before.concat(points));
    }
  }
  const all = [...tracks].map(([id, points]) => ({ id, points: points.sort((a, b) => a.at - b.at) }));
  return all.filter(({ points }) => points.length > 0);
}

function parseFile(file: string, text: string, options: LoadOptions): Track[] {
  const track = basename(file, extname(file));
  const isGpx = options.format === undefined ? looksLikeGpx(file, text) : options.format === 'gpx';
  const { timezoneOffset, onBad, columns, delimiter, speedUnit } = options;
  if (isGpx) return parseGpx(text, { file, track, timezoneOffset, onBad });
  return parseCsv(text, { file, track, timezoneOffset, onBad, columns, delimiter, speedUnit });
}

function looksLikeGpx(file: string, text: string): boolean {
  return extname(file).toLowerCase() === '.gpx' || text.slice(0, 1_000).trimStart().startsWith('<');
}
