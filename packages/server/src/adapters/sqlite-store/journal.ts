import type { FixRow } from '../../core/effects.ts';
import { type KeptFix, suspectNumber } from '../../core/kept-fix.ts';

/**
 * The journal's form of fixes: 72 bytes each, four float64 (capture, receipt, seq, log position) and ten int32
 * (lat and lng in 1e-7 degree; speed, bearing, accuracy, altitude in hundredths; driver; stream; flags; unused).
 * A batch of them is one row of the journal: storing it costs one insert, however many fixes it holds.
 */
const DOUBLES = 9;
const INTS = 18;
export const STRIDE = 72;
const FIRST_INT = 8;
const NONE = -2_147_483_648;
const UNSURE = 4;
/** The store had this one already: the row does not exist. */
const DROPPED = 8;
/** Ids of fixes grow in the order of receipt: the batch, then the place in it. */
export const PER_BATCH = 2 ** 20;

/** `driver` and `stream` are numbers. */
export interface JournalRow extends Omit<KeptFix, 'stream'> {
  readonly driver: number;
  readonly stream: number;
  readonly position: number;
}

export class JournalBatch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly length: number;
  readonly #doubles: Float64Array;
  readonly #ints: Int32Array;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
    this.length = bytes.byteLength / STRIDE;
    this.#doubles = new Float64Array(bytes.buffer, bytes.byteOffset, this.length * DOUBLES);
    this.#ints = new Int32Array(bytes.buffer, bytes.byteOffset, this.length * INTS);
  }

  static sized(rows: number): JournalBatch {
    return new JournalBatch(new Uint8Array(rows * STRIDE));
  }

  /** `driver` and `stream` (0: none) are numbers only the writer can give a meaning. */
  set(index: number, row: FixRow, driver: number, stream: number): void {
    const d = index * DOUBLES;
    const i = index * INTS + FIRST_INT;
    const { fix } = row;
    const doubles = this.#doubles;
    const ints = this.#ints;
    doubles[d] = fix.at;
    doubles[d + 1] = row.receivedAt;
    doubles[d + 2] = row.seq ?? 0;
    doubles[d + 3] = row.position;
    ints[i] = Math.round(fix.lat * 1e7);
    ints[i + 1] = Math.round(fix.lng * 1e7);
    ints[i + 2] = hundredths(fix.speed);
    ints[i + 3] = hundredths(fix.bearing);
    ints[i + 4] = hundredths(fix.accuracy);
    ints[i + 5] = hundredths(fix.altitude);
    ints[i + 6] = driver;
    ints[i + 7] = stream;
    ints[i + 8] = suspectNumber(row.suspect) | (row.unsure ? UNSURE : 0);
  }

  driver(index: number): number {
    return this.#ints[index * INTS + FIRST_INT + 6] as number;
  }

  stream(index: number): number {
    return this.#ints[index * INTS + FIRST_INT + 7] as number;
  }

  setOwner(index: number, driver: number, stream: number): void {
    this.#ints[index * INTS + FIRST_INT + 6] = driver;
    this.#ints[index * INTS + FIRST_INT + 7] = stream;
  }

  at(index: number): number {
    return this.#doubles[index * DOUBLES] as number;
  }

  isUnsure(index: number): boolean {
    return ((this.#ints[index * INTS + FIRST_INT + 8] as number) & UNSURE) !== 0;
  }

  isDropped(index: number): boolean {
    return ((this.#ints[index * INTS + FIRST_INT + 8] as number) & DROPPED) !== 0;
  }

  drop(index: number): void {
    const flags = index * INTS + FIRST_INT + 8;
    this.#ints[flags] = (this.#ints[flags] as number) | DROPPED;
  }

  /** Nothing of the row is left but that there was one. */
  blank(index: number): void {
    this.bytes.fill(0, index * STRIDE, (index + 1) * STRIDE);
    this.drop(index);
  }

  row(index: number, batch: number): JournalRow {
    const d = index * DOUBLES;
    const i = index * INTS + FIRST_INT;
    const doubles = this.#doubles;
    const ints = this.#ints;
    const seq = doubles[d + 2] as number;
    return {
      id: batch * PER_BATCH + index,
      at: doubles[d] as number,
      received: doubles[d + 1] as number,
      seq: seq === 0 ? null : seq,
      position: doubles[d + 3] as number,
      lat: ints[i] as number,
      lng: ints[i + 1] as number,
      speed: orNull(ints[i + 2] as number),
      bearing: orNull(ints[i + 3] as number),
      accuracy: orNull(ints[i + 4] as number),
      altitude: orNull(ints[i + 5] as number),
      driver: ints[i + 6] as number,
      stream: ints[i + 7] as number,
      suspect: (ints[i + 8] as number) & 3,
    };
  }
}

function hundredths(value: number | null): number {
  return value === null ? NONE : Math.round(value * 100);
}

function orNull(value: number): number | null {
  return value === NONE ? null : value;
}
