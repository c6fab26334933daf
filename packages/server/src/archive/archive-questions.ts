import { Worker } from 'node:worker_threads';
import type { PassFound } from '../core/in-circle.ts';
import type { ArchivedPassSearch, ArchivedTrack, Reach, TrackQuestion } from './archive-reader.ts';
import type { ArchivePlace } from './open-files.ts';
import { ArchiveSilent, ArchiveTrouble } from './ports.ts';
import type { Question, Reply } from './thread/reader-thread.ts';

/** What takes longer is given up, and the thread with it: nobody waits for it any more. ms */
const PATIENCE_MS = 30_000;

interface Asked {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** `ArchiveReader`, in a thread that begins with the first question. */
export class ArchiveQuestions {
  readonly #place: ArchivePlace;
  readonly #asked = new Map<number, Asked>();
  #thread: Worker | undefined;
  #last = 0;

  constructor(place: ArchivePlace) {
    this.#place = place;
  }

  has(from: number, to: number, atOnce: boolean): Promise<Reach> {
    return this.#ask('has', from, to, atOnce) as Promise<Reach>;
  }

  track(question: TrackQuestion): Promise<ArchivedTrack> {
    return this.#ask('track', question) as Promise<ArchivedTrack>;
  }

  passes(search: ArchivedPassSearch): Promise<readonly PassFound<string>[]> {
    return this.#ask('passes', search) as Promise<readonly PassFound<string>[]>;
  }

  /** Which parts there are is asked for anew. */
  async forget(): Promise<void> {
    if (this.#thread !== undefined) await this.#ask('forget');
  }

  async close(): Promise<void> {
    await this.#thread?.terminate();
    this.#end(new ArchiveTrouble('the server is going away'));
  }

  #ask(method: Question['method'], ...args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = ++this.#last;
      this.#thread ??= this.#start();
      const thread = this.#thread;
      const timer = setTimeout(() => {
        void thread.terminate();
        if (thread === this.#thread) this.#end(new ArchiveSilent(`the archive did not answer within ${PATIENCE_MS / 1_000} s`));
      }, PATIENCE_MS).unref();
      const ended = (settle: () => void) => {
        clearTimeout(timer);
        settle();
      };
      this.#asked.set(id, { resolve: (value) => ended(() => resolve(value)), reject: (error) => ended(() => reject(error)) });
      thread.postMessage({ id, method, args } satisfies Question);
    });
  }

  #start(): Worker {
    const thread = new Worker(new URL('./thread/reader-thread.ts', import.meta.url), { workerData: this.#place });
    thread.on('message', (reply: Reply) => {
      const asked = this.#asked.get(reply.id);
      this.#asked.delete(reply.id);
      if (!('error' in reply)) asked?.resolve(reply.value);
      else asked?.reject(reply.trouble ? new ArchiveTrouble(reply.error) : new Error(reply.error));
    });
    // What was asked of it is answered by the error; the next question begins another one.
    thread.on('error', (error) => {
      if (thread === this.#thread) this.#end(error as Error);
    });
    thread.unref();
    return thread;
  }

  #end(error: Error): void {
    this.#thread = undefined;
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
  }
}
