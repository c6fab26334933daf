import cluster, { type Worker } from 'node:cluster';
import { mkdirSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { placesOf, SERVING } from './place.ts';

const RESTART_PAUSE_MS = 500;

export interface PrimaryParts {
  readonly count: number;
  readonly info: (message: string) => void;
  readonly warn: (message: string) => void;
}

/**
 * Runs workers that share the ports, and serves nothing itself. One that dies is replaced; SIGTERM ends all in good order;
 * SIGHUP replaces one after the other, each new one serving before the old one goes.
 */
export class Primary {
  readonly #parts: PrimaryParts;
  #hasServed = false;
  #ending = false;
  #code = 0;
  /** Those that were asked to go. */
  readonly #asked = new Set<number>();
  #replacing: Promise<void> | undefined;

  constructor(parts: PrimaryParts) {
    this.#parts = parts;
  }

  /** Resolves with the exit code once all workers have ended. */
  async run(): Promise<number> {
    const folder = placesOf(process.pid);
    // Of another primary that had this number, and was killed.
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const ended = Promise.withResolvers<number>();
    cluster.on('exit', (worker, code) => this.#gone(worker, code, ended.resolve));
    process.on('SIGTERM', () => this.#end());
    process.on('SIGINT', () => this.#end());
    process.on('SIGHUP', () => {
      this.#replacing ??= this.#replaceAll().finally(() => {
        this.#replacing = undefined;
      });
    });
    for (let i = 0; i < this.#parts.count; i++) this.#fork();
    try {
      return await ended.promise;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  #fork(): Worker {
    const worker = cluster.fork();
    void serving(worker).then((serves) => {
      this.#hasServed ||= serves;
    });
    return worker;
  }

  #gone(worker: Worker, code: number, ended: (code: number) => void): void {
    // What kept the first ones from serving would keep all others: it has been said, and is for a person to mend.
    if (!this.#hasServed && code !== 0 && !this.#ending) {
      this.#code = code;
      this.#end();
    }
    if (this.#ending) {
      if (workers().length === 0) ended(this.#code);
    } else if (!this.#asked.delete(worker.id)) {
      this.#parts.warn(`worker ${worker.id} (process ${worker.process.pid}) ended with ${code}: another one takes its place`);
      setTimeout(() => {
        if (!this.#ending) this.#fork();
      }, RESTART_PAUSE_MS);
    }
  }

  #end(): void {
    if (this.#ending) return;
    this.#ending = true;
    for (const worker of workers()) worker.process.kill('SIGTERM');
  }

  async #replaceAll(): Promise<void> {
    this.#parts.info('replacing the workers one after the other');
    for (const old of workers()) {
      const next = this.#fork();
      const serves = await serving(next);
      if (!serves || this.#ending) return;
      this.#asked.add(old.id);
      old.process.kill('SIGTERM');
      while (!old.isDead() && !this.#ending) await sleep(50);
    }
    this.#parts.info('all workers are replaced');
  }
}

function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

/** Resolves with whether the worker came to serve. */
function serving(worker: Worker): Promise<boolean> {
  return new Promise((resolve) => {
    worker.on('message', (message: unknown) => message === SERVING && resolve(true));
    worker.once('exit', () => resolve(false));
  });
}
