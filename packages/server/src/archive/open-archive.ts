import { setTimeout as sleep } from 'node:timers/promises';
import type { Records } from '../hub/storage-ports.ts';
import { ArchiveQuestions } from './archive-questions.ts';
import type { ErasedDriver } from './archive-reader.ts';
import { ArchivedRecords } from './archived-records.ts';
import { KNOWN_EVERYWHERE_MS } from './catalogue.ts';
import { Keeper, type KeepingOutcome } from './keeper.ts';
import type { ArchivePlace } from './open-files.ts';
import type { Drops, HotPlace } from './ports.ts';

export interface ArchiveParts {
  readonly records: Records;
  /** null: what is past retention is dropped for good; undefined: everything stays hot. */
  readonly place: ArchivePlace | null | undefined;
  readonly hot: HotPlace;
  readonly retentionDays: number;
  readonly drops: Drops | null;
  readonly erased: () => Promise<readonly ErasedDriver[]>;
  /** Epoch ms. */
  readonly now: () => number;
  readonly ended: (outcome: KeepingOutcome) => void;
  readonly warn: (message: string, error: unknown) => void;
}

/** History beyond what is hot. */
export interface Archive {
  /** Hot and archived history as one. */
  readonly records: Records;
  /** null where everything stays hot. */
  readonly keeper: Keeper | null;
  /** Takes a driver out, with what was received up to a moment, epoch ms; answers whether it could now. Undefined where there is no archive [I15]. */
  readonly erase: ((driver: string, before: number) => Promise<boolean>) | undefined;
  close(): Promise<void>;
}

export function openArchive({ records, place, hot, retentionDays, drops, erased, now, ended, warn }: ArchiveParts): Archive {
  if (place === undefined) return { records, keeper: null, erase: undefined, close: async () => undefined };
  const questions = place === null ? null : new ArchiveQuestions(place);
  // So that it is known before anybody asks, and an archive that cannot be had is heard of at once.
  questions
    ?.has(0, 0, false)
    .catch((error: unknown) => warn('the archive cannot be read: see ARCHIVE_URL, waycast doctor looks at it', error));
  const ending = new AbortController();
  const known = async () => {
    await questions?.forget();
    // Other processes have heard of it when what they know is as old as it may get.
    if (hot.kind === 'postgres') await sleep(KNOWN_EVERYWHERE_MS, undefined, { ref: false, signal: ending.signal });
  };
  const keeper = new Keeper({ data: { hot, place, retentionDays }, drops, known, now, ended });
  return {
    records: questions === null ? records : new ArchivedRecords({ hot: records, archive: questions, erased, retentionDays, now, warn }),
    keeper,
    erase: place === null ? undefined : (driver, before) => keeper.erase(driver, before),
    close: async () => {
      ending.abort();
      await keeper.close();
      await questions?.close();
    },
  };
}
