import { WaycastError } from '@waycast/protocol';
import type { PassFound } from '../core/in-circle.ts';
import { fixRowOf, type HistoryFix } from '../core/kept-fix.ts';
import { type Page, splitCursor } from '../hub/page.ts';
import type { OrderRow, Pass, PassList, PassSearch, Records, TripFilter } from '../hub/storage-ports.ts';
import type { ArchiveQuestions } from './archive-questions.ts';
import type { ArchivedTrack, ErasedDriver } from './archive-reader.ts';
import { ArchiveSilent, ArchiveTrouble, DAY_MS } from './ports.ts';

const NOTHING: ArchivedTrack = { rows: [], until: null };
/** An archive that did not answer is not asked again for so long, ms. */
const LEFT_ALONE_MS = 10_000;

export interface ArchivedRecordsParts {
  readonly hot: Records;
  readonly archive: Pick<ArchiveQuestions, 'has' | 'track' | 'passes'>;
  /** Those who are on their way out. */
  readonly erased: () => Promise<readonly ErasedDriver[]>;
  readonly retentionDays: number;
  /** Epoch ms. */
  readonly now: () => number;
  readonly warn: (message: string, error: unknown) => void;
}

/**
 * History of which a part is hot and a part in the archive, as one [I4]. What was received within retention is hot: questions
 * about that time never wait for the archive.
 */
export class ArchivedRecords implements Records {
  readonly #hot: Records;
  readonly #archive: ArchivedRecordsParts['archive'];
  readonly #parts: ArchivedRecordsParts;
  /** The newest day in the archive, as far as is known; counted since 1970. */
  #newest: number | null = null;
  /** What it said last of why it cannot be read, which is told once; null when it could be. */
  #trouble: string | null = null;
  /** Until then it is not asked, epoch ms. */
  #leftAlone = 0;

  constructor(parts: ArchivedRecordsParts) {
    this.#hot = parts.hot;
    this.#archive = parts.archive;
    this.#parts = parts;
  }

