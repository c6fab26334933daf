import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Place } from './places.ts';

export interface Questions {
  readonly port: number;
  readonly token: string;
  readonly places: readonly Place[];
  readonly perSecond: number;
}

export interface Answers {
  /** ms from when each was due */
  times: number[];
  /** ms after each was due that it was asked */
  late: number[];
  /** drivers found, of all */
  found: number;
  failed: number;
}

/** Asks for the drivers near places, so many a second, each due at its own moment over connections that stay. */
export async function ask(port: number, token: string, place: () => Place, perSecond: number, seconds: number): Promise<Answers> {
  const places = Array.from({ length: Math.floor(perSecond * seconds) }, place);
  const questions: Questions = { port, token, places, perSecond };
  const worker = new Worker(new URL('./asking.ts', import.meta.url), { workerData: questions });
  const [answers] = (await once(worker, 'message')) as [Answers];
  return answers;
}
