import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { ArchiveReader } from '../archive-reader.ts';
import { type ArchivePlace, openFiles } from '../open-files.ts';
import { ArchiveTrouble } from '../ports.ts';
import { giveWay } from './give-way.ts';

/** One question: a method of `ArchiveReader` and what it takes. */
export interface Question {
  readonly id: number;
  readonly method: keyof Pick<ArchiveReader, 'has' | 'track' | 'passes' | 'forget'>;
  readonly args: readonly unknown[];
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  /** `trouble`: the archive cannot be reached, or is damaged; anything else is a fault of ours. */
  | { readonly id: number; readonly error: string; readonly trouble: boolean };

// Reading a group of rows is 30 ms of work: not in the thread that serves.
if (!isMainThread && parentPort !== null) {
  giveWay();
  const port = parentPort;
  const reader = new ArchiveReader(await openFiles(workerData as ArchivePlace), () => performance.now());
  port.on('message', async ({ id, method, args }: Question) => {
    try {
      const call = reader[method] as (...args: readonly unknown[]) => unknown;
      port.postMessage({ id, value: await call.apply(reader, [...args]) } satisfies Reply);
    } catch (error) {
      port.postMessage({ id, error: (error as Error).message, trouble: error instanceof ArchiveTrouble } satisfies Reply);
    }
  });
}
