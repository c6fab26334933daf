import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Queries } from './queries.ts';

/** One question to the reading thread: a method of `Queries` and what it takes. */
export interface Question {
  readonly id: number;
  readonly method: keyof Pick<
    Queries,
    | 'load'
    | 'trip'
    | 'trips'
    | 'orderRows'
    | 'events'
    | 'locations'
    | 'locationsBefore'
    | 'passes'
    | 'cursors'
    | 'waiting'
    | 'awake'
    | 'onlineStates'
    | 'sessions'
    | 'erasures'
    | 'consumers'
    | 'deliveries'
    | 'outgoingCounts'
  >;
  readonly args: readonly unknown[];
}

export type Reply = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  const queries = new Queries((workerData as { path: string }).path);
  port.on('message', async ({ id, method, args }: Question) => {
    try {
      const call = queries[method] as (...args: readonly unknown[]) => unknown;
      port.postMessage({ id, value: await call.apply(queries, [...args]) } satisfies Reply);
    } catch (error) {
      port.postMessage({ id, error: (error as Error).message } satisfies Reply);
    }
  });
}
