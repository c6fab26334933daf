import { partitionOf } from './partition.ts';

/** After so long somebody may have mended it, ms. */
const LOOK_AGAIN_MS = 60_000;

/** The drivers that could not be made of what is stored of them, and why: until that is mended nothing can be applied to them [P6]. */
export class Damage {
  readonly #found = new Map<string, { readonly why: string; readonly until: number }>();

  /** Why it cannot be read; undefined once it is to be tried again. Epoch ms. */
  of(driverId: string, now: number): string | undefined {
    const found = this.#found.get(driverId);
    return found === undefined || found.until <= now ? undefined : found.why;
  }

  /** Whether it was found before, however long ago. */
  has(driverId: string): boolean {
    return this.#found.has(driverId);
  }

  note(driverId: string, why: string, now: number): void {
    this.#found.set(driverId, { why, until: now + LOOK_AGAIN_MS });
  }

  mended(driverId: string): void {
    this.#found.delete(driverId);
  }

  /** Somebody else has these partitions, or they begin anew. */
  forget(partitions: ReadonlySet<number>): void {
    for (const id of this.#found.keys()) if (partitions.has(partitionOf(id))) this.#found.delete(id);
  }
}
