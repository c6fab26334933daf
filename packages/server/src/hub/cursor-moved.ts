/** A commit came too late: somebody else owns these partitions, and nothing of it was stored [P2]. */
export class CursorMoved extends Error {
  readonly partitions: readonly number[];

  constructor(partitions: readonly number[]) {
    super(`the cursor of partition ${partitions.join(', ')} is not where it was: another process owns it`);
    this.partitions = partitions;
  }
}
