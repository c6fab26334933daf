import type { Box } from '../core/around.ts';
import { InCircle, type PassFound } from '../core/in-circle.ts';
import { Catalogue } from './catalogue.ts';
import type { Part } from './part-name.ts';
import { type Group, PartReader } from './part-reader.ts';
import { type ArchivedFix, ArchiveFileGone, type ArchiveFiles } from './ports.ts';

/** Opened parts that are remembered: their footers, some 100 KB each. */
const OPEN = 64;
/** Rows of drivers' tracks that are remembered, for the next page: some 20 MB. */
const REMEMBERED = 100_000;
/** Parts read at once: a bucket answers them side by side. */
const AT_ONCE = 4;
/** A page of a track is looked for so long; then what was found is answered, ms. */
const BUDGET_MS = 5_000;
const TRIES = 5;

/** A driver of whom nothing is told that was received up to a moment, epoch ms: it is on its way out of the archive [I11]. */
export interface ErasedDriver {
  readonly driver: string;
  readonly at: number;
}

/** Whether the archive matters to a question. Days are counted since 1970. */
export interface Reach {
  readonly reaches: boolean;
  readonly newest: number | null;
}

/** What was found of a track; `until`: not all was looked through, what is captured from then on is not known. Epoch ms. */
export interface ArchivedTrack {
  readonly rows: readonly ArchivedFix[];
  readonly until: number | null;
}

/** What is asked of one driver's track. Epoch ms, inclusive. */
export interface TrackQuestion {
  readonly driver: string;
  readonly from: number;
  readonly to: number;
  /** Only what stands after this one in capture order. */
  readonly after: { readonly at: number; readonly id: number } | null;
  readonly limit: number;
  /** The first of them, or the last. */
  readonly end: 'first' | 'last';
  readonly erased: readonly ErasedDriver[];
}

export interface ArchivedPassSearch {
  readonly lat: number;
  readonly lng: number;
  readonly radius: number;
  readonly from: number;
  readonly to: number;
  readonly drivers: readonly string[] | null;
  readonly erased: readonly ErasedDriver[];
}

/** Looks things up in the archive. */
export class ArchiveReader {
  readonly #files: ArchiveFiles;
  readonly #catalogue: Catalogue;
  readonly #open = new Map<string, Promise<PartReader>>();
  /** All a part has of a driver, by both. What a part has never changes. */
  readonly #tracks = new Map<string, readonly ArchivedFix[]>();
  #remembered = 0;

  constructor(files: ArchiveFiles, now: () => number) {
    this.#files = files;
    this.#catalogue = new Catalogue(files, now);
  }

  /** Whether anything captured in this time may be in the archive, and the newest day it has; `atOnce`: as far as is known without asking. */
  async has(from: number, to: number, atOnce: boolean): Promise<Reach> {
    const parts = atOnce ? this.#catalogue.known() : await this.#catalogue.parts();
    return { reaches: parts.some((part) => part.from <= to && part.to >= from), newest: parts.at(-1)?.day ?? null };
  }

  /** Which parts there are is asked for anew. */
  forget(): void {
    this.#catalogue.forget();
  }

  /** In capture order, ties by receipt [F12]. What is in two parts, for one replaces the other, comes once. */
  track(question: TrackQuestion): Promise<ArchivedTrack> {
    return this.#current((parts) => this.#track(question, parts));
  }

  /** All drivers that were there, in any order [Q1-Q3]. */
  passes(search: ArchivedPassSearch): Promise<readonly PassFound<string>[]> {
    return this.#current((parts) => this.#passes(search, parts));
  }

