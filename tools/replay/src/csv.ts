import { CsvError, parse } from 'csv-parse/sync';
import { BadInput, type OnBad } from './bad-input.ts';
import { type Columns, findColumns, type Positions } from './columns.ts';
import { type RawPoint, readPoint } from './read-point.ts';
import { readOffset } from './read-time.ts';
import type { Track, TrackPoint } from './track.ts';

export interface CsvOptions {
  /** the name in messages ('input') */
  file?: string | undefined;
  /** found out by the header when not given */
  delimiter?: ',' | ';' | '\t' | undefined;
  columns?: Partial<Columns> | undefined;
  /** for times without an offset, as `+02:00` (UTC) */
  timezoneOffset?: string | undefined;
  /** what the speed column counts (km/h) */
  speedUnit?: 'km/h' | 'm/s' | undefined;
  /** id of the track when no column names one ('track') */
  track?: string | undefined;
  onBad?: OnBad | undefined;
}

/**
 * Reads a table with a header line into tracks, in order of their first row.
 * @throws BadInput at the first bad row, unless `onBad` takes them; always for a header that does not do
 */
export function parseCsv(text: string, options: CsvOptions = {}): Track[] {
  const { file = 'input', track = 'track', onBad } = options;
  const offset = readOffset(options.timezoneOffset ?? 'Z');
  const factor = options.speedUnit === 'm/s' ? 3.6 : 1;
  const delimiter = options.delimiter ?? findDelimiter(text);
  const tracks = new Map<string, TrackPoint[]>();
  let columns: Positions | undefined;
  const take = (row: readonly string[], line: number) => {
    if (columns === undefined) {
      columns = header(row, options.columns ?? {}, file, line);
      return;
    }
    try {
      const id = columns.track === undefined ? track : row[columns.track]?.trim();
      if (id === undefined || id === '') throw new RangeError('track is missing');
      const point = readPoint(rawPoint(row, columns, delimiter !== ','), offset, factor);
      const points = tracks.get(id);
      if (points === undefined) tracks.set(id, [point]);
      else points.push(point);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const problem = new BadInput(file, line, error.message);
      if (onBad === undefined) throw problem;
      onBad(problem);
    }
  };
  readRows(text, delimiter, file, take);
  if (columns === undefined) throw new BadInput(file, 1, 'there is no header line');
  return [...tracks].map(([id, points]) => ({ id, points }));
}

/** Hands over row by row, so that only what is made of them is kept. */
function readRows(text: string, delimiter: string, file: string, take: (row: readonly string[], line: number) => void): void {
  let line = 0;
  try {
    parse(text, {
      bom: true,
      delimiter,
      relax_column_count: true,
      skip_empty_lines: true,
      on_record: (row: string[], { lines }) => {
        line = lines;
        take(row, lines);
        return null;
      },
    });
  } catch (error) {
    if (error instanceof CsvError) throw new BadInput(file, line + 1, error.message);
    throw error;
  }
}

function header(row: readonly string[], named: Partial<Columns>, file: string, line: number): Positions {
  try {
    return findColumns(row, named);
  } catch (error) {
    throw error instanceof RangeError ? new BadInput(file, line, error.message) : error;
  }
}

/** Where fields are not parted by commas, a comma may stand for the decimal point. */
function rawPoint(row: readonly string[], columns: Positions, decimalComma: boolean): RawPoint {
  const cell = (at: number | undefined) => (at === undefined ? undefined : row[at]);
  const number = (at: number | undefined) => (decimalComma ? cell(at)?.replace(',', '.') : cell(at));
  return {
    lat: number(columns.lat),
    lng: number(columns.lng),
    time: cell(columns.time),
    speed: number(columns.speed),
    bearing: number(columns.bearing),
    accuracy: number(columns.accuracy),
    altitude: number(columns.altitude),
  };
}

function findDelimiter(text: string): ',' | ';' | '\t' {
  const end = text.search(/[\r\n]/);
  const first = (end < 0 ? text : text.slice(0, end)).replaceAll(/"[^"]*"/g, '');
  let best: ',' | ';' | '\t' = ',';
  for (const candidate of [';', '\t'] as const) {
    if (first.split(candidate).length > first.split(best).length) best = candidate;
  }
  return best;
}
