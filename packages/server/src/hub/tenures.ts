import { setTimeout as sleep } from 'node:timers/promises';
import { WaycastError } from '@waycast/protocol';
import type { Careful } from './careful.ts';
import type { Commits } from './commits.ts';
import { CursorMoved } from './cursor-moved.ts';
import { type Log, PARTITIONS } from './ports.ts';
import type { Residents } from './residents.ts';
import type { Store, TakenPartition } from './storage-ports.ts';
import { StoreBroken } from './store-broken.ts';

const RETRY_MS = 500;
/** After a standstill the store is asked what is still owned, so long and so often, ms. */
const ASK_FOR_MS = 2_000;
const ASK_EVERY_MS = 100;

export interface TenuresParts {
  readonly log: Log;
  readonly store: Store;
  readonly commits: Commits;
  readonly residents: Residents;
  readonly careful: Careful;
  /** Commands of the partition that wait here are in the log as well. */
  readonly forget: (partition: number) => void;
  readonly lost: (partitions: readonly number[]) => void;
  /** Nobody of these is in memory any more, and time decides for some. */
  readonly begun: (partitions: readonly number[]) => void;
  readonly fatal: (error: unknown) => void;
  readonly warn: (message: string, error: unknown) => void;
  /** Something is lost, set aside or broken: it needs somebody. */
  readonly error: (message: string, error: unknown) => void;
}

/**
 * Which partitions this process owns, and since when. A partition begins at its cursor and is read from there; when
 * something of it could not be stored it begins there anew, as after a crash: state is dropped, and what was not stored
 * is read from the log again [P2, P4].
 */
export class Tenures {
  readonly #parts: TenuresParts;
  /** Counts up with every beginning; 0 while a partition is not owned. */
  readonly #tenures: number[] = new Array(PARTITIONS).fill(0);
  #last = 0;
  /** Of each partition, up to where it is stored. */
  readonly #stored: number[] = new Array(PARTITIONS).fill(0);
  #beginningAnew: Promise<void> | null = null;
  readonly #broken = new Set<number>();
  /** Where these begin is not known: what the store has of them may be older than what is on its way there. */
  readonly #unsure = new Set<number>();

  constructor(parts: TenuresParts) {
    this.#parts = parts;
  }

  of(partition: number): number {
    return this.#tenures[partition] as number;
  }

  /** The same, and 0 as well while the partition begins anew: whoever was brought in then would go on from what is out of date. */
  serving(partition: number): number {
    return this.#unsure.has(partition) ? 0 : this.of(partition);
  }

  owned(): number[] {
    return this.#tenures.flatMap((tenure, partition) => (tenure === 0 ? [] : [partition]));
  }

  begin({ partition, position }: TakenPartition): void {
    this.#tenures[partition] = ++this.#last;
    this.#unsure.delete(partition);
    this.#stored[partition] = position;
    this.#parts.commits.startAt(partition, position);
    this.#parts.log.open(partition, position);
  }

  stored(partition: number, position: number): void {
    this.#stored[partition] = position;
    this.#parts.log.trim(partition, position);
  }

  /** Everything of these that was applied is stored, and nothing more is done with them. */
  async end(partitions: readonly number[]): Promise<void> {
    const { log, commits, residents, store } = this.#parts;
    for (const partition of partitions) {
      log.close(partition);
      this.#parts.forget(partition);
    }
    await this.#beginningAnew;
    const mine = new Set(partitions.filter((partition) => this.of(partition) !== 0));
    for (const partition of mine) {
      log.close(partition);
      this.#parts.careful.leave(partition);
    }
    for (const driver of residents.dirty(mine)) commits.storeWhole(driver);
    await commits.settled();
    this.#let(mine);
    // Nothing is lost when that fails: the next owner takes care.
    await store
      .release([...mine])
      .catch((error: unknown) => this.#parts.warn('the store could not note that partitions were left in good order', error));
  }

  /** Somebody else has these. */
  lose(partitions: readonly number[]): void {
    const gone = new Set(partitions.filter((partition) => this.of(partition) !== 0));
    if (gone.size === 0) return;
    this.#let(gone);
    // Whatever was gathered with them would be refused with them.
    this.#beginAnew();
  }

  /** Lets go of what others have taken over unseen, and of nothing else. */
  async ask(): Promise<void> {
    const { warn, lost } = this.#parts;
    const tenures = new Map(this.owned().map((partition) => [partition, this.of(partition)]));
    const still = await this.#still([...tenures.keys()]);
    const gone = [...tenures].flatMap(([partition, tenure]) =>
      still.includes(partition) || this.of(partition) !== tenure ? [] : [partition],
    );
    if (gone.length === 0) return;
    warn(`this process was taken for dead and lets go of ${gone.length} partitions that others have taken over`, null);
    this.lose(gone);
    lost(gone);
  }

  /** Which of these are owned still; all of them where the store is away, and nobody can take over. */
  async #still(partitions: readonly number[]): Promise<readonly number[]> {
    const { store, warn } = this.#parts;
    for (const deadline = performance.now() + ASK_FOR_MS; ; ) {
      try {
        return (await store.still(partitions)).map(({ partition }) => partition);
      } catch (error) {
        // Whoever took over has ended the sessions of this process: they are made anew.
        if (performance.now() < deadline) {
          await sleep(ASK_EVERY_MS);
          continue;
        }
        warn('the store could not be asked what is still owned; it goes on as before until a commit says otherwise', error);
        return partitions;
      }
    }
  }

