import type { Clock } from './ports.ts';
import type { Erasure } from './storage-ports.ts';
import { Waits } from './waits.ts';

/** What cannot be had now is asked for again after this long, then twice as long, up to this, ms. */
const FIRST_MS = 10_000;
const LONGEST_MS = 600_000;
/** A run of another process takes hours at most, or hangs. */
const ODD_MS = 6 * 3_600_000;

export interface ErasingArchiveParts {
  readonly clock: Clock;
  readonly eraseArchived?: ((driver: string, before: number) => Promise<boolean>) | undefined;
  readonly warn: (message: string, error: unknown) => void;
  /** One is out of the archive: what comes after may go on. */
  readonly ended: () => void;
}

/** When it is tried again, and why it failed when that was last told. */
interface Failed {
  readonly waits: Waits;
  readonly since: number;
  reason: string;
}

/** Takes drivers out of the archive, one at a time: that takes minutes, and nothing else waits for it [I13, I15]. */
export class ErasingArchive {
  readonly #parts: ErasingArchiveParts;
  readonly #done = new Set<number>();
  readonly #failed = new Map<number, Failed>();
  #isBusy = false;
  #isClosed = false;

  constructor(parts: ErasingArchiveParts) {
    this.#parts = parts;
  }

  /** Whether it is out of the archive. While it is not, that is begun when nothing else is under way and its time has come. */
  isDone(erasure: Erasure): boolean {
    const { eraseArchived, clock } = this.#parts;
    if (eraseArchived === undefined || this.#done.has(erasure.n)) return true;
    const isDue = this.#failed.get(erasure.n)?.waits.isOver(clock.now()) ?? true;
    if (isDue && !this.#isBusy && !this.#isClosed) void this.#erase(erasure, eraseArchived);
    return false;
  }

  forget(n: number): void {
    this.#done.delete(n);
    this.#failed.delete(n);
  }

  /** Whoever keeps the archive ends what is under way; it is begun anew by whoever comes next. */
  close(): void {
    this.#isClosed = true;
  }

  async #erase({ n, driver, at }: Erasure, eraseArchived: (driver: string, before: number) => Promise<boolean>): Promise<void> {
    this.#isBusy = true;
    try {
      if (await eraseArchived(driver, at)) {
        this.#done.add(n);
        this.#failed.delete(n);
      } else {
        const failed = this.#later(n);
        if (this.#parts.clock.now() - failed.since > ODD_MS)
          this.#tell(failed, new Error('another process has been at it for hours: look for one that hangs'));
      }
    } catch (error) {
      if (!this.#isClosed) this.#tell(this.#later(n), error);
    } finally {
      this.#isBusy = false;
    }
    this.#parts.ended();
  }

  /** Another process is at it, with this one perhaps; or it cannot be had. */
  #later(n: number): Failed {
    const now = this.#parts.clock.now();
    const failed = this.#failed.get(n) ?? { waits: new Waits(FIRST_MS, LONGEST_MS), since: now, reason: '' };
    this.#failed.set(n, failed);
    failed.waits.begin(now);
    return failed;
  }

  /** Told when it begins, and when it is for another reason. */
  #tell(failed: Failed, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (failed.reason === reason) return;
    failed.reason = reason;
    this.#parts.warn('the archive cannot be rewritten: a driver that was erased is still in it, until it can; it is tried again', error);
  }
}
