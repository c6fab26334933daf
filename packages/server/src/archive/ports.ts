import type { KeptFix } from '../core/kept-fix.ts';

/** A file of the archive. */
export interface ArchiveFile {
  readonly name: string;
  readonly bytes: number;
}

/**
 * Where archived history lies. Names are paths with `/`; a file is there whole or not at all, and never changes.
 * Everything throws ArchiveTrouble where the place cannot be used.
 */
export interface ArchiveFiles {
  list(): Promise<readonly ArchiveFile[]>;
  /**
   * The bytes from `start` to before `end`.
   * @throws ArchiveFileGone when there is no such file
   */
  read(name: string, start: number, end: number): Promise<Uint8Array>;
  /** Durable once this resolves. Of a name that is there, what was there is replaced. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** One that is not there is gone already. */
  remove(name: string): Promise<void>;
  /** Removes what writers left that did not get to their end. */
  tidy(): Promise<void>;
  close(): void;
}

/** The place where the archive lies could not be used; the message says what it said. */
export class ArchiveTrouble extends Error {}

/** It did not answer in time: whoever asks next would wait as long. */
export class ArchiveSilent extends ArchiveTrouble {}

/** Somebody removed the file since it was listed. */
export class ArchiveFileGone extends ArchiveTrouble {
  constructor(name: string) {
    super(`${name} is not in the archive any more`);
  }
}

/** A stored fix as it is archived. */
export interface ArchivedFix extends KeptFix {
  readonly driver: string;
}

/** History as the store has it, by the UTC day of receipt. Days are counted since 1970. */
export interface HotHistory {
  /** Answers false while another process keeps this history; else it is this one's until `close`. */
  begin(): Promise<boolean>;
  /** The days before this one of which something is there, ascending. */
  days(before: number): Promise<readonly number[]>;
  /** What was received on these days, by driver, capture and id. */
  rows(days: readonly number[]): AsyncIterable<readonly ArchivedFix[]>;
  /**
   * Drops these rows, all received on one day; what else was received on it stays. null: all there are. Answers how many were there; null: somebody is
   * in history for long, and the day stays for another run.
   */
  drop(day: number, rows: AsyncIterable<readonly ArchivedFix[]> | null): Promise<number | null>;
  /** Drops the connections that were over before, epoch ms; answers how many there were. */
  dropConnections(before: number): Promise<number>;
  close(): Promise<void>;
}

export const DAY_MS = 86_400_000;

/** Where one fix stands to another in a part. */
export function byPlace(a: ArchivedFix, b: ArchivedFix): number {
  if (a.driver !== b.driver) return a.driver < b.driver ? -1 : 1;
  return a.at - b.at || a.id - b.id;
}

/** Where hot history is: a database file, or the address of PostgreSQL. */
export type HotPlace = { readonly kind: 'sqlite'; readonly path: string } | { readonly kind: 'postgres'; readonly url: string };

/** Fixes by driver (an index into `drivers`), capture and id. */
export interface FixKeys {
  readonly drivers: readonly string[];
  readonly of: Uint32Array<ArrayBuffer>;
  readonly at: Float64Array<ArrayBuffer>;
  readonly id: Float64Array<ArrayBuffer>;
}

/** What only the one writer of an embedded database does for a run, each call in a moment. */
export interface Drops {
  /** Answers how many of these fixes were in history. */
  fixes(fixes: FixKeys): Promise<number>;
  /** At most so many connections that were over before, epoch ms; answers how many there were. */
  connections(before: number, most: number): Promise<number>;
}
