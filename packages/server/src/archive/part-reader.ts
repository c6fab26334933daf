import { crc32, zstdDecompressSync } from 'node:zlib';
import { type AsyncBuffer, type Compressors, type FileMetaData, parquetMetadata, parquetScan, type RowGroup } from 'hyparquet';
import type { Part } from './part-name.ts';
import { COLUMNS, digestOf, EXTENTS, type Extent } from './part-writer.ts';
import { type ArchivedFix, type ArchiveFiles, ArchiveTrouble } from './ports.ts';

/** Enough for the footer of most parts. */
const FOOTER = 1 << 16;
/** At the end: how long the metadata are, and the letters PAR1. */
const TAIL = 8;

const compressors: Compressors = { ZSTD: (bytes) => zstdDecompressSync(bytes) };

/** A part is not what was written. */
export class PartDamaged extends ArchiveTrouble {
  constructor(name: string, why: string) {
    super(`${name} of the archive is damaged: ${why}`);
  }
}

/** What a group has at least and at most. */
export interface Group {
  /** Of all rows of the part. */
  readonly start: number;
  readonly end: number;
  readonly driver: readonly [string, string];
  readonly at: readonly [number, number];
  /** Degrees in 1e-7. */
  readonly lat: readonly [number, number];
  readonly lng: readonly [number, number];
  readonly extent: Extent;
}

/** A part of the archive, opened: what is in its groups is known, the groups are read when they are asked for. */
export class PartReader {
  readonly part: Part;
  readonly groups: readonly Group[];
  readonly #files: ArchiveFiles;
  readonly #metadata: FileMetaData;

  /** @throws ArchiveFileGone, PartDamaged */
  static async open(files: ArchiveFiles, part: Part): Promise<PartReader> {
    const footer = await readFooter(files, part);
    // What is damaged may keep a parser busy for ever.
    if (digestOf(footer) !== part.digest) throw new PartDamaged(part.name, 'its footer is not the one its name was made of');
    return new PartReader(files, part, parquetMetadata(whole(footer)));
  }

  private constructor(files: ArchiveFiles, part: Part, metadata: FileMetaData) {
    this.part = part;
    this.#files = files;
    this.#metadata = metadata;
    const extents = extentsOf(metadata);
    let start = 0;
    this.groups = metadata.row_groups.map((group, index) => {
      const end = start + Number(group.num_rows);
      const [at, lat, lng] = [numbers(group, 'at'), numbers(group, 'lat'), numbers(group, 'lng')];
      const one = { start, end, driver: texts(group, 'driver'), at, lat, lng, extent: extents[index] as Extent };
      start = end;
      return one;
    });
  }

  /**
   * The rows of a group, in order. By one read.
   * @throws ArchiveFileGone, PartDamaged
   */
  async rows({ start: rowStart, end: rowEnd, extent: [from, to, crc] }: Group): Promise<ArchivedFix[]> {
    const bytes = await this.#files.read(this.part.name, from, to);
    if (crc32(bytes) !== crc) throw new PartDamaged(this.part.name, `bytes ${from} to ${to} are not what they were`);
    const file: AsyncBuffer = { byteLength: this.part.bytes, slice: (start, end = to) => whole(bytes.subarray(start - from, end - from)) };
    const scan = await parquetScan({ file, metadata: this.#metadata, compressors, rowStart, rowEnd });
    const columns = new Map<string, ArrayLike<unknown>>();
    for (const { name } of COLUMNS) columns.set(name, await scan.readColumn({ column: name, rowStart, rowEnd }));
    return rowsOf(columns, rowEnd - rowStart);
  }

  /** All rows, in order, a group at a time. */
  async *all(): AsyncGenerator<ArchivedFix[]> {
    for (const group of this.groups) yield await this.rows(group);
  }
}

/** The end of the file, from where its metadata begin. */
async function readFooter(files: ArchiveFiles, { name, bytes }: Part): Promise<Uint8Array> {
  const end = await files.read(name, Math.max(0, bytes - FOOTER), bytes);
  if (end.length < TAIL) throw new PartDamaged(name, 'it is too short');
  const length = new DataView(end.buffer, end.byteOffset + end.length - TAIL).getUint32(0, true) + TAIL;
  if (length > bytes) throw new PartDamaged(name, 'its footer is longer than it is');
  return length <= end.length ? end.subarray(end.length - length) : await files.read(name, bytes - length, bytes);
}

function extentsOf({ key_value_metadata }: FileMetaData): readonly Extent[] {
  const note = key_value_metadata?.find(({ key }) => key === EXTENTS)?.value;
  return JSON.parse(note ?? '[]') as Extent[];
}

function rowsOf(columns: ReadonlyMap<string, ArrayLike<unknown>>, length: number): ArchivedFix[] {
  const plain = COLUMNS.map(({ name, kind }) => {
    const values = columns.get(name) as ArrayLike<unknown>;
    if (values.length !== length) throw new Error(`column ${name} has ${values.length} values for ${length} rows`);
    return { name, values, isBig: kind === 'int64' };
  });
  return Array.from({ length }, (_, i) => {
    const row: Record<string, unknown> = {};
    for (const { name, values, isBig } of plain) {
      const value = values[i] ?? null;
      row[name] = isBig && value !== null ? Number(value) : value;
    }
    return row as unknown as ArchivedFix;
  });
}

/** hyparquet wants a buffer that is nothing else. */
function whole(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}

function statistics(group: RowGroup, column: string): readonly [unknown, unknown] {
  const found = group.columns.find(({ meta_data }) => meta_data?.path_in_schema[0] === column)?.meta_data?.statistics;
  return [found?.min_value, found?.max_value];
}

function numbers(group: RowGroup, column: string): readonly [number, number] {
  const [least, most] = statistics(group, column);
  return [Number(least), Number(most)];
}

function texts(group: RowGroup, column: string): readonly [string, string] {
  const [least, most] = statistics(group, column);
  return [String(least), String(most)];
}