  /** These are read again from where they are stored. */
  again(partitions: readonly number[]): void {
    for (const partition of partitions) this.#broken.add(partition);
    this.#beginAnew();
  }

  /** What was applied of these could not be stored, or not even applied. */
  failed(partitions: readonly number[], error: unknown): void {
    const { careful, fatal, warn } = this.#parts;
    if (error instanceof StoreBroken) {
      fatal(error);
      return;
    }
    if (error instanceof CursorMoved) {
      // While others begin anew, what was given to the store after them fails for that alone.
      if (this.#beginningAnew === null) {
        warn('this process was taken for dead and lets go of what others have taken over', error);
        this.#let(new Set(error.partitions));
        this.#parts.lost(error.partitions);
      }
    } else if (isPassing(error)) {
      warn('the store did not answer while something was tried: it is read from the log again', error);
    } else {
      this.#parts.error(
        'what commands led to could not be stored: they are read from the log again, one at a time; please report this',
        error,
      );
      for (const partition of partitions)
        if (this.of(partition) !== 0) careful.enter(partition, error instanceof Error ? error.message : String(error));
    }
    for (const partition of partitions) this.#broken.add(partition);
    this.#beginAnew();
  }

  #let(partitions: ReadonlySet<number>): void {
    const { log, residents, careful, forget } = this.#parts;
    for (const partition of partitions) {
      this.#tenures[partition] = 0;
      log.close(partition);
      careful.leave(partition);
      forget(partition);
    }
    residents.forget(partitions);
  }

  #beginAnew(): void {
    const { log, commits, residents, careful, forget } = this.#parts;
    for (const partition of commits.discard()) this.#broken.add(partition);
    for (const partition of this.#broken) {
      this.#unsure.add(partition);
      log.close(partition);
      forget(partition);
      careful.again(partition);
    }
    residents.forget(this.#broken);
    this.#beginningAnew ??= this.#readAgain().finally(() => {
      this.#beginningAnew = null;
      if (this.#broken.size > 0) this.#beginAnew();
    });
  }

  async #readAgain(): Promise<void> {
    const { store, commits, warn } = this.#parts;
    // What is with the store already goes through or fails first: only then it is known where to begin.
    await commits.settled();
    const again = [...this.#broken].filter((partition) => this.of(partition) !== 0);
    const tenures = new Map(again.map((partition) => [partition, this.of(partition)]));
    // One that went and came back meanwhile has begun already.
    const isMeant = (partition: number): boolean => this.of(partition) === tenures.get(partition);
    this.#broken.clear();
    for (;;) {
      try {
        const still = await store.still(again);
        const mine = still.filter(({ partition }) => isMeant(partition));
        const gone = again.filter((partition) => !still.some((one) => one.partition === partition) && isMeant(partition));
        for (const one of mine) this.begin(one);
        this.#parts.begun(mine.map(({ partition }) => partition));
        if (gone.length > 0) {
          this.#let(new Set(gone));
          this.#parts.lost(gone);
        }
        return;
      } catch (error) {
        warn('the store could not be asked where to begin anew; it is tried again', error);
        await sleep(RETRY_MS);
      }
    }
  }
}

/** The store was away, which says nothing about what was to be stored. */
function isPassing(error: unknown): boolean {
  return error instanceof WaycastError && error.code === 'storage_unavailable';
}
