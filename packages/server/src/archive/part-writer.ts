import { createHash, type Hash } from 'node:crypto';
import { constants, crc32, zstdCompressSync } from 'node:zlib';
import type { DecodedArray, SchemaElement } from 'hyparquet';
import { ByteWriter, type ColumnSource, ParquetWriter } from 'hyparquet-writer';
import type { PartFacts } from './part-name.ts';
import type { ArchivedFix } from './ports.ts';

/** A group is what has to be read to find one driver: some 200 KB. */
const GROUP_ROWS = 20_000;
/** Room for a group, bytes. */
const ROOM = 1 << 20;
const LEVEL = 3;
const DIGITS = 12;

type Kind = 'text' | 'int32' | 'int64';

/** The columns of a part, in their order; their units are those of `ArchivedFix`. */
export const COLUMNS: readonly { readonly name: keyof ArchivedFix; readonly kind: Kind; readonly nullable: boolean }[] = [
  { name: 'driver', kind: 'text', nullable: false },
  { name: 'at', kind: 'int64', nullable: false },
  { name: 'id', kind: 'int64', nullable: false },
  { name: 'lat', kind: 'int32', nullable: false },
  { name: 'lng', kind: 'int32', nullable: false },
  { name: 'speed', kind: 'int32', nullable: true },
  { name: 'bearing', kind: 'int32', nullable: true },
  { name: 'accuracy', kind: 'int32', nullable: true },
  { name: 'altitude', kind: 'int32', nullable: true },
  { name: 'suspect', kind: 'int32', nullable: false },
  { name: 'received', kind: 'int64', nullable: false },
  { name: 'stream', kind: 'text', nullable: true },
  { name: 'seq', kind: 'int64', nullable: true },
];

const SCHEMA: SchemaElement[] = [
  { name: 'history', num_children: COLUMNS.length },
  ...COLUMNS.map(({ name, kind, nullable }): SchemaElement => {
    const repetition_type = nullable ? 'OPTIONAL' : 'REQUIRED';
    if (kind === 'text') return { name, type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' }, repetition_type };
    return { name, type: kind === 'int32' ? 'INT32' : 'INT64', repetition_type };
  }),
];

function compress(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } });
}

/** Under this name the footer says where each group lies and what its CRC-32 is, as JSON: nothing that was damaged may be parsed. */
export const EXTENTS = 'waycast.groups';
/** From the first byte to before the last one of a group, and its checksum. */
export type Extent = readonly [from: number, to: number, crc: number];

/** What a footer is known by: the beginning of a SHA-256 of the end of the file, from where its metadata begin. */
export function digestOf(footer: Uint8Array): string {
  return createHash('sha256').update(footer).digest('hex').slice(0, DIGITS);
}

/** Rows of one day, given in order, as a Parquet file in memory: about 10 bytes a fix. */
export class PartWriter {
  readonly #day: number;
  readonly #bytes = new ByteWriter(ROOM);
  readonly #parquet: ParquetWriter;
  readonly #digest = new RowsDigest();
  readonly #extents: Extent[] = [];
  readonly #notes: { key: string; value: string }[] = [];
  #group: ArchivedFix[] = [];
  #rows = 0;
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;

  constructor(day: number) {
    this.#day = day;
    this.#parquet = new ParquetWriter({
      writer: this.#bytes,
      schema: SCHEMA,
      codec: 'ZSTD',
      compressors: { ZSTD: compress },
      // Whole, for groups are found by them.
      statisticsTruncateLength: Number.POSITIVE_INFINITY,
      kvMetadata: this.#notes,
      createdBy: 'Waycast',
    });
  }

  get rows(): number {
    return this.#rows;
  }

  add(row: ArchivedFix): void {
    this.#rows++;
    if (row.at < this.#from) this.#from = row.at;
    if (row.at > this.#to) this.#to = row.at;
    if (this.#group.push(row) === GROUP_ROWS) this.#write();
  }

  /** `digest` is of the rows, as `RowsDigest` has it. */
  finish(): { readonly facts: PartFacts; readonly bytes: Uint8Array; readonly digest: string } {
    if (this.#group.length > 0) this.#write();
    this.#notes.push({ key: EXTENTS, value: JSON.stringify(this.#extents) });
    const footer = this.#bytes.index;
    this.#parquet.finish();
    const bytes = this.#bytes.getBytes();
    const facts = { day: this.#day, from: this.#from, to: this.#to, rows: this.#rows, digest: digestOf(bytes.subarray(footer)) };
    return { facts, bytes, digest: this.#digest.hex() };
  }

  #write(): void {
    const rows = this.#group;
    this.#group = [];
    this.#digest.add(rows);
    const columnData = COLUMNS.map(({ name, kind, nullable }): ColumnSource => {
      const data = columnOf(rows, name, kind, nullable);
      if (kind === 'text') return { name, data, encoding: 'RLE_DICTIONARY', offsetIndex: false };
      return { name, data, encoding: 'DELTA_BINARY_PACKED', offsetIndex: false };
    });
    const from = this.#bytes.index;
    this.#parquet.write({ columnData, rowGroupSize: rows.length });
    const to = this.#bytes.index;
    this.#extents.push([from, to, crc32(this.#bytes.getBytes().subarray(from, to))]);
  }
}

function columnOf(rows: readonly ArchivedFix[], name: keyof ArchivedFix, kind: Kind, nullable: boolean): DecodedArray {
  const values = rows.map((row) => row[name]);
  if (kind !== 'int64') return values;
  if (nullable) return values.map((value) => (value === null ? null : BigInt(value)));
  return BigInt64Array.from(values as number[], BigInt);
}

/** Of rows, lot by lot and column by column: shows that what is read is what was written. How they were cut into lots matters. */
export class RowsDigest {
  readonly #hash: Hash = createHash('sha256');

  add(rows: readonly ArchivedFix[]): void {
    for (const { name, kind } of COLUMNS) {
      const values = rows.map((row) => row[name]);
      if (kind === 'text') this.#hash.update(values.map((value) => value ?? '').join('\n'));
      // What is not there is no number; -0 is 0.
      else this.#hash.update(Float64Array.from(values as (number | null)[], (value) => (value === null ? Number.NaN : value + 0)));
    }
  }

  hex(): string {
    return this.#hash.digest('hex');
  }
}