  /** Parts may be replaced while they are read; then it begins again with those that are there now. */
  async #current<T>(work: (parts: readonly Part[]) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await work(await this.#catalogue.parts());
      } catch (error) {
        if (!(error instanceof ArchiveFileGone) || tries === TRIES) throw error;
        this.#catalogue.forget();
      }
    }
  }

  async #track(question: TrackQuestion, parts: readonly Part[]): Promise<ArchivedTrack> {
    const { from, to, after, limit, end } = question;
    const wanted = parts.filter((part) => part.from <= to && part.to >= from);
    wanted.sort(end === 'first' ? (a, b) => a.from - b.from : (a, b) => b.to - a.to);
    const deadline = performance.now() + BUDGET_MS;
    let found: ArchivedFix[] = [];
    for (let i = 0; i < wanted.length; i += AT_ONCE) {
      const [next] = wanted.slice(i) as [Part];
      // What comes now is beyond all that is wanted.
      const edge = found.length < limit ? undefined : found.at(end === 'first' ? -1 : 0);
      if (edge !== undefined && (end === 'first' ? next.from > edge.at : next.to < edge.at)) break;
      // What comes now begins after something that was not known before: that much is an answer.
      if (end === 'first' && performance.now() > deadline && next.from > Math.max(from, after?.at ?? from))
        return { rows: found.filter(({ at }) => at < next.from), until: next.from };
      const lots = await Promise.all(wanted.slice(i, i + AT_ONCE).map((part) => this.#rowsOf(part, question)));
      found = once([...found, ...lots.flat()].sort((a, b) => a.at - b.at || a.id - b.id));
      found = end === 'first' ? found.slice(0, limit) : found.slice(-limit);
    }
    return { rows: found, until: null };
  }

  async #rowsOf(part: Part, { driver, from, to, after, erased }: TrackQuestion): Promise<ArchivedFix[]> {
    return (await this.#trackOf(part, driver)).filter((row) => {
      if (row.at < from || row.at > to || isErased(row, erased)) return false;
      return after === null || row.at > after.at || (row.at === after.at && row.id > after.id);
    });
  }

  /** A track is asked for page by page, and one page needs whole groups to be read. */
  async #trackOf(part: Part, driver: string): Promise<readonly ArchivedFix[]> {
    const key = `${part.name} ${driver}`;
    const known = this.#tracks.get(key);
    if (known !== undefined) {
      // It may have been replaced by one without the driver.
      await this.#files.read(part.name, 0, 1);
      // The least lately used goes first.
      this.#tracks.delete(key);
      this.#tracks.set(key, known);
      return known;
    }
    const reader = await this.#reader(part);
    const rows: ArchivedFix[] = [];
    for (const group of reader.groups) {
      if (group.driver[0] > driver || driver > group.driver[1]) continue;
      for (const row of await reader.rows(group)) if (row.driver === driver) rows.push(row);
    }
    this.#forgetTrack(key);
    this.#tracks.set(key, rows);
    // One that is empty takes room as well.
    this.#remembered += rows.length + 1;
    for (const [oldest] of this.#tracks) {
      if (this.#remembered <= REMEMBERED) break;
      this.#forgetTrack(oldest);
    }
    return rows;
  }

  #forgetTrack(key: string): void {
    const rows = this.#tracks.get(key);
    if (rows === undefined) return;
    this.#tracks.delete(key);
    this.#remembered -= rows.length + 1;
  }

  async #passes(search: ArchivedPassSearch, parts: readonly Part[]): Promise<readonly PassFound<string>[]> {
    const { from, to } = search;
    const drivers = search.drivers === null ? null : new Set(search.drivers);
    const circle = new InCircle<string>(search);
    // A day may be in parts of which one replaces another: what was seen counts once.
    let [day, seen] = [Number.NaN, new Set<string>()];
    for (const part of parts) {
      if (part.from > to || part.to < from) continue;
      if (part.day !== day) [day, seen] = [part.day, new Set()];
      const reader = await this.#reader(part);
      for (const group of reader.groups) {
        if (!mayPass(group, circle.box, search)) continue;
        for (const row of await reader.rows(group)) {
          if (row.at < from || row.at > to || (drivers !== null && !drivers.has(row.driver)) || isErased(row, search.erased)) continue;
          const key = `${row.driver} ${row.at} ${row.id}`;
          if (!seen.has(key) && circle.add(row)) seen.add(key);
        }
      }
    }
    return circle.found();
  }

  #reader(part: Part): Promise<PartReader> {
    const known = this.#open.get(part.name);
    const reader = known ?? PartReader.open(this.#files, part);
    // The least lately used goes first.
    this.#open.delete(part.name);
    this.#open.set(part.name, reader);
    reader.catch(() => this.#open.delete(part.name));
    for (const name of this.#open.keys()) {
      if (this.#open.size <= OPEN) break;
      this.#open.delete(name);
    }
    return reader;
  }
}

function mayPass({ driver: [first, last], at, lat, lng }: Group, { south, north, spans }: Box, search: ArchivedPassSearch): boolean {
  return (
    at[0] <= search.to &&
    at[1] >= search.from &&
    lat[0] <= north &&
    lat[1] >= south &&
    spans.some(([west, east]) => lng[0] <= east && lng[1] >= west) &&
    (search.drivers === null || search.drivers.some((driver) => first <= driver && driver <= last))
  );
}

function isErased({ driver, received }: ArchivedFix, erased: readonly ErasedDriver[]): boolean {
  return erased.some((one) => one.driver === driver && received <= one.at);
}

/** Of rows in order, each place once. */
function once(rows: readonly ArchivedFix[]): ArchivedFix[] {
  return rows.filter(({ at, id }, index) => {
    const before = rows[index - 1];
    return before === undefined || before.at !== at || before.id !== id;
  });
}