  async locations(driverId: string, from: number, to: number, limit: number, cursor: string | null): Promise<Page<HistoryFix>> {
    const after = cursor === null ? null : placeOf(cursor);
    const start = Math.max(from, after?.at ?? from);
    // Known before hot is read: what leaves there meanwhile was in the archive before.
    const reached = await this.#reaches(start, to);
    const hot = await this.#hot.locations(driverId, from, to, limit, cursor);
    // The answer may have come late enough for rows to have gone since.
    if (!reached && (this.#isHot(start) || !(await this.#reaches(start, to)))) return hot;
    // Beyond a full page of hot ones nothing is wanted.
    const end = hot.cursor === null ? to : Math.min(to, hot.items.at(-1)?.fix.at ?? to);
    const erased = await this.#parts.erased();
    const question = { driver: driverId, from: start, to: end, after, limit: limit + 1, end: 'first', erased } as const;
    const { rows, until } = await this.#asked(start, () => this.#archive.track(question), NOTHING);
    const all = merged(
      rows.map((row) => fixRowOf(row, driverId, 0)),
      hot.items,
    );
    const known = until === null ? all : all.filter(({ fix }) => fix.at < until);
    const items = known.slice(0, limit);
    const last = items.at(-1);
    if (known.length > limit && last !== undefined) return { items, cursor: `${last.fix.at}~${last.id}` };
    // A short page, and where to go on.
    if (until !== null) return { items, cursor: `${until - 1}~${Number.MAX_SAFE_INTEGER}` };
    return { items, cursor: hot.cursor !== null && last !== undefined ? `${last.fix.at}~${last.id}` : null };
  }

  async locationsBefore(driverId: string, at: number, limit: number, since: number): Promise<readonly HistoryFix[]> {
    const reaches = await this.#reaches(since, at - 1);
    const hot = await this.#hot.locationsBefore(driverId, at, limit, since);
    const from = hot.length < limit ? since : Math.max(since, hot[0]?.fix.at ?? since);
    if (!reaches) return hot;
    const erased = await this.#parts.erased();
    const question = { driver: driverId, from, to: at - 1, after: null, limit, end: 'last', erased } as const;
    const { rows } = await this.#asked(since, () => this.#archive.track(question), NOTHING);
    return merged(
      rows.map((row) => fixRowOf(row, driverId, 0)),
      hot,
    ).slice(-limit);
  }

  async passes(search: PassSearch, limit: number): Promise<PassList> {
    if (!(await this.#reaches(search.from, search.to))) return this.#hot.passes(search, limit);
    const erased = await this.#parts.erased();
    // Who is among the nearest is known when both have told all they have.
    const hot = await this.#hot.passes(search, Number.MAX_SAFE_INTEGER);
    const archived = await this.#asked(search.from, () => this.#archive.passes({ ...search, erased }), []);
    return nearest(hot.items, archived, limit);
  }

  fleet(): ReturnType<Records['fleet']> {
    return this.#hot.fleet();
  }

  trip(id: string): ReturnType<Records['trip']> {
    return this.#hot.trip(id);
  }

  trips(filter: TripFilter, limit: number, cursor: string | null): ReturnType<Records['trips']> {
    return this.#hot.trips(filter, limit, cursor);
  }

  orderRows(createdAfter: number, endedAfter: number): Promise<readonly OrderRow[]> {
    return this.#hot.orderRows(createdAfter, endedAfter);
  }

  events(tripId: string): ReturnType<Records['events']> {
    return this.#hot.events(tripId);
  }

  /** Whether the archive may have anything captured in this time. */
  async #reaches(from: number, to: number): Promise<boolean> {
    const nothing = { reaches: false, newest: this.#newest };
    const isKnown = this.#isHot(from);
    const { reaches, newest } = await this.#asked(from, () => this.#archive.has(from, to, isKnown), nothing, !isKnown);
    this.#newest = newest;
    return reaches;
  }

  /**
   * @param isRead whether an answer shows that the archive can be read: it is not what was known before
   * @throws WaycastError `archive_unavailable` for a time of which the archive alone may know
   */
  async #asked<T>(from: number, ask: () => Promise<T>, otherwise: T, isRead = true): Promise<T> {
    try {
      if (this.#parts.now() < this.#leftAlone) throw new ArchiveTrouble(this.#trouble ?? '');
      const found = await ask();
      if (isRead) this.#trouble = null;
      return found;
    } catch (error) {
      if (!(error instanceof ArchiveTrouble)) throw error;
      if (error.message !== this.#trouble)
        this.#parts.warn('the archive was asked for history and did not answer; see ARCHIVE_URL, waycast doctor looks at it', error);
      this.#trouble = error.message;
      if (error instanceof ArchiveSilent) this.#leftAlone = this.#parts.now() + LEFT_ALONE_MS;
      if (this.#isHot(from)) return otherwise;
      throw new WaycastError(
        'archive_unavailable',
        `history of more than ${this.#parts.retentionDays} days ago is in the archive, which cannot be read now`,
      );
    }
  }

  #isHot(from: number): boolean {
    const { now, retentionDays } = this.#parts;
    // Retention may have been shorter before.
    return from >= Math.max(Math.floor(now() / DAY_MS) - retentionDays, (this.#newest ?? -1) + 1) * DAY_MS;
  }
}

function placeOf(cursor: string): { at: number; id: number } {
  const [at, id] = splitCursor(cursor);
  return { at, id: Number(id) };
}

/** Both in order; what is in both, for it is on its way, comes once. */
function merged(archived: readonly HistoryFix[], hot: readonly HistoryFix[]): HistoryFix[] {
  if (archived.length === 0) return [...hot];
  const all = [...archived, ...hot].sort((a, b) => a.fix.at - b.fix.at || a.id - b.id);
  return all.filter((row, index) => {
    const before = all[index - 1];
    return before === undefined || before.id !== row.id || before.fix.at !== row.fix.at;
  });
}

/** Drivers of both, each once. While a day is on its way into the archive a fix may be counted twice [I5]. */
function nearest(hot: readonly Pass[], archived: readonly PassFound<string>[], limit: number): PassList {
  const found = new Map(hot.map((pass) => [pass.driver, pass]));
  for (const one of archived) {
    const pass = passOf(one);
    const known = found.get(one.driver);
    found.set(one.driver, known === undefined ? pass : both(known, pass));
  }
  const passes = [...found.values()].sort((a, b) => a.nearest.distance - b.nearest.distance || (a.driver < b.driver ? -1 : 1));
  return { items: passes.slice(0, limit), isComplete: passes.length <= limit };
}

function passOf({ driver, first, last, fixes, mm, at, lat, lng }: PassFound<string>): Pass {
  return { driver, first, last, fixes, nearest: { lat: lat / 1e7, lng: lng / 1e7, at, distance: mm / 1_000 } };
}

function both(a: Pass, b: Pass): Pass {
  const order = a.nearest.distance - b.nearest.distance || a.nearest.at - b.nearest.at;
  return {
    driver: a.driver,
    first: Math.min(a.first, b.first),
    last: Math.max(a.last, b.last),
    fixes: a.fixes + b.fixes,
    nearest: order <= 0 ? a.nearest : b.nearest,
  };
}
