import { listParts } from './catalogue.ts';
import { dayText, nameOf, type Part } from './part-name.ts';
import { PartDamaged, PartReader } from './part-reader.ts';
import { PartWriter, RowsDigest } from './part-writer.ts';
import { type ArchivedFix, type ArchiveFiles, byPlace, DAY_MS, type HotHistory } from './ports.ts';

/** A part is made in memory, some 10 MB. */
const PART_ROWS = 1_000_000;
/** Days written at a time: a store that has to look through all of its history for one finds the others on the way. */
const DAYS_AT_ONCE = 4;

/** How far a run is, for people. */
export interface KeepingProgress {
  readonly doing: 'archiving' | 'dropping';
  /** `2026-10-21` */
  readonly day: string;
  /** Since the run began. */
  readonly archived: number;
  readonly dropped: number;
}

/** What a run did. */
export interface KeepingReport {
  /** How many days left hot history. */
  readonly days: number;
  /** Fixes written into the archive, and of what size, bytes. */
  readonly archived: number;
  readonly bytes: number;
  readonly dropped: number;
  /** Days that are archived and could not leave yet: somebody was in history for long. */
  readonly stayed: number;
  /** How many connections, over for as long, are forgotten. */
  readonly connections: number;
}

export interface KeepingParts {
  readonly hot: HotHistory;
  /** null: what is past retention is dropped for good. */
  readonly files: ArchiveFiles | null;
  readonly retentionDays: number;
  /** Epoch ms. */
  readonly now: number;
  /** Until whoever reads must have heard of parts that were written. */
  readonly known: () => Promise<void>;
  readonly told: (progress: KeepingProgress) => void;
}

/**
 * Takes out of hot history what was received on days past retention: into the archive, read back from there, dropped [I1, I2].
 * Who was connected on such days is forgotten [I7]. Answers null while another process does.
 * @throws ArchiveTrouble, PartDamaged; what was not read back is still hot
 */
export async function keep(parts: KeepingParts): Promise<KeepingReport | null> {
  const { hot, retentionDays, now } = parts;
  if (!(await hot.begin())) return null;
  const first = Math.floor(now / DAY_MS) - retentionDays;
  const days = await hot.days(first);
  const left = days.length === 0 ? { days: 0, archived: 0, bytes: 0, dropped: 0, stayed: 0 } : await new Run(parts, days).go();
  return { ...left, connections: await hot.dropConnections(first * DAY_MS) };
}

class Run {
  readonly #parts: KeepingParts;
  readonly #days: readonly number[];
  #archived = 0;
  #bytes = 0;
  #dropped = 0;
  #stayed = 0;

  constructor(parts: KeepingParts, days: readonly number[]) {
    this.#parts = parts;
    this.#days = days;
  }

  async go(): Promise<Omit<KeepingReport, 'connections'>> {
    const { hot, files, known } = this.#parts;
    const kept = files === null ? null : await this.#archive(files);
    if (files !== null) await known();
    for (const day of this.#days) {
      const rows = files === null || kept === null ? null : this.#telling(day, rowsOf(files, kept.get(day) ?? []));
      const dropped = await hot.drop(day, rows);
      if (dropped === null) this.#stayed++;
      else this.#dropped += dropped;
    }
    const left = this.#days.length - this.#stayed;
    return { days: left, archived: this.#archived, bytes: this.#bytes, dropped: this.#dropped, stayed: this.#stayed };
  }

  /** Answers where everything of the days now is; all of it has been read back. */
  async #archive(files: ArchiveFiles): Promise<ReadonlyMap<number, readonly Part[]>> {
    const kept = new Map<number, readonly Part[]>();
    const there = Map.groupBy(await listParts(files), ({ day }) => day);
    for (let i = 0; i < this.#days.length; i += DAYS_AT_ONCE) {
      const lot = this.#days.slice(i, i + DAYS_AT_ONCE);
      const writers = new Map(lot.map((day) => [day, new DayWriter(files, day, there.get(day) ?? [])]));
      for await (const rows of this.#parts.hot.rows(lot)) {
        let added = 0;
        for (const row of rows) if (await writers.get(Math.floor(row.received / DAY_MS))?.add(row)) added++;
        this.#tell('archiving', lot[0] as number, added);
      }
      for (const [day, writer] of writers) {
        kept.set(day, await writer.finish());
        this.#bytes += writer.bytes;
      }
    }
    return kept;
  }

