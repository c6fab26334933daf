import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { PostgresAgedHistory } from '../../adapters/postgres-store/aged-history.ts';
import { SqliteAgedHistory } from '../../adapters/sqlite-store/aged-history.ts';
import { eraseFromArchive } from '../erase.ts';
import { type KeepingProgress, type KeepingReport, keep } from '../keeping.ts';
import { type ArchivePlace, openFiles } from '../open-files.ts';
import type { FixKeys, HotHistory, HotPlace } from '../ports.ts';
import { giveWay, standBack } from './give-way.ts';

export interface KeeperData {
  readonly hot: HotPlace;
  /** null: what is past retention is dropped for good. */
  readonly place: ArchivePlace | null;
  readonly retentionDays: number;
  /** Epoch ms. */
  readonly now: number;
  /** Instead of a run: this driver leaves the archive, with all that was received up to a moment, epoch ms [I15]. */
  readonly erase: { readonly driver: string; readonly before: number } | null;
}

/** What only the main thread can do for a run, by its number. */
export type Wish =
  | { readonly kind: 'drop'; readonly fixes: FixKeys }
  | { readonly kind: 'forget'; readonly before: number; readonly most: number }
  /** That readers hear of what was written. */
  | { readonly kind: 'known' };

export type KeeperMessage =
  | { readonly kind: 'wish'; readonly n: number; readonly wish: Wish }
  | { readonly kind: 'progress'; readonly progress: KeepingProgress }
  | { readonly kind: 'done'; readonly report: KeepingReport | null }
  /** `isErased`: not while another process takes history out. */
  | { readonly kind: 'erased'; readonly isErased: boolean }
  | { readonly kind: 'failed'; readonly message: string };

export type Granted = { readonly n: number; readonly value: number } | { readonly n: number; readonly error: string };

/** A run, from its beginning to its end, with connections of its own. */
if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  const say = (message: KeeperMessage, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
  const wishes = new Map<number, { resolve: (value: number) => void; reject: (error: Error) => void }>();
  let last = 0;
  const ask = (wish: Wish) =>
    new Promise<number>((resolve, reject) => {
      wishes.set(++last, { resolve, reject });
      say({ kind: 'wish', n: last, wish }, wish.kind === 'drop' ? [wish.fixes.of.buffer, wish.fixes.at.buffer, wish.fixes.id.buffer] : []);
    });
  port.on('message', (granted: Granted) => {
    const wish = wishes.get(granted.n);
    wishes.delete(granted.n);
    if ('error' in granted) wish?.reject(new Error(granted.error));
    else wish?.resolve(granted.value);
  });
  const { hot: where, place, retentionDays, now, erase } = workerData as KeeperData;
  // For who was erased somebody waits.
  if (erase === null) standBack();
  else giveWay();
  let hot: HotHistory | undefined;
  try {
    hot =
      where.kind === 'sqlite'
        ? new SqliteAgedHistory(where.path, {
            fixes: (fixes) => ask({ kind: 'drop', fixes }),
            connections: (before, most) => ask({ kind: 'forget', before, most }),
          })
        : await PostgresAgedHistory.open(where.url);
    const files = place === null ? null : await openFiles(place);
    await files?.tidy();
    const known = async () => void (await ask({ kind: 'known' }));
    if (erase === null) {
      const told = (progress: KeepingProgress) => say({ kind: 'progress', progress });
      say({ kind: 'done', report: await keep({ hot, files, retentionDays, now, known, told }) });
    } else {
      // What a run has read already would come in afterwards.
      const isErased = await hot.begin();
      if (isErased && files !== null) await eraseFromArchive(files, erase.driver, erase.before);
      say({ kind: 'erased', isErased });
    }
    files?.close();
  } catch (error) {
    say({ kind: 'failed', message: (error as Error).message });
  } finally {
    await hot?.close().catch(() => undefined);
    port.close();
  }
}
