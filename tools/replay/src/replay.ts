import { setTimeout as sleep } from 'node:timers/promises';
import { ClientError, StreamClient, type TokenSource } from '@waycast/client';
import type { BadInput } from './bad-input.ts';
import { type Columns, readColumns } from './columns.ts';
import { driverIds } from './driver-ids.ts';
import { type LoadOptions, loadTracks } from './load.ts';
import { type Progress, showProgress } from './progress.ts';
import { Runner, type TrackReport } from './runner.ts';
import { type Speed, schedule } from './schedule.ts';
import type { Track } from './track.ts';

export interface ReplayOptions {
  files: readonly string[];
  /** where the server is, `http(s)://` */
  url: string;
  /** of role `service` */
  token: TokenSource;
  /** by the file's name and content when not given */
  format?: LoadOptions['format'];
  /** `lat=Y,lng=X,time=t,track=trajectory_id` or the same as an object; the usual names are found */
  columns?: string | Partial<Columns> | undefined;
  delimiter?: LoadOptions['delimiter'];
  /** what a speed column of a table counts (km/h) */
  speedUnit?: LoadOptions['speedUnit'];
  /** for times without an offset, as `+02:00` (UTC) */
  timezoneOffset?: string | undefined;
  /** leave out bad rows instead of stopping at the first */
  skipBad?: boolean | undefined;
  /** 1: as it was; 60: a minute in a second; `max` */
  speed?: Speed | undefined;
  /** move each track so that it starts now */
  shiftToNow?: boolean | undefined;
  /** in front of the track's id ('replay-') */
  driverPrefix?: string | undefined;
  /** for tests: another order than that of the times */
  shuffle?: number | undefined;
  /** for tests: send everything twice */
  double?: boolean | undefined;
  /** ends it early: what was sent until then is reported */
  signal?: AbortSignal | undefined;
  log?: ((line: string) => void) | undefined;
}

export interface ReplayReport {
  files: string[];
  tracks: TrackReport[];
  /** rows left out by `skipBad` */
  skipped: number;
  seconds: number;
  /** false when the signal ended it early */
  complete: boolean;
}

/** ms between two looks at what is due */
const BEAT = 20;
/** fixes handed over at one look, so that the connection gets its turn */
const HANDFUL = 5_000;
/** bad rows that are told one by one */
const TOLD = 20;

/**
 * Sends recorded tracks as if they were driven now, one driver a track, and waits until all is stored.
 * @throws BadInput for what cannot be read, RangeError for options that make no sense, ClientError when the server refuses
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const { files, url, token, speed = 1, shuffle, driverPrefix = 'replay-', signal, log = () => {} } = options;
  if (speed !== 'max' && !(speed > 0)) throw new RangeError(`speed ${speed} is neither above 0 nor 'max'`);
  const started = performance.now();
  const { tracks, skipped } = await read(options, log);
  const drivers = driverIds(
    tracks.map(({ id }) => id),
    driverPrefix,
  );
  const points = tracks.reduce((sum, track) => sum + track.points.length, 0);
  log(`replay: ${points} points of ${tracks.length} tracks`);
  const client = new StreamClient({
    url,
    token,
    onState: (state) => state.status === 'waiting' && log(`replay: ${state.reason}; again in ${Math.ceil(state.delay / 1000)} s`),
    onError: (error) => log(`replay: ${error.message}`),
  });
  const shiftTo = options.shiftToNow ? Date.now() : undefined;
  const runners = tracks.map((track, i) => {
    const plan = schedule(track, { speed, shiftTo, shuffle });
    return new Runner(client, track, plan, drivers[i] ?? track.id, options.double ? 2 : 1, log);
  });
  const progress = showProgress(points, process.stderr);
  try {
    const complete = await send(runners, client, progress, signal);
    const seconds = Math.round(performance.now() - started) / 1000;
    return { files: [...files], tracks: runners.map((runner) => runner.report()), skipped, seconds, complete };
  } finally {
    progress.stop();
    for (const runner of runners) runner.close();
    client.close();
  }
}

/** The tracks of all files, and how many rows `skipBad` left out. */
async function read(options: ReplayOptions, log: (line: string) => void): Promise<{ tracks: Track[]; skipped: number }> {
  let skipped = 0;
  const onBad = (problem: BadInput) => {
    skipped += 1;
    if (skipped <= TOLD) log(`left out: ${problem.message}`);
  };
  const columns = typeof options.columns === 'string' ? readColumns(options.columns) : options.columns;
  const tracks = await loadTracks(options.files, { ...options, columns, onBad: options.skipBad ? onBad : undefined });
  if (skipped > TOLD) log(`left out: ${skipped} rows in all`);
  return { tracks, skipped };
}

/** True when everything was sent and stored, false when the signal came before. */
async function send(runners: Runner[], client: StreamClient, progress: Progress, signal: AbortSignal | undefined): Promise<boolean> {
  const begin = performance.now();
  const aborted = Promise.withResolvers<false>();
  const onAbort = () => aborted.resolve(false);
  signal?.addEventListener('abort', onAbort);
  const beat = setInterval(() => progress.update(settled(runners)), 100);
  try {
    while (runners.some((runner) => !runner.allSent)) {
      if (signal?.aborted) return false;
      const { state } = client;
      if (state.status === 'closed') throw new ClientError(state.code, state.reason);
      const elapsed = performance.now() - begin;
      let left = HANDFUL;
      for (const runner of runners) left -= runner.send(elapsed, Math.max(1, Math.min(left, 500)));
      await Promise.race([sleep(BEAT), aborted.promise]);
    }
    const all = Promise.all(runners.map((runner) => runner.stored())).then(() => true);
    const complete = await Promise.race([all, aborted.promise]);
    // When the signal was first, closing the publishers makes `all` fail, and nobody waits for it any more.
    all.catch(() => {});
    progress.update(settled(runners));
    return complete;
  } finally {
    clearInterval(beat);
    signal?.removeEventListener('abort', onAbort);
  }
}

function settled(runners: Runner[]): number {
  return runners.reduce((sum, runner) => sum + runner.settled, 0);
}