  async *#telling(day: number, rows: AsyncIterable<readonly ArchivedFix[]>): AsyncGenerator<readonly ArchivedFix[]> {
    for await (const lot of rows) {
      yield lot;
      this.#tell('dropping', day, 0);
    }
  }

  #tell(doing: KeepingProgress['doing'], day: number, archived: number): void {
    this.#archived += archived;
    this.#parts.told({ doing, day: dayText(day), archived: this.#archived, dropped: this.#dropped });
  }
}

/** Puts a day into the archive: what of it is not there yet, for an earlier run may not have come to its end. */
class DayWriter {
  readonly #files: ArchiveFiles;
  readonly #day: number;
  readonly #there: readonly Part[];
  readonly #known: KnownRows | null;
  readonly #written: Part[] = [];
  #part: PartWriter;
  bytes = 0;

  constructor(files: ArchiveFiles, day: number, there: readonly Part[]) {
    this.#files = files;
    this.#day = day;
    this.#there = there;
    this.#known = there.length === 0 ? null : new KnownRows(files, there);
    this.#part = new PartWriter(day);
  }

  /** Answers whether it was not there before. */
  async add(row: ArchivedFix): Promise<boolean> {
    if (this.#known !== null && (await this.#known.has(row))) return false;
    this.#part.add(row);
    if (this.#part.rows === PART_ROWS) await this.#write();
    return true;
  }

  /** All parts of the day, each read back from its beginning to its end. */
  async finish(): Promise<readonly Part[]> {
    await this.#known?.finish();
    if (this.#part.rows > 0) await this.#write();
    return [...this.#there, ...this.#written];
  }

  async #write(): Promise<void> {
    const part = await writePart(this.#files, this.#part);
    this.bytes += part.bytes;
    this.#written.push(part);
    this.#part = new PartWriter(this.#day);
  }
}

/**
 * Writes a part and reads it back.
 * @throws PartDamaged when what comes back is not what was written
 */
export async function writePart(files: ArchiveFiles, writer: PartWriter): Promise<Part> {
  const { facts, bytes, digest } = writer.finish();
  const part: Part = { ...facts, name: nameOf(facts), bytes: bytes.byteLength };
  await files.write(part.name, bytes);
  try {
    if ((await digestBack(files, part)) !== digest) throw new PartDamaged(part.name, 'it does not read as it was written');
  } catch (error) {
    // Nothing that cannot be read may stay where it is looked for.
    if (error instanceof PartDamaged) await files.remove(part.name);
    throw error;
  }
  return part;
}

async function digestBack(files: ArchiveFiles, part: Part): Promise<string> {
  const digest = new RowsDigest();
  for await (const rows of (await PartReader.open(files, part)).all()) digest.add(rows);
  return digest.hex();
}

/** All rows of parts, a group at a time. */
async function* rowsOf(files: ArchiveFiles, parts: readonly Part[]): AsyncGenerator<readonly ArchivedFix[]> {
  for (const part of parts) yield* (await PartReader.open(files, part)).all();
}

/** Walks along the parts of a day beside rows that come in their order, and knows which of these are there. */
class KnownRows {
  readonly #walks: Walk[];

  constructor(files: ArchiveFiles, parts: readonly Part[]) {
    this.#walks = parts.map((part) => new Walk(files, part));
  }

  async has(row: ArchivedFix): Promise<boolean> {
    let found = false;
    for (const walk of this.#walks) if (await walk.reaches(row)) found = true;
    return found;
  }

  /** To the end, where each part shows whether it is whole. */
  async finish(): Promise<void> {
    for (const walk of this.#walks) await walk.finish();
  }
}

class Walk {
  readonly #groups: AsyncGenerator<readonly ArchivedFix[]>;
  #rows: readonly ArchivedFix[] = [];
  #next = 0;
  #ended = false;

  constructor(files: ArchiveFiles, part: Part) {
    this.#groups = rowsOf(files, [part]);
  }

  /** Goes on to the row, or to where it would be; answers whether it is there, the same in everything. */
  async reaches(row: ArchivedFix): Promise<boolean> {
    for (;;) {
      const next = this.#rows[this.#next];
      if (next !== undefined) {
        const order = byPlace(next, row);
        if (order >= 0) return order === 0 && isSame(next, row);
        this.#next++;
      } else if (!(await this.#more())) {
        return false;
      }
    }
  }

  async finish(): Promise<void> {
    while (await this.#more());
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const { value, done } = await this.#groups.next();
    this.#ended = done === true;
    this.#rows = value ?? [];
    this.#next = 0;
    return !this.#ended;
  }
}

function isSame(a: ArchivedFix, b: ArchivedFix): boolean {
  for (const name of Object.keys(a) as (keyof ArchivedFix)[]) if (a[name] !== b[name]) return false;
  return true;
}
