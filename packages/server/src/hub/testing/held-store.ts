import type { OutboxEntry } from '../../core/effects.ts';
import type { Commit, Committed, Store, StoredDriver, StoreHealth, TakenPartition, TripChange } from '../storage-ports.ts';

/** What a commit carried when it was given: where it moves cursors, and how far its rows and snapshots go. */
export interface Given {
  readonly cursors: Commit['cursors'];
  readonly rows: readonly { readonly driverId: string; readonly position: number }[];
  readonly whole: ReadonlyMap<string, number>;
}

/** A real store behind a slow or faulty line: its answers can be held back, its commits refused, its questions left without an answer. */
export class HeldStore implements Store {
  readonly wholeASecond = 4_000;
  readonly given: Given[] = [];
  /** Why this commit is refused; undefined to store it. */
  refusal: (commit: Commit) => Error | undefined = () => undefined;
  /** Until when what is given now waits on its way to the store; undefined: not at all. */
  delay: (commit: Commit) => Promise<void> | undefined = () => undefined;
  /** Comes before a try is counted; rejects when it is not to be. */
  beforeTry: () => Promise<void> = async () => undefined;
  readonly #store: Store;
  #held: PromiseWithResolvers<void> | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  /** From now on commits are stored, and nobody hears of it. */
  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  letGo(): void {
    this.#held?.resolve();
    this.#held = null;
  }

  async commit(commit: Commit): Promise<Committed> {
    const whole = new Map(Array.from(commit.snapshots, ({ id, position }) => [id, position]));
    const rows = commit.rows.map(({ driverId, position }) => ({ driverId, position }));
    this.given.push({ cursors: [...commit.cursors], rows, whole });
    const refusal = this.refusal(commit);
    const delay = this.delay(commit);
    const reach = (): Promise<Committed> => (delay === undefined ? this.#store.commit(commit) : this.#late(commit, delay));
    const stored = refusal === undefined ? reach() : Promise.reject(refusal);
    const held = this.#held?.promise;
    // Listened to at once: it may be refused long before anybody is told.
    const [outcome] = await Promise.allSettled([stored]);
    await held;
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }

  async #late(commit: Commit, delay: Promise<void>): Promise<Committed> {
    // It is as it was when it was given.
    const given = structuredClone({ ...commit, trips: [...commit.trips], snapshots: [...commit.snapshots] });
    await delay;
    return await this.#store.commit(given);
  }

  async tried(partition: number, position: number): Promise<number> {
    await this.beforeTry();
    return await this.#store.tried(partition, position);
  }

  load(driverIds: readonly string[]): Promise<readonly StoredDriver[]> {
    return this.#store.load(driverIds);
  }

  changeTrip(change: TripChange): Promise<boolean> {
    return this.#store.changeTrip(change);
  }

  take(partitions: readonly number[]): Promise<readonly TakenPartition[]> {
    return this.#store.take(partitions);
  }

  still(partitions: readonly number[]): Promise<readonly TakenPartition[]> {
    return this.#store.still(partitions);
  }

  release(partitions: readonly number[]): Promise<void> {
    return this.#store.release(partitions);
  }

  waiting(partitions: readonly number[]): Promise<readonly OutboxEntry[]> {
    return this.#store.waiting(partitions);
  }

  awake(partitions: readonly number[]): Promise<readonly string[]> {
    return this.#store.awake(partitions);
  }

  health(): StoreHealth {
    return this.#store.health();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
