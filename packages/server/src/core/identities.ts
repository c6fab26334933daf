import type { Fix } from './fix.ts';

/** How many stored fixes a driver's memory can tell repeats of [F10]. */
const REMEMBERED = 64;
/** How many numberings of a driver are remembered [F10]. */
const STREAMS = 16;
const FIELDS = 6;

/** One numbering of a client: all numbers up to `settled` are done with, and those in `above`. Plain data. */
export interface Stream {
  readonly id: string;
  /** Its number in this driver's memory; never used again. */
  readonly key: number;
  settled: number;
  above: number[];
}

/** What a driver has sent, as far as it is remembered. `streams` and `forgotten` are plain data and kept in snapshots; the recent ones are not. */
export interface Identities {
  streams: Stream[];
  /** How many streams were ever begun; more than are kept means an unknown one may be an old one. */
  begun: number;
  /** The newest capture among all that was ever stored, fixes ahead of their time left out; epoch ms. */
  maxAt: number;
  /** The newest capture among those ahead of their time: up to there, a fix in order may still be a repeat. */
  aheadAt: number;
  /** The newest capture among what memory has dropped: nothing newer can be an old repeat. */
  droppedAt: number;
  recent: RecentFixes;
}

/** Rows a ring begins with; a driver that has sent nothing has none. */
const FIRST_ROWS = 4;
const NO_ROWS = new Float64Array(0);

/** A ring of rows (capture, lat, lng, stream key, seq, digest of the rest); grows with use, so that a quiet driver stays small. */
export interface RecentFixes {
  rows: Float64Array;
  next: number;
  count: number;
}

export function newIdentities(): Identities {
  return {
    streams: [],
    begun: 0,
    maxAt: Number.NEGATIVE_INFINITY,
    aheadAt: Number.NEGATIVE_INFINITY,
    droppedAt: Number.NEGATIVE_INFINITY,
    recent: noRecent(),
  };
}

export function noRecent(): RecentFixes {
  return { rows: NO_ROWS, next: 0, count: 0 };
}

/**
 * What is known of an incoming fix [F9, F10]: `unsure` when only the store can tell whether it is a repeat.
 */
export type Known = 'new' | 'unsure' | 'duplicate' | 'conflict' | 'out_of_window';

export function recognise(known: Identities, stream: Stream | null, seq: number | null, fix: Fix, window: number): Known {
  if (stream === null || seq === null) {
    if (fix.at > known.maxAt && fix.at > known.aheadAt) return 'new';
    if (findContent(known.recent, fix)) return 'duplicate';
    return fix.at > known.droppedAt && fix.at > known.aheadAt ? 'new' : 'unsure';
  }
  if (seq > stream.settled) {
    if (seq > stream.settled + window) return 'out_of_window';
    if (stream.above.length === 0 || !stream.above.includes(seq)) {
      // A numbering begun after others were forgotten may be one of them.
      return stream.key >= STREAMS && fix.at <= known.maxAt ? 'unsure' : 'new';
    }
  }
  const first = findNumber(known.recent, stream.key, seq);
  // What memory has dropped is taken for the same: the number was settled once, and that is what the sender must hear.
  return first < 0 || sameFix(known.recent, first, fix) ? 'duplicate' : 'conflict';
}

/** The numbering with this id, made when it is new; the one unused for longest makes room. */
export function streamOf(known: Identities, id: string): Stream {
  const last = known.streams.at(-1);
  if (last?.id === id) return last;
  const at = known.streams.findIndex((stream) => stream.id === id);
  const stream = at >= 0 ? (known.streams.splice(at, 1)[0] as Stream) : { id, key: known.begun++, settled: 0, above: [] };
  known.streams.push(stream);
  if (known.streams.length > STREAMS) known.streams.shift();
  return stream;
}

/** Marks a number as done with and moves the watermark over what follows it. */
export function settle(stream: Stream, seq: number): void {
  if (seq === stream.settled + 1) {
    stream.settled = seq;
    if (stream.above.length > 0) absorb(stream);
  } else if (seq > stream.settled && !stream.above.includes(seq)) {
    stream.above.push(seq);
  }
}

/** The client holds nothing below `base` any more [A3]. Answers whether that was news. */
export function settleBelow(stream: Stream, base: number): boolean {
  if (base - 1 <= stream.settled) return false;
  stream.settled = base - 1;
  if (stream.above.length > 0) absorb(stream);
  return true;
}

function absorb(stream: Stream): void {
  stream.above.sort((a, b) => a - b);
  let taken = 0;
  for (const seq of stream.above) {
    if (seq > stream.settled + 1) break;
    if (seq === stream.settled + 1) stream.settled = seq;
    taken++;
  }
  stream.above.splice(0, taken);
}

/** Remembers a fix that will be stored. */
export function remember(known: Identities, stream: Stream | null, seq: number | null, fix: Fix, ahead: boolean): void {
  if (ahead) known.aheadAt = Math.max(known.aheadAt, fix.at);
  else if (fix.at > known.maxAt) known.maxAt = fix.at;
  const { recent } = known;
  const capacity = recent.rows.length / FIELDS;
  if (recent.count === capacity && capacity < REMEMBERED) {
    const grown = new Float64Array(Math.max(FIRST_ROWS * FIELDS, recent.rows.length * 2));
    grown.set(recent.rows);
    recent.next = recent.count;
    recent.rows = grown;
  }
  const row = recent.next * FIELDS;
  const { rows } = recent;
  if (recent.count * FIELDS === rows.length) {
    // What is dropped is no newer than the newest; one ahead of its time is watched for by `aheadAt`.
    known.droppedAt = Math.max(known.droppedAt, Math.min(rows[row] as number, known.maxAt));
  } else {
    recent.count++;
  }
  rows[row] = fix.at;
  rows[row + 1] = fix.lat;
  rows[row + 2] = fix.lng;
  rows[row + 3] = stream === null ? -1 : stream.key;
  rows[row + 4] = seq ?? 0;
  rows[row + 5] = digestOf(fix);
  recent.next = (recent.next + 1) % (rows.length / FIELDS);
}

function findContent(recent: RecentFixes, fix: Fix): boolean {
  for (let i = 0; i < recent.count; i++) if (sameContent(recent, i, fix)) return true;
  return false;
}

function findNumber({ rows, count }: RecentFixes, key: number, seq: number): number {
  for (let i = 0; i < count; i++) if (rows[i * FIELDS + 4] === seq && rows[i * FIELDS + 3] === key) return i;
  return -1;
}

function sameContent({ rows }: RecentFixes, index: number, fix: Fix): boolean {
  const row = index * FIELDS;
  return rows[row] === fix.at && rows[row + 1] === fix.lat && rows[row + 2] === fix.lng;
}

function sameFix(recent: RecentFixes, index: number, fix: Fix): boolean {
  return sameContent(recent, index, fix) && recent.rows[index * FIELDS + 5] === digestOf(fix);
}

/** One number for speed, bearing, accuracy and altitude: enough to tell another fix from the same one. */
function digestOf({ speed, bearing, accuracy, altitude }: Fix): number {
  return (speed ?? -1) + (bearing ?? -1) * 131.07 + (accuracy ?? -1) * 17_179.3 + (altitude ?? -30_000) * 2_251_799.7;
}
