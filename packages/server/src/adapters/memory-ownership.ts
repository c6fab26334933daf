import { type Owner, type Ownership, PARTITIONS } from '../hub/ports.ts';

const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition);

/** The ownership of a process that is alone: everything is its own until it closes. */
export class MemoryOwnership implements Ownership {
  #owner: Owner | undefined;
  #closed: Promise<void> | undefined;

  async start(owner: Owner): Promise<void> {
    this.#owner = owner;
    await owner.gain(ALL);
  }

  lost(partitions: readonly number[]): void {
    throw new Error(`partitions ${partitions.join(', ')} have another owner, though this process was to be alone`);
  }

  close(): Promise<void> {
    this.#closed ??= this.#owner?.yield(ALL) ?? Promise.resolve();
    return this.#closed;
  }
}
