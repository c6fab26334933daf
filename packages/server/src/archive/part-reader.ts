import { zstdDecompressSync } from 'node:zlib';
import { type AsyncBuffer, type Compressors, type FileMetaData, parquetMetadataAsync, parquetScan, type RowGroup } from 'hyparquet';
import type { Part } from './part-name.ts';
import { COLUMNS, PartDigest } from './part-writer.ts';
import { type ArchivedFix, type ArchiveFiles, ArchiveTrouble } from './ports.ts';

/** Enough for the footer of most parts. */
const FOOTER = 1 << 16;

const compressors: Compressors = { ZSTD: (bytes) => zstdDecompressSync(bytes) };

/** What a part has is not what was put into it, or is no part at all. */
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
  /** Where it lies in the file. */
  readonly bytes: readonly [number, number];
}

/** A part of the archive, opened: what is in its groups is known, the groups are read when they are asked for. */
export class PartReader {
  readonly part: Part;
  readonly groups: readonly Group[];
  readonly #files: ArchiveFiles;
  readonly #metadata: FileMetaData;

  /** @throws ArchiveFileGone, PartDamaged */
  static async open(files: ArchiveFiles, part: Part): Promise<PartReader> {
    const file: AsyncBuffer = {
      byteLength: part.bytes,
      slice: async (start, end = part.bytes) => whole(await files.read(part.name, start, end)),
    };
    const metadata = await undamaged(part, () => parquetMetadataAsync(file, { initialFetchSize: FOOTER }));
    return new PartReader(files, part, metadata);
  }

  private constructor(files: ArchiveFiles, part: Part, metadata: FileMetaData) {
    this.part = part;
    this.#files = files;
    this.#metadata = metadata;
    let start = 0;
    this.groups = metadata.row_groups.map((group) => {
      const end = start + Number(group.num_rows);
      const one = {
        start,
        end,
        driver: textBounds(part, group, 'driver'),
        at: bounds(part, group, 'at'),
        ...placeOf(part, group),
        bytes: extent(group),
      };
      start = end;
      return one;
    });
    if (start !== part.rows) throw new PartDamaged(part.name, `it has ${start} rows, its name says ${part.rows}`);
  }

  /** The rows of a group, in order. By one read. */
  async rows(group: Group): Promise<ArchivedFix[]> {
    const [from, to] = group.bytes;
    const bytes = await this.#files.read(this.part.name, from, to);
    const file: AsyncBuffer = { byteLength: this.part.bytes, slice: (start, end = to) => whole(bytes.subarray(start - from, end - from)) };
    return undamaged(this.part, async () => {
      const scan = await parquetScan({ file, metadata: this.#metadata, compressors, rowStart: group.start, rowEnd: group.end });
      const columns = new Map<string, ArrayLike<unknown>>();
      for (const { name } of COLUMNS) columns.set(name, await scan.readColumn({ column: name, rowStart: group.start, rowEnd: group.end }));
      return rowsOf(columns, group.end - group.start);
    });
  }

  /**
   * All rows, in order, a group at a time; at the end it is known whether they are those that were put into it.
   * @throws PartDamaged
   */
  async *all(): AsyncGenerator<ArchivedFix[]> {
    const digest = new PartDigest();
    for (const group of this.groups) {
      const rows = await this.rows(group);
      digest.add(rows);
      yield rows;
    }
    if (digest.hex() !== this.part.digest) throw new PartDamaged(this.part.name, 'its rows are not those its name was made of');
  }
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

/** What goes wrong in bytes that could be had is the fault of the bytes. */
async function undamaged<T>(part: Part, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ArchiveTrouble) throw error;
    throw new PartDamaged(part.name, (error as Error).message);
  }
}

/** hyparquet wants a buffer that is nothing else. */
function whole(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}

function statistics(part: Part, group: RowGroup, column: string): readonly [unknown, unknown] {
  const found = group.columns.find(({ meta_data }) => meta_data?.path_in_schema[0] === column)?.meta_data?.statistics;
  if (found?.min_value === undefined || found.max_value === undefined)
    throw new PartDamaged(part.name, `a group does not say what ${column} it has`);
  return [found.min_value, found.max_value];
}

function bounds(part: Part, group: RowGroup, column: string): readonly [number, number] {
  const [least, most] = statistics(part, group, column);
  return [Number(least), Number(most)];
}

function textBounds(part: Part, group: RowGroup, column: string): readonly [string, string] {
  const [least, most] = statistics(part, group, column);
  return [String(least), String(most)];
}

function placeOf(part: Part, group: RowGroup): Pick<Group, 'lat' | 'lng'> {
  return { lat: bounds(part, group, 'lat'), lng: bounds(part, group, 'lng') };
}

function extent(group: RowGroup): readonly [number, number] {
  let [from, to] = [Number.POSITIVE_INFINITY, 0];
  for (const { meta_data } of group.columns) {
    if (meta_data === undefined) continue;
    const start = Number(meta_data.dictionary_page_offset ?? meta_data.data_page_offset);
    from = Math.min(from, start, Number(meta_data.data_page_offset));
    to = Math.max(to, start + Number(meta_data.total_compressed_size));
  }
  return [from, to];
}
