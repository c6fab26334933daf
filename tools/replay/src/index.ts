export { BadInput, type OnBad } from './bad-input.ts';
export type { Columns } from './columns.ts';
export { type CsvOptions, parseCsv } from './csv.ts';
export { type GpxOptions, parseGpx } from './gpx.ts';
export { type ReplayOptions, type ReplayReport, replay } from './replay.ts';
export type { TrackReport } from './runner.ts';
export type { Speed } from './schedule.ts';
export type { Track, TrackPoint } from './track.ts';
