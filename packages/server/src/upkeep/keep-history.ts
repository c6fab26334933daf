import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DATABASE, LOCK, lockFile } from '../adapters/sqlite-store/folder.ts';
import { openSqliteStore } from '../adapters/sqlite-store/store.ts';
import { KNOWN_EVERYWHERE_MS } from '../archive/catalogue.ts';
import { Keeper } from '../archive/keeper.ts';
import type { KeepingProgress, KeepingReport } from '../archive/keeping.ts';
import type { ArchivePlace } from '../archive/open-files.ts';
import type { Drops, HotPlace } from '../archive/ports.ts';
import { StartupError } from '../startup-error.ts';

export interface KeepingTask {
  /** null: what is past retention is dropped for good. */
  readonly place: ArchivePlace | null;
  readonly retentionDays: number;
  readonly told: (progress: KeepingProgress) => void;
}

const TOLD_EVERY_MS = 200;

/** Whether a server has the data folder: then it alone can do it. */
export function isServed(dataDir: string): boolean {
  if (!existsSync(join(dataDir, DATABASE)))
    throw new StartupError(`DATA_DIR ${dataDir} holds no database: name the folder the server uses`);
  const lock = lockFile(join(dataDir, LOCK));
  lock?.close();
  return lock === null;
}

/** A run over the embedded database of no server. @throws StartupError */
export async function keepEmbedded(dataDir: string, task: KeepingTask): Promise<KeepingReport | null> {
  const store = await openSqliteStore({ dataDir });
  try {
    const hot: HotPlace = { kind: 'sqlite', path: join(dataDir, DATABASE) };
    return await run(task, hot, store.drops, async () => undefined);
  } finally {
    await store.close();
  }
}

/** A run over PostgreSQL, beside its servers or without any. Answers null when one of them is at it. */
export function keepShared(url: string, task: KeepingTask): Promise<KeepingReport | null> {
  // Servers have heard of it when what they know is as old as it may get.
  return run(task, { kind: 'postgres', url }, null, () => sleep(KNOWN_EVERYWHERE_MS));
}

async function run(task: KeepingTask, hot: HotPlace, drops: Drops | null, known: () => Promise<void>): Promise<KeepingReport | null> {
  const { place, retentionDays, told } = task;
  const keeper = new Keeper({ data: { hot, place, retentionDays }, drops, known, now: Date.now, ended: () => undefined });
  const timer = setInterval(() => {
    if (keeper.progress !== null) told(keeper.progress);
  }, TOLD_EVERY_MS);
  try {
    return await keeper.run();
  } finally {
    clearInterval(timer);
    await keeper.close();
  }
}
